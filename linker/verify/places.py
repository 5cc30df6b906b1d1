"""The state of the poison analysis: a bit per byte of each register and of the frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from popcc.linker.machine.base import FLAGS, Expr, Machine
from popcc.linker.verify.frame import Body, Step
from popcc.linker.verify.placing import Placed
from popcc.linker.verify.tables import TableFunction

State = int


class Registers:
    """The bits of a machine's registers, which are the same in all functions."""

    def __init__(self, machine: Machine) -> None:
        self.at: dict[str, int] = {}  # first bit
        self.sizes: dict[str, int] = {}  # bytes that are told apart
        self.end = 0
        for name in (*machine.registers, FLAGS):
            self.at[name] = self.end
            self.sizes[name] = 1 if name == FLAGS else 16 if name in machine.vectors else 8
            self.end += self.sizes[name]
        self._masks: dict[tuple[str, int], State] = {}
        self.whole = {name: self.mask(name, 16) for name in self.at}
        preserved = (*machine.callee_saved, machine.stack_pointer)
        self.passed = self.all_of(machine.arguments)
        self.returned = self.all_of(machine.results)
        self.kept = sum(self.mask(r, 8) for r in machine.callee_saved)  # a return leaves them as they were
        self.clobbered = self.all_of(r for r in self.at if r not in preserved)
        # what holds nothing of the function's own when it begins
        self.undefined = self.all_of(dict.fromkeys((*machine.callee_saved, *machine.undefined_at_entry)))

    def all_of(self, names: Iterable[str]) -> State:
        """Registers, whole."""
        return sum(self.whole[name] for name in names)

    def mask(self, name: str, width: int) -> State:
        """The low `width` bytes."""
        found = self._masks.get((name, width))
        if found is None:
            found = self._masks[name, width] = ((1 << min(width, self.sizes[name])) - 1) << self.at[name]
        return found

    def address(self, place: Expr) -> State:
        """The registers by which a memory operand is addressed, if it is not in the frame."""
        return self.both(place[1], place[2]) if place[0] == "far" else 0

    def both(self, base: str | None, index: str | None) -> State:
        """The registers of an address."""
        bits = self.mask(base, 8) if base else 0
        return bits | self.mask(index, 8) if index else bits

    def touched(self, placed: Placed) -> State:
        """The registers that effects read, write and address memory by; -1 if they make poison where there was none."""
        bits = 0
        for e in placed.effects:
            if e[3] == ("lost",):
                return -1
            bits |= self.mask(e[1], 16) if e[0] == "set" else self.address(e[1])
            bits |= self.read(e[3], lambda place, _: self.address(place))
        return bits

    def read(self, e: Expr, memory: Callable[[Expr, int], State]) -> State:
        """The registers that an expression reads, and what `memory` makes of its memory operands and their sizes."""
        kind = e[0]
        if kind in ("r", "ins"):
            return self.mask(e[1], e[2] if kind == "r" else 8)
        if kind == "ld":
            return memory(e[1], e[2])
        if kind == "lea":
            return self.both(*e[1][:2])
        if kind == "alu":
            return self.read(e[2], memory) | self.read(e[3], memory)
        bits = 0
        if kind == "op":
            for register, width in e[1]:
                bits |= self.mask(register, width)
            for place, size in e[2]:
                bits |= memory(place, size)
        return bits


def _registers(machine: Machine) -> Registers:
    """The layout of a machine's registers; the same object for each function."""
    found = _layouts.get(machine.isa.name)
    return found or _layouts.setdefault(machine.isa.name, Registers(machine))


_layouts: dict[str, Registers] = {}


@dataclass(frozen=True)
class Places:
    """Which bit of a state stands for which byte, in one function."""

    registers: Registers
    low: int  # least CFA offset
    high: int  # one behind the greatest

    @cached_property
    def zero(self) -> int:
        """The bit of the byte at the CFA."""
        return self.registers.end - self.low

    def slot(self, offset: int, size: int) -> State:
        """Bytes of the frame."""
        return ((1 << size) - 1) << (self.zero + offset)

    def name(self, state: State) -> str:
        """The first place of a state, for messages."""
        bit = (state & -state).bit_length() - 1
        if bit >= self.registers.end:
            return f"the frame at CFA{bit - self.zero:+d}"
        return next(r for r, at in self.registers.at.items() if at <= bit < at + self.registers.sizes[r])

    def concerned(self, steps: tuple[Step, ...]) -> list[tuple[Step, State]]:
        """The bytes that each step reads or writes: if none is poisoned, it faults on nothing and leaves all as it is.

        -1 for calls, returns and what makes poison itself, which are looked at in any case.
        """
        out: list[tuple[Step, State]] = []
        for step in steps:
            insn, placed, _, _, _ = step
            bits = placed.touched
            if bits is None:
                bits = placed.touched = self.registers.touched(placed)
            if insn.kind in ("call", "ret", "tail"):
                bits = -1
            if bits >= 0:
                for register, width in insn.reads:
                    bits |= self.registers.mask(register, width)
                for offset, size in placed.accesses:
                    bits |= self.slot(offset, size)
            out.append((step, bits))
        return out


def places_of(machine: Machine, function: TableFunction, body: Body) -> Places:
    """The places of a function: all of the frame that it accesses, or that its sites say it has."""
    registers = _registers(machine)
    low, high = machine.entry_sp, 8
    for n in body.order:
        for step in body.blocks[n]:
            _, placed, sp, _, _ = step
            if sp < low:
                low = sp
            for offset, size in placed.accesses:
                low, high = min(low, offset), max(high, offset + size)
    for site in function.sites:
        low = min(low, -site.frame)
    return Places(registers, low - 16, high + 16)
