"""Which of an instruction's accesses are to the frame: its memory operands, made relative to the CFA.

In placed effects they are ("frame", offset), ("fixed", address) or ("far", base, index, disp), and an address in the
frame that is put into a register is ("cfa", offset).
"""

from __future__ import annotations

from typing import Any

from popcc.linker.machine import MACHINES
from popcc.linker.machine.base import FLAGS, Effect, Expr, Insn, Machine, Mem

Span = tuple[int, int]  # of the frame: offset from the CFA, size
Bases = dict[str, int]  # register -> its distance from the CFA, for those that hold a frame address


SOMETIMES = 1 << 62  # and more: a distance of what holds a frame address on some paths and anything on others


class Unprovable(Exception):
    """Why nothing can be said of a function: `address` of the instruction, if it is one's fault."""

    def __init__(self, text: str, address: int = 0) -> None:
        super().__init__(text)
        self.address = address


class Placed:
    """An instruction's effects, placed, and what follows from them alone."""

    __slots__ = ("accesses", "effects", "sets", "stores", "touched")

    def __init__(self, effects: tuple[Effect, ...], apart: bool) -> None:
        self.effects = effects
        self.sets = tuple([e[1] for e in effects if e[0] == "set"])  # registers
        self.stores: tuple[Span, ...] = ()  # to the frame
        self.accesses: tuple[Span, ...] = ()  # likewise, loads among them
        if not apart:  # a frame address takes part
            self.stores = tuple([(e[1][1], e[2]) for e in effects if e[0] == "store" and e[1][0] == "frame"])
            loads: list[Span] = []
            for e in effects:
                _collect_loads(e[3], loads)
            self.accesses = (*self.stores, *loads)
        self.touched: int | None = None  # for popcc.linker.verify.places


def _collect_loads(e: Expr, spans: list[Span]) -> None:
    if e[0] == "ld":
        if e[1][0] == "frame":
            spans.append((e[1][1], e[2]))
    elif e[0] == "op":
        spans += [(place[1], size) for place, size in e[2] if place[0] == "frame"]
    elif e[0] == "alu":
        _collect_loads(e[2], spans)
        _collect_loads(e[3], spans)


class Effects:
    """A list of effects, and what is known of it. Equal instructions share theirs, so most are met again."""

    __slots__ = ("away", "effects", "names", "within")

    def __init__(self, effects: list[Effect]) -> None:
        names: set[str] = set()
        for e in effects:
            _collect(e, names)
        registers = _REGISTERS & names
        self.effects = effects
        self.names = _name_sets.setdefault(registers, registers)  # the registers that the effects mention
        self.away: Placed | None = None  # where no frame address takes part
        self.within: dict[frozenset[tuple[str, int]], Placed] | None = None  # and where one does, by all that there are

    def moves(self, bases: Bases) -> list[tuple[str, int | None]]:
        """The registers that are set, and their distance then if they hold a frame address."""
        return [(e[1], _frame_address(e[3], bases)) for e in self.effects if e[0] == "set" and e[1] != FLAGS]

    def placed(self, machine: Machine, address: int, bases: Bases) -> Placed:
        """The effects, placed: the same object where they are the same. Raises `Unprovable`."""
        if self.names.isdisjoint(bases):  # the same whatever the frame is
            if self.away is None:
                self.away = self._placed(machine, address, bases)
            return self.away
        key = frozenset(bases.items())
        if self.within is None:
            self.within = {}
        found = self.within.get(key)
        if found is None:
            found = self.within[key] = self._placed(machine, address, bases)
        return found

    def _placed(self, machine: Machine, address: int, bases: Bases) -> Placed:
        apart = self.names.isdisjoint(bases)
        return Placed(tuple([_placed_in(machine, e, address, bases) for e in self.effects]), apart)


def _collect(e: Any, names: set[str]) -> None:
    for part in e:
        if isinstance(part, str):
            names.add(part)
        elif isinstance(part, tuple):
            _collect(part, names)


_REGISTERS = frozenset(r for machine in MACHINES.values() for r in machine.registers)
_name_sets: dict[frozenset[str], frozenset[str]] = {}  # there are few, and what is shared stays in the caches
_NOTHING = Effects([])


def with_effects(insns: list[Insn]) -> list[tuple[Insn, Effects]]:
    """Instructions, each with what is known of its effects."""
    return [(i, (i.model or i).memo or _learnt(i)) for i in insns]


def _learnt(insn: Insn) -> Effects:
    found = (insn.model or insn).memo = Effects(insn.effects) if insn.effects else _NOTHING
    return found


def _placed_in(machine: Machine, e: Effect, address: int, bases: Bases) -> Effect:
    _refuse_uncertain(e, address, bases)
    if e[0] == "store":
        if _frame_address(e[3], bases) is not None:
            raise Unprovable("a frame's address is stored", address)
        return ("store", _place(e[1], address, bases), e[2], _expression(e[3], address, bases))
    if e[1] == FLAGS and any(r in bases for r in _computed_with(e[3])):
        return ("set", FLAGS, e[2], ("lost",))  # moving the stack pointer sets them to what no node's business is
    distance = _frame_address(e[3], bases)
    if distance is not None:
        if e[1] in machine.vectors:
            raise Unprovable(f"a frame's address is put into {e[1]}", address)
        return ("set", e[1], e[2], ("cfa", distance))
    return ("set", e[1], e[2], _expression(e[3], address, bases))


def _refuse_uncertain(e: Effect, address: int, bases: Bases) -> None:
    if max(bases.values()) < SOMETIMES:
        return
    read: set[str] = set()
    _collect(e[3:] if e[0] == "set" else e[1:], read)
    for r in read:
        if bases.get(r, 0) >= SOMETIMES:
            raise Unprovable(f"{r} holds an address in the frame on some paths only", address)


def _expression(e: Expr, address: int, bases: Bases) -> Expr:
    kind = e[0]
    if kind == "ld":
        return ("ld", _place(e[1], address, bases), *e[2:])
    if kind == "lea":
        base, index, disp, symbol = e[1]
        if base is None and index is None and symbol is None:
            return ("c", disp)
        _refuse(tuple(r for r in (base, index) if r), address, bases)
        return e
    if kind == "alu":
        return ("alu", e[1], _expression(e[2], address, bases), _expression(e[3], address, bases))
    if kind == "op":
        _refuse(_computed_with(e), address, bases)
        return ("op", e[1], tuple((_place(m, address, bases), size) for m, size in e[2]))
    if kind in ("r", "ins"):
        _refuse((e[1],), address, bases)
    return e


def _computed_with(e: Expr) -> tuple[str, ...]:
    """The registers that an operation reads otherwise than to address memory."""
    return tuple(r for r, _ in e[1] if not any(r in mem[:2] for mem, _ in e[2]))


def _place(mem: Mem, address: int, bases: Bases) -> tuple[Any, ...]:
    base, index, disp, symbol = mem
    if index in bases or (base in bases and index is not None):
        raise Unprovable("an indexed access to the frame", address)
    if base in bases:
        return ("frame", bases[base] + disp)
    if base is None and index is None and symbol is None:
        return ("fixed", disp)
    return ("far", base, index, disp)


def _refuse(registers: tuple[str, ...], address: int, bases: Bases) -> None:
    for r in registers:
        if r in bases:
            raise Unprovable(f"the frame's address in {r} is computed with", address)


def _frame_address(e: Expr, bases: Bases) -> int | None:
    if e[0] == "r" and e[2] >= 8:
        return bases.get(e[1])
    if e[0] == "lea" and e[1][0] in bases and e[1][1] is None:
        return bases[e[1][0]] + int(e[1][2])
    return None
