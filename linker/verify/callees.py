"""Which argument registers a callee takes, as far as its first instructions tell.

A call is held to pass every register that may carry an argument, since the code does not say how many there are. But a
callee that overwrites such a register before it reads it, whatever else it does, was passed nothing in it. Migration
points begin like that, and they are called from where registers hold leftovers of all kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from popcc.linker.machine.base import FLAGS, Code, Insn, Machine, Undecodable

_FIRST = 40  # bytes that are looked at: no more than what a migration point does about arguments
CodeAt = Callable[[int, int], Code | None]


class Callees(Struct, frozen=True):
    """The callees of an executable; each is looked at once."""

    machine: Machine
    code: CodeAt
    known: dict[int, frozenset[str]] = {}

    def ignores(self, target: int | None) -> frozenset[str]:
        """The argument registers that the function at an address overwrites unread; none, if it is not known."""
        if target is None:
            return frozenset()
        if target not in self.known:
            self.known[target] = frozenset(self._overwritten(target)) & frozenset(self.machine.arguments)
        return self.known[target]

    def _overwritten(self, target: int) -> Iterator[str]:
        read: set[str] = set()
        for insn in self._first(target):
            if insn.kind:
                return
            read |= {r for r, _ in insn.reads}
            for e in insn.effects:
                read |= set(_mentioned(e[3])) | (set(_mentioned(e[1])) if e[0] == "store" else set())
            yield from (e[1] for e in insn.effects if e[0] == "set" and e[2] >= 4 and e[1] not in read | {FLAGS})

    def _first(self, target: int) -> list[Insn]:
        for size in range(_FIRST, 0, -1):  # the last instruction may be cut
            code = self.code(target, size)
            if code is not None:
                try:
                    return self.machine.decode(code)
                except Undecodable:
                    continue
        return []


def _mentioned(e: Any) -> Iterator[str]:
    for part in e:
        if isinstance(part, str):
            yield part
        elif isinstance(part, tuple):
            yield from _mentioned(part)
