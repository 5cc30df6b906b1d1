"""Where a function's steps write the places that claims mention."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable

from popcc.linker.machine.base import Machine
from popcc.linker.verify.expressions import Expr
from popcc.linker.verify.frame import Body, Step
from popcc.linker.verify.placing import Span
from popcc.linker.verify.preconditions import is_lost

END = 1 << 30  # for the index of a step: behind the last


class Writers:
    """Of a function: which of its blocks write what, and where in them."""

    def __init__(self, machine: Machine, body: Body) -> None:
        self.machine = machine
        self.body = body
        self.registers: defaultdict[str, set[int]] = defaultdict(set)  # the blocks that set a register
        self.memory: defaultdict[Span, set[int]] = defaultdict(set)  # that write to a piece of the frame
        self.calls: dict[int, int] = {}  # that call, and the greatest distance of the stack pointer from the CFA then
        self.blocks: dict[int, BlockWriters] = {}
        self.places: dict[Expr, frozenset[int]] = {}
        for n in body.order:
            self._index(n)

    def _index(self, n: int) -> None:
        for insn, placed, sp, _, _ in self.body.blocks[n]:
            for r in placed.sets:
                self.registers[r].add(n)
            for span in placed.stores:
                self.memory[span].add(n)
            if insn.kind == "call":
                self.calls[n] = max(sp, self.calls.get(n, sp))

    def of(self, block: int) -> BlockWriters:
        """Where in a block."""
        found = self.blocks.get(block)
        if found is None:
            found = self.blocks[block] = BlockWriters(self.machine, self.body.blocks[block])
        return found

    def writing(self, place: Expr) -> frozenset[int]:
        """The blocks that may write a place."""
        if place not in self.places:
            self.places[place] = frozenset(self._writing(place))
        return self.places[place]

    def _writing(self, place: Expr) -> Iterable[int]:
        if place[0] == "at":
            return self._holding(place[1])
        if place[0] == "m":
            start, end = place[1], place[1] + place[2]
            overlapping = [blocks for (at, size), blocks in self.memory.items() if at < end and start < at + size]
            return set().union(*overlapping, (n for n, sp in self.calls.items() if start < sp or end > 0))
        found = self.registers.get(place[1], set())
        return found if place[0] == "r" and place[1] in self.machine.callee_saved else found | self.calls.keys()

    def _holding(self, address: int) -> Iterable[int]:
        """The block with the instruction at an address, if there is one."""
        for n in self.body.order:
            steps = self.body.blocks[n]
            if steps[0].insn.address <= address <= steps[-1].insn.address:
                return [n]
        return []


class BlockWriters:
    """Where in a block which place is written last before an index."""

    def __init__(self, machine: Machine, steps: tuple[Step, ...]) -> None:
        self.machine = machine
        self.steps = steps
        self.registers: defaultdict[str, list[int]] = defaultdict(list)
        self.memory: list[tuple[int, int, int]] = []  # (index, offset, end), the last first
        self.calls: list[int] = []
        self.addresses = {step.insn.address: k for k, step in enumerate(steps)}
        for k, step in enumerate(steps):
            for r in step.placed.sets:
                self.registers[r].append(k)
            for offset, size in step.placed.stores:
                self.memory.append((k, offset, offset + size))
            if step.insn.kind == "call":
                self.calls.append(k)
        self.memory.reverse()
        # the greatest distance of the stack pointer from the CFA at a call; below it they leave nothing
        self.below = max((steps[k].sp for k in self.calls), default=-END)

    def written(self, places: tuple[Expr, ...], before: int) -> int:
        """The index of the last step before `before` that may write one of `places`, -1 if none."""
        return max([self.last(place, before) for place in places])

    def last(self, place: Expr, before: int) -> int:
        """The index of the last step before `before` that may write `place`, -1 if none."""
        kind = place[0]
        if kind == "at":  # an unknown of an instruction: crossing that again would make it another
            k = self.addresses.get(place[1], -1)
            return k if k < before else -1
        if kind == "m":
            return max(self._stored(place[1], place[1] + place[2], before), self._clobbered(place, before))
        found = _before(self.registers.get(place[1], []), before)
        return (
            found if place[1] in self.machine.callee_saved and kind == "r" else max(found, _before(self.calls, before))
        )

    def _stored(self, start: int, end: int, before: int) -> int:
        for k, low, high in self.memory:
            if low < end and start < high and k < before:
                return k
        return -1

    def _clobbered(self, place: Expr, before: int) -> int:
        if self.below <= place[1] and place[1] + place[2] <= 0:
            return -1  # no call loses it
        return next((k for k in reversed(self.calls) if k < before and is_lost(place, self.steps[k], self.machine)), -1)


def _before(indices: list[int], before: int) -> int:
    k = bisect_left(indices, before)
    return indices[k - 1] if k else -1
