"""What an expression over the places behind an instruction is over those before it (expressions: claims.py)."""

from __future__ import annotations

from collections.abc import Iterator

from popcc.linker.machine.base import Machine
from popcc.linker.verify.expressions import (
    Constant,
    Expr,
    add,
    aged,
    alu,
    extended,
    inserted,
    loaded,
    mentions,
    sliced,
    substituted,
)
from popcc.linker.verify.frame import Step

_MAX_SIZE = 40  # nodes of an expression, before it is given up


def is_lost(place: Expr, call: Step, machine: Machine) -> bool:
    """Whether a call leaves anything in a place: below the stack pointer, in the caller's frame, in most registers."""
    if place[0] == "r":
        return place[1] not in machine.callee_saved and place[1] != machine.stack_pointer
    return bool(place[0] == "h" or place[1] < call.sp or place[1] + place[2] > 0)


class Preconditions:
    """Of one step: what expressions behind it are before it."""

    def __init__(self, machine: Machine, step: Step, constant: Constant) -> None:
        self.machine = machine
        self.step = step
        self.constant = constant

    def before(self, e: Expr) -> Expr | None:
        """What `e` behind the step is before it; None when it grows too large or is an unknown of this very step."""
        at = self.step.insn.address
        older = aged(e, at) if any(p == ("at", at) for p in mentions(e)) else e
        if older is None:
            return None
        out = substituted(older, self._new, self.constant)
        return out if out is not None and sum(1 for _ in _nodes(out)) <= _MAX_SIZE else None

    def _new(self, place: Expr) -> Expr:
        for effect in self.step.effects:
            if effect[0] == "set" and place[0] in ("r", "h") and effect[1] == place[1]:
                place_value = self._set(effect, place)
                if place_value is not None:
                    return place_value
            if effect[0] == "store" and place[0] == "m" and effect[1][0] == "frame":
                stored = self._stored(effect, place)
                if stored is not None:
                    return stored
        if self.step.insn.kind == "call" and is_lost(place, self.step, self.machine):
            return ("?", self.step.insn.address, place)
        return place

    def _set(self, effect: Expr, place: Expr) -> Expr | None:
        _, register, width, value = effect
        if register in self.machine.vectors:
            return self._halves(value, register)[1 if place[0] == "h" else 0]
        new = self._value(value, ("r", register))
        if width >= 8:
            return new
        return extended("z", 4, new) if width == 4 else ("low", width, new, ("r", register))

    def _stored(self, effect: Expr, place: Expr) -> Expr | None:
        _, (_, offset), size, value = effect
        _, at, wanted = place
        if at + wanted <= offset or offset + size <= at:
            return None
        unknown: Expr = ("?", self.step.insn.address, place)
        if not offset <= at <= at + wanted <= offset + size:
            return unknown
        if size == 16:
            low, high = self._halves(value, unknown)
            low, at = (low, at - offset) if at - offset < 8 else (high, at - offset - 8)
            return sliced(low, at, wanted) if at + wanted <= 8 else unknown
        return sliced(self._value(value, unknown), at - offset, wanted)

    def _unknown(self, tag: Expr | str) -> Expr:
        return ("?", self.step.insn.address, tag)

    def _halves(self, e: Expr, tag: Expr | str) -> tuple[Expr, Expr]:
        """Lower and upper 8 bytes of a 16-byte value."""
        if e[0] == "r" and e[1] in self.machine.vectors and e[2] == 16:
            return ("r", e[1]), ("h", e[1])
        if e[0] == "ld" and e[2] == 16:
            return self._load(e[1], 8, "", 0), self._load(e[1], 8, "", 8)
        if e[0] == "op":
            return self._unknown((tag, "low")), self._unknown((tag, "high"))
        return self._value(e, tag), ("c", 0)

    def _load(self, place: Expr, size: int, how: str, more: int = 0) -> Expr:
        if place[0] == "frame":
            return extended(how, size, ("m", place[1] + more, size))
        if place[0] == "fixed":
            value = loaded(("c", place[1] + more), size, self.step.insn.address, self.constant)
        elif place[2] is None and isinstance(place[3], int):
            value = loaded(add(("r", place[1]), place[3] + more), size, self.step.insn.address, self.constant)
        else:
            return self._unknown(("far", more))
        return extended(how, size, value)

    def _value(self, e: Expr, tag: Expr | str) -> Expr:
        kind = e[0]
        if kind in ("c", "cfa"):
            return ("c", e[1] & 0xFFFFFFFFFFFFFFFF) if kind == "c" else e
        if kind == "tp":
            return ("tp", 0)
        if kind == "r":
            return extended(e[3] or "z", e[2], ("r", e[1]))
        if kind == "ld":
            return self._load(e[1], min(e[2], 8), e[3])
        if kind == "lea" and e[1][1] is None and e[1][0] is not None and e[1][3] is None:
            return add(("r", e[1][0]), e[1][2])
        if kind == "ins":
            return inserted(("r", e[1]), e[2], e[3])
        if kind == "alu":
            return alu(e[1], self._value(e[2], (tag, 0)), self._value(e[3], (tag, 1)))
        return self._unknown(tag)


def _nodes(e: Expr) -> Iterator[Expr]:
    yield e
    for part in e[1:]:
        if isinstance(part, tuple):
            yield from _nodes(part)
