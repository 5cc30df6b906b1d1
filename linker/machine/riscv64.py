"""Decoding riscv64 machine code into the neutral form.

Peculiarities: addresses of symbols are made of an upper part (`lui`), rounded so that the signed low 12 bits reach the
address from it, either of which LLVM may keep across a call; a call of a function is two instructions, `auipc` and
`jalr`, taken for one here; amounts and offsets that no immediate holds are put together in a register right before
they are added to the stack pointer. Relocation types: RISC-V psABI, "Relocations".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from popcc.isa import ISAS
from popcc.isa.riscv64 import FLOATING, GENERAL
from popcc.linker.machine.base import M64, Code, Effect, Expr, Insn, Machine, Mem, Undecodable, handlers
from popcc.linker.machine.riscv64_compressed import UNIMPLEMENTED, expand
from popcc.linker.machine.riscv64_jumps import jump_targets, linked_targets
from popcc.linker.machine.riscv64_words import Word, take_apart

_CALLS = frozenset((18, 19))  # R_RISCV_CALL, _CALL_PLT
_AUIPC = 0x17  # the opcode, in an instruction's lowest seven bits
_BRANCHES = frozenset("beq bne blt bge bltu bgeu".split())
_HI20, _LO12 = 26, frozenset((27, 28))
_ROUNDING = 0x800  # what R_RISCV_HI20 adds before it cuts the low 12 bits off

_BOX = 0xFFFFFFFF_00000000  # above a float of 32 bits
_LOADS = {
    "lb": (1, "s"), "lh": (2, "s"), "lw": (4, "s"), "ld": (8, ""), "lbu": (1, "z"), "lhu": (2, "z"), "lwu": (4, "z")
}  # fmt: skip
_STORES = {"sb": 1, "sh": 2, "sw": 4, "sd": 8, "fsw": 4, "fsd": 8}
_ALU = {"add": "add", "sub": "sub", "and": "and", "or": "or", "xor": "xor"}
_ALU_IMMEDIATE = {"ori": "or", "xori": "xor", "slli": "shl", "srli": "shr", "srai": "sar"}
_OF_WORDS = frozenset("addw subw sllw srlw sraw slliw srliw sraiw mulw divw divuw remw remuw".split())
_SHIFTS = frozenset("sll srl sra sllw srlw sraw".split())  # they go by the lowest bits of the amount
_MOST = 2  # instructions that make an amount or offset which no immediate holds
_ANYWHERE = frozenset(("", "ret", "trap", "indirect"))  # kinds of instructions that name no address in the code

# by their bytes, instructions that mean the same wherever they stand
_known: dict[bytes, Insn] = {}


def _decode(code: Code) -> list[Insn]:
    out: list[Insn] = []
    at = 0
    while at < len(code.data):
        address = code.address + at
        size = 4 if code.data[at] & 3 == 3 else 2
        here = code.data[at : at + size]
        relocated = address in code.relocations
        insn = None if relocated else _known.get(here)
        if insn is None:
            insn = _decoded(code, at, here)
            if not (relocated or insn.relative) and insn.kind in _ANYWHERE and here[0] & 0x7F != _AUIPC:
                _known[here] = insn
        else:
            insn = insn.moved(address)
        if sum_ := _of_frame(out, insn):
            insn = insn.moved(address)
            insn.effects = [sum_]
        out.append(insn)
        at = insn.end - code.address
    return out


def _decoded(code: Code, at: int, here: bytes) -> Insn:
    number = int.from_bytes(here, "little")
    expanded = expand(number) if len(here) == 2 else number
    if expanded == UNIMPLEMENTED:
        insn = Insn(code.address + at, code.address + at + len(here), "unimp")
        insn.kind = "trap"
        return insn
    word = take_apart(expanded) if expanded is not None and len(here) in (2, 4) else None
    if word is None:
        raise Undecodable(f"bytes {here.hex(' ')} at {code.section}+{at:#x}")
    if word.name == "auipc" and (callee := _second_half(code, at, word)):
        return _call(code, at, word, callee)
    return _Decoding(code, at, len(here), word).run()


def _second_half(code: Code, at: int, first: Word) -> Word | None:
    """The `jalr` behind an `auipc` that makes the upper part of its address."""
    following = take_apart(int.from_bytes(code.data[at + 4 : at + 8], "little"))
    return following if following and following.name == "jalr" and following.rs1 == first.rd else None


def _call(code: Code, at: int, first: Word, second: Word) -> Insn:
    address = code.address + at
    target = address + first.imm + second.imm
    relocations = code.relocations.get(address, ())
    # without a relocation it is a call of this very function, whose distance the assembler knew
    if not code.address and not (code.holds(target) or any(r.type in _CALLS for r in relocations)):
        raise Undecodable(f"{first} at {code.section}+{at:#x}: no relocation of a call")
    if second.rd not in ("ra", "zero"):
        raise Undecodable(f"a call that returns by {second.rd} at {code.section}+{at:#x}")
    kind = "call" if second.rd == "ra" else code.jump_to(target, bool(relocations))
    insn = Insn(address, address + 8, f"{kind} {target:#x}")
    insn.kind = kind
    if kind == "call":
        insn.callee = target if code.address else None
    elif kind == "jump":  # a branch too far for one instruction
        insn.target = target
        insn.effects.append(("set", first.rd, 8, ("op", (), ())))
    return insn


def _of_frame(before: Sequence[Insn], insn: Insn) -> Effect | None:
    """Of an instruction that adds a constant in a register to the stack pointer, or takes it away: its effect, said
    so; the constant is made by the instructions right before."""
    match insn.effects:
        case [("set", target, 8, ("alu", "add", ("r", "sp", 8, ""), ("r", other, 8, "")))]:
            sign = 1
        case [("set", target, 8, ("alu", "add", ("r", other, 8, ""), ("r", "sp", 8, "")))]:
            sign = 1
        case [("set", target, 8, ("alu", "sub", ("r", "sp", 8, ""), ("r", other, 8, "")))]:
            sign = -1
        case _:
            return None
    value = _constant(before[-_MOST:], other)
    return None if value is None else ("set", target, 8, ("lea", ("sp", None, sign * value, None)))


def _constant(insns: Sequence[Insn], register: str) -> int | None:
    """What the last instructions put into a register, if it is a number."""
    value: int | None = None
    for insn in insns:
        match insn.effects:
            case [("set", target, 8, ("c", number))] if target == register:
                value = number - (number >> 63 << 64)
            case [("set", target, 8, ("lea", (base, None, disp, None)))] if target == base == register:
                value = None if value is None else value + disp
            case [("set", target, 8, ("alu", "addw", ("r", base, 4, "z"), ("c", number)))] if (
                target == base == register
            ):
                value = None if value is None else value + number - (number >> 63 << 64)
            case _:
                value = None
    return value


def _returns(word: Word) -> bool:
    """Whether a `jalr` is a function's return."""
    return word.rd == "zero" and word.rs1 == "ra" and not word.imm


def _text(word: Word, address: int) -> str:
    """In assembly language, with targets as addresses."""
    if word.name == "jal":
        return f"{'jal' if word.rd == 'ra' else 'j'} {address + word.imm:#x}"
    if word.name in _BRANCHES:
        return f"{word.name} {word.rs1}, {word.rs2}, {address + word.imm:#x}"
    return "ret" if word.name == "jalr" and _returns(word) else str(word)


class _Decoding:
    """The decoding of one instruction."""

    def __init__(self, code: Code, at: int, size: int, word: Word) -> None:
        self.code = code
        self.word = word
        address = code.address + at
        self.insn = Insn(address, address + size, partial(_text, word, address))
        relocations = code.relocations.get(self.insn.address, ())
        self.relocation = relocations[0] if relocations else None

    def run(self) -> Insn:
        name = self.word.name
        handler = _HANDLERS.get(name)
        if handler:
            handler(self)
        elif name in _LOADS:
            self._set(("ld", self._mem(), *_LOADS[name]))
            if self.word.rd == "zero":  # of a volatile object say; it still takes the address
                self.insn.reads += self._read((self.word.rs1, 8))
        elif name in _STORES:
            size = _STORES[name]
            self.insn.effects.append(("store", self._mem(), size, self._value(self.word.rs2, size)))
        elif name in _ALU:
            self._alu(_ALU[name], self._value(self.word.rs1), self._value(self.word.rs2))
        elif name in _ALU_IMMEDIATE:
            self._alu(_ALU_IMMEDIATE[name], self._value(self.word.rs1), ("c", self.word.imm & M64))
        elif name in _BRANCHES:
            self.insn.kind, self.insn.target = "branch", self.insn.address + self.word.imm
            self.insn.reads += self._read((self.word.rs1, 8), (self.word.rs2, 8))
        elif name.startswith(("lr.", "sc.", "amo")):
            self._atomic(4 if name.endswith("w") else 8)
        elif not name.startswith("fence"):
            self._generic()
        return self.insn

    def _read(self, *registers: tuple[str, int]) -> tuple[tuple[str, int], ...]:
        """Those that are registers of the program."""
        return tuple(dict.fromkeys((self._register(r), n) for r, n in registers if r not in ("", "zero", "tp")))

    def _register(self, name: str) -> str:
        if name == "gp":
            raise Undecodable(f"{self.insn.text}: register gp")
        return name

    def _value(self, name: str, width: int = 8) -> Expr:
        """A register's low `width` bytes."""
        if name == "zero":
            return ("c", 0)
        if name == "tp":
            return ("tp",)
        return ("r", self._register(name), width, "" if width == 8 else "z")

    def _set(self, value: Expr) -> None:
        if self.word.rd == "tp":
            raise Undecodable(f"{self.insn.text}: the thread pointer changes")
        if self.word.rd != "zero":
            self.insn.effects.append(("set", self._register(self.word.rd), 8, value))

    def _mem(self) -> Mem:
        if r := self.relocation:
            if r.type not in _LO12:
                raise Undecodable(f"{self.insn.text}: relocation {r.type}")
            return self._register(self.word.rs1), None, 0, ("lo12", r.symbol, r.addend)
        if self.word.rs1 == "tp":  # memory at the thread pointer counts as an object of its own
            return None, None, self.word.imm, ("abs", "tp:", 0)
        if self.word.rs1 == "zero":
            return None, None, self.word.imm, None
        return self._register(self.word.rs1), None, self.word.imm, None

    def _alu(self, name: str, a: Expr, b: Expr) -> None:
        zero: Expr = ("c", 0)
        if name in ("add", "or", "xor", "sub") and b == zero:
            self._set(a)
        elif name in ("add", "or", "xor") and a == zero:
            self._set(b)
        else:
            self._set(("alu", name, a, b))

    def _do_lui(self) -> None:
        r = self.relocation
        if r is None:
            self._set(("c", self.word.imm & M64))
        elif r.type == _HI20:
            self._set(("page", r.symbol, r.addend + _ROUNDING))
        else:
            raise Undecodable(f"{self.insn.text}: relocation {r.type}")

    def _do_auipc(self) -> None:
        if not self.code.address:
            raise Undecodable(f"{self.insn.text}: code that is not of the small model")
        self._set(("c", (self.insn.address + self.word.imm) & M64))

    def _do_addi(self) -> None:
        source = self._value(self.word.rs1)
        if r := self.relocation:
            if r.type not in _LO12 or source[0] != "r":
                raise Undecodable(f"{self.insn.text}: relocation {r.type}")
            self._set(("lo12", source[1], r.symbol, r.addend))
        elif source[0] == "r" and self.word.imm:
            self._set(("lea", (source[1], None, self.word.imm, None)))
        else:
            self._alu("add", source, ("c", self.word.imm & M64))

    def _do_addiw(self) -> None:
        source = self._value(self.word.rs1, 4)
        if source[0] == "r" and not self.word.imm:
            self._set((*source[:3], "s"))
        else:
            self._alu("addw" if source != ("c", 0) else "add", source, ("c", self.word.imm & M64))

    def _do_andi(self) -> None:
        wanted = 8 if self.word.imm < 0 else 1 if self.word.imm < 256 else 2
        self._alu("and", self._value(self.word.rs1, wanted), ("c", self.word.imm & M64))

    def _do_jal(self) -> None:
        target = self.insn.address + self.word.imm
        if self.word.rd == "zero":
            self.insn.relative = True
            self.insn.kind = self.code.jump_to(target, self.relocation is not None)
            self.insn.target = target if self.insn.kind == "jump" else None
        elif self.word.rd == "ra":
            self.insn.kind = "call"
            self.insn.callee = target if self.code.address else None
        else:
            raise Undecodable(f"{self.insn.text}: a call that returns by {self.word.rd}")

    def _do_jalr(self) -> None:
        if self.word.rd not in ("zero", "ra"):
            raise Undecodable(f"{self.insn.text}: a call that returns by {self.word.rd}")
        self.insn.kind = "call" if self.word.rd == "ra" else "ret" if _returns(self.word) else "indirect"
        self.insn.reads += self._read((self.word.rs1, 8))

    def _do_ebreak(self) -> None:
        self.insn.kind = "trap"

    def _do_flw(self) -> None:
        self._set(("alu", "or", ("ld", self._mem(), 4, "z"), ("c", _BOX)))

    def _do_fld(self) -> None:
        self._set(("ld", self._mem(), 8, ""))

    def _move(self, width: int, extend: str) -> None:
        value = self._value(self.word.rs1, width)
        self._set((*value[:3], extend) if value[0] == "r" else value)

    def _generic(self) -> None:
        """Anything else computes a result of all that it names."""
        w = self.word
        mover = {"fmv.x.d": (8, ""), "fmv.d.x": (8, ""), "fmv.x.w": (4, "s")}.get(w.name)
        if mover or (w.name == "fsgnj.d" and w.rs1 == w.rs2):
            self._move(*(mover or (8, "")))
        elif w.name == "fmv.w.x":
            self._set(("alu", "or", self._value(w.rs1, 4), ("c", _BOX)))
        elif w.name == "ecall":
            raise Undecodable(f"{self.insn.text}: a system call")
        else:
            width = 4 if w.name in _OF_WORDS or w.name.startswith(("fcvt.s.w", "fcvt.d.w")) else 8
            amount = 1 if w.name in _SHIFTS else width
            self._set(("op", self._read((w.rs1, width), (w.rs2, amount), (w.rs3, width)), ()))

    def _atomic(self, size: int) -> None:
        mem: Mem = (self._register(self.word.rs1), None, 0, None)
        value: Expr = ("op", self._read((self.word.rs2, size)), ((mem, size),))
        if self.word.name.startswith("lr."):
            self._set(("ld", mem, size, "s" if size == 4 else ""))
        else:
            self.insn.effects.append(("store", mem, size, value))
            # a conditional store tells whether it succeeded
            conditional = self.word.name.startswith("sc.")
            self._set(value if conditional else ("ld", mem, size, "s" if size == 4 else ""))
        if not self.insn.effects:
            self.insn.reads += self._read((self.word.rs1, 8))


_HANDLERS = handlers(_Decoding)

_SAVED = tuple(name for name in (*GENERAL, *FLOATING) if name.startswith(("s", "fs")) and name != "sp")

RISCV64_MACHINE = Machine(
    isa=ISAS["riscv64"],
    registers=(*(name for name in GENERAL if name not in ("zero", "gp", "tp")), *FLOATING),
    vectors=frozenset(),  # the floating registers hold 8 bytes as the general ones do
    callee_saved=_SAVED,
    stack_pointer="sp",
    link_register="ra",
    entry_sp=0,
    dwarf=ISAS["riscv64"].registers,
    arguments=(*(f"a{n}" for n in range(8)), *(f"fa{n}" for n in range(8))),
    results=("a0", "a1", "fa0", "fa1"),
    undefined_at_entry=frozenset(f"t{n}" for n in range(7)),
    page_rounding=_ROUNDING,
    decode=_decode,
    jump_targets=jump_targets,
    linked_targets=linked_targets,
)
