"""Which of an instruction's accesses are to the frame: its memory operands, made relative to the CFA.

In placed effects they are ("frame", offset), ("fixed", address) or ("far", base, index, disp), and an address in the
frame that is put into a register is ("cfa", offset).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from popcc.linker.machine.base import FLAGS, Effect, Expr, Insn, Machine, Mem
from popcc.linker.verify.memo import ByIdentity

Bases = dict[str, int]  # register -> its distance from the CFA, for those that hold a frame address


class Unprovable(Exception):
    """Why nothing can be said of a function: `address` of the instruction, if it is one's fault."""

    def __init__(self, text: str, address: int = 0) -> None:
        super().__init__(text)
        self.address = address


class _Known:
    """What is known of a list of effects. Equal instructions share theirs, so most are met again."""

    __slots__ = ("away", "names", "within")

    def __init__(self, effects: list[Effect]) -> None:
        names: set[str] = set()
        for e in effects:
            _collect(e, names)
        self.names = frozenset(names)  # that the effects mention, registers among them
        self.away: tuple[Effect, ...] | None = None  # placed, where no frame address takes part
        self.within: dict[int, tuple[Effect, ...]] = {}  # and where the stack pointer is the only one, by its distance


def _collect(e: Any, names: set[str]) -> None:
    for part in e:
        if isinstance(part, str):
            names.add(part)
        elif isinstance(part, tuple):
            _collect(part, names)


_known = ByIdentity(_Known)


def takes_part(insn: Insn, bases: Bases) -> bool:
    """Whether an instruction has to do with a register that holds a frame address."""
    return not _known(insn.effects).names.isdisjoint(bases)


def moves_of(insn: Insn, bases: Bases) -> Iterator[tuple[str, int | None]]:
    """The registers that an instruction sets, and their distance behind it if they then hold a frame address."""
    return ((e[1], _frame_address(e[3], bases)) for e in insn.effects if e[0] == "set" and e[1] != FLAGS)


def placed(machine: Machine, insn: Insn, bases: Bases) -> tuple[Effect, ...]:
    """The effects of an instruction, placed; mostly the same object where they are the same. Raises `Unprovable`."""
    known = _known(insn.effects)
    if known.names.isdisjoint(bases):  # the same whatever the frame is
        if known.away is None:
            known.away = tuple([_placed_in(machine, e, insn, bases) for e in insn.effects])
        return known.away
    if len(bases) > 1:
        return tuple([_placed_in(machine, e, insn, bases) for e in insn.effects])
    sp = bases[machine.stack_pointer]
    if sp not in known.within:
        known.within[sp] = tuple([_placed_in(machine, e, insn, bases) for e in insn.effects])
    return known.within[sp]


def _placed_in(machine: Machine, e: Effect, insn: Insn, bases: Bases) -> Effect:
    if e[0] == "store":
        if _frame_address(e[3], bases) is not None:
            raise Unprovable("a frame's address is stored", insn.address)
        return ("store", _place(e[1], insn, bases), e[2], _expression(e[3], insn, bases))
    if e[1] == FLAGS and any(r in bases for r in _computed_with(e[3])):
        return ("set", FLAGS, e[2], ("lost",))  # moving the stack pointer sets them to what no node's business is
    address = _frame_address(e[3], bases)
    if address is not None:
        if e[1] in machine.vectors:
            raise Unprovable(f"a frame's address is put into {e[1]}", insn.address)
        return ("set", e[1], e[2], ("cfa", address))
    return ("set", e[1], e[2], _expression(e[3], insn, bases))


def _expression(e: Expr, insn: Insn, bases: Bases) -> Expr:
    kind = e[0]
    if kind == "ld":
        return ("ld", _place(e[1], insn, bases), *e[2:])
    if kind == "lea":
        base, index, disp, symbol = e[1]
        if base is None and index is None and symbol is None:
            return ("c", disp)
        _refuse(tuple(r for r in (base, index) if r), insn, bases)
        return e
    if kind == "alu":
        return ("alu", e[1], _expression(e[2], insn, bases), _expression(e[3], insn, bases))
    if kind == "op":
        _refuse(_computed_with(e), insn, bases)
        return ("op", e[1], tuple((_place(m, insn, bases), size) for m, size in e[2]))
    if kind in ("r", "ins"):
        _refuse((e[1],), insn, bases)
    return e


def _computed_with(e: Expr) -> tuple[str, ...]:
    """The registers that an operation reads otherwise than to address memory."""
    return tuple(r for r, _ in e[1] if not any(r in mem[:2] for mem, _ in e[2]))


def _place(mem: Mem, insn: Insn, bases: Bases) -> tuple[Any, ...]:
    base, index, disp, symbol = mem
    if index in bases or (base in bases and index is not None):
        raise Unprovable("an indexed access to the frame", insn.address)
    if base in bases:
        return ("frame", bases[base] + disp)
    if base is None and index is None and symbol is None:
        return ("fixed", disp)
    return ("far", base, index, disp)


def _refuse(registers: tuple[str, ...], insn: Insn, bases: Bases) -> None:
    for r in registers:
        if r in bases:
            raise Unprovable(f"the frame's address in {r} is computed with", insn.address)


def _frame_address(e: Expr, bases: Bases) -> int | None:
    if e[0] == "r" and e[2] >= 8:
        return bases.get(e[1])
    if e[0] == "lea" and e[1][0] in bases and e[1][1] is None:
        return bases[e[1][0]] + int(e[1][2])
    return None
