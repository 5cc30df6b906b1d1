"""The state of the poison analysis: a bit per byte of each register and of the frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from popcc.linker.machine.base import FLAGS, Effect, Expr, Machine
from popcc.linker.verify.frame import Body, Step
from popcc.linker.verify.memo import ByIdentity
from popcc.linker.verify.tables import TableFunction

State = int


class Touched(NamedTuple):
    """The places that effects read, write and address memory by."""

    registers: State
    frame: tuple[tuple[int, int], ...]  # offset and size
    lost: bool  # whether poison comes of them where there was none


@dataclass(frozen=True)
class Registers:
    """The bits of a machine's registers, which are the same in all functions."""

    at: dict[str, int]  # first bit
    sizes: dict[str, int]  # bytes that are told apart
    end: int

    @cached_property
    def _masks(self) -> dict[tuple[str, int], State]:
        return {}

    def mask(self, name: str, width: int) -> State:
        """The low `width` bytes."""
        found = self._masks.get((name, width))
        if found is None:
            found = self._masks[name, width] = ((1 << min(width, self.sizes[name])) - 1) << self.at[name]
        return found

    def both(self, base: str | None, index: str | None) -> State:
        """The registers of an address."""
        bits = self.mask(base, 8) if base else 0
        return bits | self.mask(index, 8) if index else bits

    @cached_property
    def touched(self) -> ByIdentity[tuple[Effect, ...], Touched]:
        """What placed effects touch."""
        return ByIdentity(self._touched)

    def _touched(self, effects: tuple[Effect, ...]) -> Touched:
        bits, frame = 0, list[tuple[int, int]]()
        for e in effects:
            if e[0] == "set":
                bits |= self.mask(e[1], 16)
            else:
                bits |= self._memory(e[1], e[2], frame)
            bits |= self._value(e[3], frame)
        return Touched(bits, tuple(frame), any(e[3] == ("lost",) for e in effects))

    def _value(self, e: Expr, frame: list[tuple[int, int]]) -> State:
        kind = e[0]
        if kind in ("r", "ins"):
            return self.mask(e[1], e[2] if kind == "r" else 8)
        if kind == "ld":
            return self._memory(e[1], e[2], frame)
        if kind == "lea":
            return self.both(*e[1][:2])
        if kind == "alu":
            return self._value(e[2], frame) | self._value(e[3], frame)
        bits = 0
        if kind == "op":
            for register, width in e[1]:
                bits |= self.mask(register, width)
            for place, size in e[2]:
                bits |= self._memory(place, size, frame)
        return bits

    def _memory(self, place: Expr, size: int, frame: list[tuple[int, int]]) -> State:
        if place[0] == "frame":
            frame.append((place[1], size))
        return self.both(place[1], place[2]) if place[0] == "far" else 0


def _registers(machine: Machine) -> Registers:
    at: dict[str, int] = {}
    sizes: dict[str, int] = {}
    end = 0
    for name in (*machine.registers, FLAGS):
        at[name] = end
        sizes[name] = 1 if name == FLAGS else 16 if name in machine.vectors else 8
        end += sizes[name]
    return Registers(at, sizes, end)


registers_of = ByIdentity(_registers)


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

    def concerned(self, step: Step) -> State:
        """The bytes that a step reads or writes: as long as none is poisoned, it faults on nothing and leaves all so.

        -1 for calls, returns and what makes poison itself, which are looked at in any case.
        """
        insn = step.insn
        if insn.kind in ("call", "ret", "tail"):
            return -1
        bits = 0
        for register, width in insn.reads:
            bits |= self.registers.mask(register, width)
        if step.effects:
            touched = self.registers.touched(step.effects)
            if touched.lost:
                return -1
            bits |= touched.registers
            for offset, size in touched.frame:
                bits |= self.slot(offset, size)
        return bits


def places_of(machine: Machine, function: TableFunction, body: Body) -> Places:
    """The places of a function: all of the frame that it accesses, or that its sites say it has."""
    registers = registers_of(machine)
    low, high = machine.entry_sp, 8
    for n in body.order:
        for step in body.blocks[n]:
            low = min(low, step.sp)
            if step.effects:
                for offset, size in registers.touched(step.effects).frame:
                    low, high = min(low, offset), max(high, offset + size)
    for site in function.sites:
        low = min(low, -site.frame)
    return Places(registers, low - 16, high + 16)
