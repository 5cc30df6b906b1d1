"""The walk that gives every use of a carried value the version that holds it there, and joins the versions by phis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from popcc.ir.model import Block, Function, Inst
from popcc.ir.text import substitute
from popcc.passes.carriers import CARRIER, Carriers
from popcc.passes.cfg import edges_into, flow_graph
from popcc.passes.liveness import Liveness, incoming
from popcc.passes.ssa import Versions, dominance, joins

Rewrite = Callable[[Inst, Inst, list[Inst]], None]
"""``rewrite(old, new, out)`` appends what stands for `old`; `new` is `old` with its operands loaded."""


class Renaming:
    """The walk over one function, in which uses of carried and `recomputed` values are loaded.

    `live_in` are, by block, the carried values that it or a later one reads first; `sites` those that its sites carry.
    """

    def __init__(
        self,
        function: Function,
        carriers: Carriers,
        recomputed: frozenset[str],
        liveness: Liveness,
        live_in: Mapping[str, int],
        sites: Mapping[str, int],
    ) -> None:
        self._function = function
        self._carriers = carriers
        self._values = carriers.carried | recomputed
        self._parameters = [p.name for p in function.parameters()[0] if p.name in carriers.carried]
        self._dominance = dominance(flow_graph(function), function.blocks[0].name)
        self._versions = Versions(self._dominance, live_in, liveness.bits)
        self._phis = self._placed(liveness, live_in, sites)
        self._loaded: dict[tuple[str, str], str] = {}  # by block and value, what it leaves for its successors' phis

    def _placed(
        self, liveness: Liveness, live_in: Mapping[str, int], sites: Mapping[str, int]
    ) -> dict[str, dict[str, str]]:
        """By block, the values that need a phi, and its name."""
        carried = liveness.bits(self._carriers.carried)
        defines = {
            block.name: sites[block.name] | (liveness.bits(i.result for i in block.insts) & carried)
            for block in self._function.blocks
        }
        defines[self._function.blocks[0].name] |= liveness.bits(self._parameters)
        return {
            block: {name: f"%.s{self._carriers.number()}" for name in liveness.listed(needed)}
            for block, needed in joins(self._dominance, defines, live_in).items()
            if needed
        }

    def run(self, rewrite: Rewrite) -> None:
        """Rewrites the function in place."""
        blocks = {block.name: block for block in self._function.blocks}
        leaves = self._left_for_phis()
        for name in self._dominance.order:
            self._carriers.enter(partial(self._versions.before, name), dict(self._phis.get(name, {})))
            self._block(blocks[name], rewrite, leaves.get(name, ()))
            self._versions.leave(name, self._carriers.own)
        self._function.blocks = [b for b in self._function.blocks if b.name in self._dominance.dominator]
        self._join()

    def _left_for_phis(self) -> dict[str, dict[str, None]]:
        """By block, the values that phis of its successors take from it."""
        leaves: dict[str, dict[str, None]] = {}
        for inst in self._function.insts():
            if inst.opcode == "phi":
                for value, source in incoming(inst):
                    if value in self._values:
                        leaves.setdefault(source, {})[value] = None
        return leaves

    def _block(self, block: Block, rewrite: Rewrite, leaves: Iterable[str]) -> None:
        phis = [i for i in block.insts if i.opcode == "phi"]
        out: list[Inst] = []
        if block is self._function.blocks[0]:
            for name in self._parameters:
                self._carriers.defined(name, out)
        for phi in phis:
            self._defined(phi, out)
        for inst in block.insts[len(phis) :]:
            new = self._with_operands_loaded(inst, out)
            if inst is block.insts[-1]:
                self._loaded.update(((block.name, v), self._carriers.load(v, out)) for v in leaves)
            rewrite(inst, new, out)
            self._defined(inst, out)
        block.insts = [*phis, *out]

    def _defined(self, inst: Inst, out: list[Inst]) -> None:
        if inst.result in self._values:
            self._carriers.defined(inst.result, out)

    def _with_operands_loaded(self, inst: Inst, out: list[Inst]) -> Inst:
        names = {n: loaded for n in inst.names if n in self._values and (loaded := self._carriers.load(n, out)) != n}
        return inst.with_rhs(substitute(inst.rhs, names)) if names else inst

    def _join(self) -> None:
        """Writes the phis of carriers, and what the others take from where."""
        predecessors = edges_into(self._function)
        for block in self._function.blocks:
            block.insts = [self._reading_loaded(i) if i.opcode == "phi" else i for i in block.insts]
            block.insts[:0] = [
                self._phi(phi, v, predecessors[block.name]) for v, phi in self._phis.get(block.name, {}).items()
            ]

    def _phi(self, name: str, value: str, predecessors: Iterable[str]) -> Inst:
        operands = ", ".join(f"[ {self._versions.at_end(p, value)}, {p} ]" for p in predecessors)
        return Inst.of(name, f"phi {CARRIER} {operands}")

    def _reading_loaded(self, phi: Inst) -> Inst:
        """The phi with what each block leaves for it, without blocks that the entry does not reach."""
        operands = ", ".join(
            f"[ {self._loaded.get((source, value), value)}, {source} ]"
            for value, source in incoming(phi)
            if source in self._dominance.dominator
        )
        return phi.with_rhs(phi.rhs[: phi.rhs.index("[ ")] + operands)
