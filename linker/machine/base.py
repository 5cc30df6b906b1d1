"""The neutral form of an instruction, and what a decoder for an ISA provides.

An instruction is a list of effects that happen at once: every expression is evaluated before anything is
written. Locations are registers by name; memory is named by an address expression.

    expression    ("c", value)                    constant
                  ("sym", name, addend)           address of a symbol
                  ("page", name, addend)          that address with its low 12 bits cleared
                  ("lo12", reg, name, addend)     symbol's address, given its page in reg (see `Machine.page_rounding`)
                  ("r", reg, width, extend)       low `width` bytes of it; extend "" "z" "s" where width < 8
                  ("ld", mem, size, extend)       load
                  ("lea", mem)                    an address as a value
                  ("ins", reg, value, shift)      reg with 16 bits replaced (movk)
                  ("alu", name, a, b)             an operation of two expressions, in 64 bits: `ALU`
                  ("tp",)                         the thread pointer
                  ("op", reads, mems)             anything else of registers [(reg, width)], memory [(mem, size)]
    mem           (base, index, disp, symbol)     base, index: register or None; symbol: None or
                                                  ("abs" | "got" | "lo12", name, addend)
    effect        ("set", reg, width, expression) width 1 and 2 keep the rest of the register, others don't
                  ("store", mem, size, expression)

The pseudo register "flags" stands for the condition codes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from operator import add, and_, lshift, or_, rshift, sub, xor
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from popcc.isa import Isa

ENDS = frozenset(("ret", "jump", "trap", "tail", "indirect"))  # kinds of instructions that the next one does not follow
Expr = tuple[Any, ...]
Mem = tuple[str | None, str | None, int, tuple[str, str, int] | None]
Effect = tuple[Any, ...]
Text = str | Callable[[], str]  # of an instruction, or what makes it once somebody asks
FLAGS = "flags"
M64 = (1 << 64) - 1


def signed(value: int, bits: int) -> int:
    """The number that the low `bits` of `value` are in two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


ALU: dict[str, Callable[[int, int], int]] = {  # of the results, the low 64 bits count
    "and": and_,
    "or": or_,
    "xor": xor,
    "shl": lshift,
    "shr": rshift,
    "sar": lambda a, b: signed(a, 64) >> b,
    "add": add,
    "sub": sub,
    "addw": lambda a, b: signed(a + b, 32),  # the low 32 bits, sign-extended
}


class Insn:
    """One decoded instruction.

    `kind` is "" for an ordinary one, else "call", "ret", "jump", "branch" (conditional), "indirect", "tail" or "trap".
    Once decoded it doesn't change: equal instructions share their effects and reads.
    """

    __slots__ = ("_text", "address", "callee", "effects", "end", "kind", "memo", "model", "reads", "relative", "target")

    def __init__(self, address: int, end: int, text: Text, model: Insn | None = None) -> None:
        self.address = address
        self.end = end
        self._text = text
        self.model = model  # the one that this is the same as elsewhere: what follows of it is known
        self.memo: Any = None  # of a model: what the proof knows of it
        self.relative = False  # whether it is one because of its address: it means something else elsewhere
        self.target: int | None = None
        self.callee: int | None = None  # of a direct call in linked code
        if model is None:
            self.kind = ""
            self.effects: list[Effect] = []
            self.reads: list[tuple[str, int]] = []  # read whatever becomes of the results (branches, calls, divisions)
        else:
            self.kind, self.effects, self.reads = model.kind, model.effects, model.reads

    @property
    def text(self) -> str:
        """In assembly language, for messages."""
        return self._text if isinstance(self._text, str) else self._text()

    def __repr__(self) -> str:
        return f"{self.address:x}: {self.text}"

    def moved(self, address: int) -> Insn:
        """The same instruction elsewhere, of one that names no address in the code."""
        return Insn(address, address + self.end - self.address, self._text, self)


class Relocation(Struct, frozen=True):
    """A relocation inside a section: where, its type's number, symbol ("section:NAME" for a section), addend."""

    offset: int
    type: int
    symbol: str
    addend: int


class Code(Struct, frozen=True):
    """A function's section: bytes and the relocations in it; `rodata` for jump tables."""

    data: bytes
    section: str
    relocations: Mapping[int, tuple[Relocation, ...]]
    rodata: bytes  # contents of the object's .rodata, where jump tables lie
    rodata_relocations: Mapping[int, Relocation]
    table_starts: tuple[int, ...]  # where tables begin, ascending: offsets in .rodata; addresses of linked code
    address: int = 0  # where linked code lies: it has no relocations, and every address in it is one
    rodata_address: int = 0  # and where `rodata` does
    dead_end: bool = True  # nothing that can run lies right behind it: no other function, that is

    def holds(self, address: int) -> bool:
        """Whether an address is one of this code's."""
        return self.address <= address < self.address + len(self.data)

    def jump_to(self, target: int, relocated: bool) -> str:
        """The kind of instruction that a direct jump is, by where it leads.

        A block that the compiler found unreachable may be empty. If it was the last, its label is the code's end.
        """
        if not relocated and self.holds(target):
            return "jump"
        dead = self.dead_end and not relocated and target == self.address + len(self.data)
        return "trap" if dead else "tail"


class Undecodable(Exception):
    """Bytes that are no instruction the decoder knows; the message shows them."""


class Machine(Struct, frozen=True):
    """A decoder and the register facts of an ISA's calling convention."""

    isa: Isa
    registers: tuple[str, ...]  # all that are tracked
    vectors: frozenset[str]  # those among them that are vector registers
    callee_saved: tuple[str, ...]
    stack_pointer: str
    link_register: str | None
    entry_sp: int  # stack pointer at entry, relative to the CFA
    dwarf: Mapping[int, str]
    arguments: tuple[str, ...]  # registers a call may read
    results: tuple[str, ...]  # registers a return may leave results in, of 16 bytes at most (popcc.passes.target)
    undefined_at_entry: frozenset[str]  # registers with no meaning when a function begins
    page_rounding: int  # what "lo12" takes to have been added to an address before its low 12 bits were cleared
    decode: Callable[[Code], list[Insn]]
    jump_targets: Callable[[Code, list[Insn], int, Any], list[int]]
    """Targets of the indirect jump at an index (`reaching.Find`); raises `Undecodable` for one without a table."""
    linked_targets: Callable[[Code, list[Insn], int, Any], list[int]]
    """The same in linked code."""


def handlers(decoding: type, aliases: Mapping[str, str] = MappingProxyType({})) -> dict[str, Callable[[Any], None]]:
    """By mnemonic, the methods ``_do_…`` of a decoder, which decode it; `aliases` are other names of those."""
    found = {name.removeprefix("_do_"): f for name, f in vars(decoding).items() if name.startswith("_do_")}
    return found | {alias: found[name] for alias, name in aliases.items()}


def table_end(code: Code, start: int) -> int:
    """Where the jump table at `start` must end: where the next begins."""
    next_ = bisect_right(code.table_starts, start)
    return code.table_starts[next_] if next_ < len(code.table_starts) else code.rodata_address + len(code.rodata)
