"""SSA form for values that are defined more than once: where they need phis, and in which order to rename them.

Dominators as in Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm" (2001); phis on iterated dominance
frontiers of the blocks that define a value, pruned by liveness: Cytron et al., "Efficiently Computing Static Single
Assignment Form and the Control Dependence Graph" (1991). Sets of values are bits of Python integers, so that one
walk serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from popcc.passes.graph import reversed_graph

Flow = Mapping[str, Sequence[str]]


class Dominance(Struct, frozen=True):
    """What dominance says of a flow graph. Blocks that the entry does not reach are left out."""

    order: tuple[str, ...]  # reverse postorder: each block behind its immediate dominator
    dominator: Mapping[str, str]  # the immediate one; the entry is its own
    frontier: Mapping[str, Sequence[str]]


def dominance(graph: Flow, entry: str) -> Dominance:
    """Dominators and dominance frontiers of the blocks that can be reached from `entry`."""
    order = _reverse_postorder(graph, entry)
    reached = frozenset(order)
    predecessors = reversed_graph({block: graph[block] for block in order})
    number = {block: k for k, block in enumerate(order)}
    dominator = {entry: entry}

    def nearest_common(a: str, b: str) -> str:
        while a != b:
            if number[a] > number[b]:
                a = dominator[a]
            else:
                b = dominator[b]
        return a

    changed = True
    while changed:
        changed = False
        for block in order[1:]:
            found = ""
            for p in predecessors[block]:
                if p in dominator:
                    found = nearest_common(p, found) if found else p
            if dominator.get(block) != found:
                dominator[block] = found
                changed = True
    frontier: dict[str, dict[str, None]] = {block: {} for block in reached}
    for block in order:
        if len(predecessors[block]) > 1:
            for p in predecessors[block]:
                while p != dominator[block]:
                    frontier[p][block] = None
                    p = dominator[p]
    return Dominance(order, dominator, {block: tuple(f) for block, f in frontier.items()})


def _reverse_postorder(graph: Flow, entry: str) -> tuple[str, ...]:
    seen = {entry}
    done: list[str] = []
    stack = [(entry, iter(graph[entry]))]
    while stack:
        block, ways = stack[-1]
        for way in ways:
            if way not in seen:
                seen.add(way)
                stack.append((way, iter(graph[way])))
                break
        else:
            done.append(block)
            stack.pop()
    return tuple(reversed(done))


def joins(known: Dominance, defines: Mapping[str, int], live_in: Mapping[str, int]) -> dict[str, int]:
    """By block, the values that need a phi there: several definitions meet, and one is used behind.

    `defines` and `live_in` are the values that a block defines, and those that it or a later one reads first.
    """
    phis = dict.fromkeys(known.order, 0)
    work = list(known.order)
    while work:
        block = work.pop()
        defined = defines[block] | phis[block]
        for f in known.frontier[block]:
            new = defined & live_in[f] & ~phis[f]
            if new:
                phis[f] |= new
                work.append(f)
    return phis


class Versions:
    """Which version of a value holds where, in blocks that are walked in dominance's order."""

    def __init__(self, known: Dominance, live_in: Mapping[str, int], bits: Callable[[Iterable[str]], int]) -> None:
        self._dominator = known.dominator
        self._live_in = live_in
        self._bits = bits
        self._own: dict[str, dict[str, str]] = {}
        self._before: dict[str, dict[str, str]] = {}

    def leave(self, block: str, own: dict[str, str]) -> None:
        """A block is behind: at its end, values that it defined or that its phis joined have these versions."""
        self._own[block] = own

    def at_end(self, block: str, value: str) -> str:
        """The version that holds at the end of a block that is behind."""
        return self._own[block].get(value) or self.before(block, value)

    def before(self, block: str, value: str) -> str:
        """The version that holds at the beginning of a block that reads it or leads to a use, without a phi for it."""
        bit = self._bits((value,))
        passed = []
        while not (found := self._before.setdefault(block, {}).get(value)):
            if not self._live_in[block] & bit:
                raise AssertionError(f"{value} is not live at the beginning of {block}")
            passed.append(block)
            block = self._dominator[block]
            if found := self._own[block].get(value):
                break
        for block in passed:
            self._before[block][value] = found
        return found
