"""Which IR values are used after an instruction: backward dataflow over a function's blocks.

Sets of values are Python integers used as bit sets; they are what makes this quick on big functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from popcc.ir.model import Block, Function, Inst
from popcc.ir.text import INCOMING
from popcc.passes.cfg import successor_labels


def incoming(phi: Inst) -> list[tuple[str, str]]:
    """(value, block name) pairs of a phi."""
    return INCOMING.findall(phi.rhs)


class Liveness:
    """Live values of one function; `values` are its parameters and results in order."""

    def __init__(self, function: Function, values: list[str]) -> None:
        self._names = values
        self._index = {name: 1 << k for k, name in enumerate(values)}
        self._in, self._out = self._solve(function)

    def bits(self, names: Iterable[str | None]) -> int:
        """The set of those of `names` that are values."""
        found = 0
        for name in names:
            if name:
                found |= self._index.get(name, 0)
        return found

    def listed(self, bits: int) -> list[str]:
        """The values of a set, in order."""
        out = []
        while bits:
            low = bits & -bits
            out.append(self._names[low.bit_length() - 1])
            bits ^= low
        return out

    @property
    def live_in(self) -> Mapping[str, int]:
        """By block, the set of values that it or a later one reads first; what its own phis take is left out."""
        return self._in

    def live_after(self, block: Block, wanted: Callable[[Inst], bool]) -> Iterator[tuple[Inst, list[str]]]:
        """For each wanted instruction of `block`, last first, the values used after it, its own result left out."""
        live = self._out[block.name]
        for inst in reversed(block.insts):
            if inst.opcode == "phi":
                return
            if inst.result:
                live &= ~self._index[inst.result]
            if wanted(inst):
                yield inst, self.listed(live)
            live |= self._uses(inst)

    def _uses(self, inst: Inst) -> int:
        bits = 0
        for name in inst.names:
            bits |= self._index.get(name, 0)
        return bits

    def _solve(self, function: Function) -> tuple[dict[str, int], dict[str, int]]:
        use: dict[str, int] = {}
        define: dict[str, int] = {}
        to_phi: dict[str, int] = dict.fromkeys((b.name for b in function.blocks), 0)
        for block in function.blocks:
            u = d = 0
            for inst in block.insts:
                if inst.opcode == "phi":
                    for value, source in incoming(inst):
                        to_phi[source] |= self._index.get(value, 0)
                else:
                    u |= self._uses(inst) & ~d
                if inst.result:
                    d |= self._index[inst.result]
            use[block.name], define[block.name] = u, d
        successors = {b.name: successor_labels(b) for b in function.blocks}
        into: dict[str, int] = dict.fromkeys(use, 0)
        out: dict[str, int] = dict(to_phi)
        order = [b.name for b in reversed(function.blocks)]
        changed = True
        while changed:
            changed = False
            for name in order:
                o = to_phi[name]
                for s in successors[name]:
                    o |= into[s]
                i = use[name] | (o & ~define[name])
                if o != out[name] or i != into[name]:
                    out[name], into[name] = o, i
                    changed = True
        return into, out
