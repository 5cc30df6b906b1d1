"""Migration points: a load, a test and a cold call, where execution could run on without one (design 4.6).

``auto`` puts one at the entry of functions that may recurse (through other units too: a visible function that
calls out may be called back) and at the header of loops, except innermost call-free loops inside a loop that
has one. An intrinsic that becomes a call is one. ``functions`` is entry and exit of every function, as Popcorn
Linux places them; ``loops`` every loop; ``all`` both; ``none`` none.
"""

from __future__ import annotations

from msgspec import Struct

from popcc.errors import PopccError
from popcc.ir.model import Block, Function, Inst, Module
from popcc.passes.base import with_declarations
from popcc.passes.callgraph import POINT, WORLD, CallGraph, call_graph, call_of
from popcc.passes.cfg import Loop, natural_loops
from popcc.passes.graph import Graph, components
from popcc.passes.intrinsics import becomes_call

PLACEMENTS = ("auto", "functions", "loops", "all", "none")
_FLAG = "@__popcorn_flag"
_COLD = "!4000000"  # a metadata number that no real module reaches


class MigrationPoints(Struct, frozen=True):
    """The pass. `leaves` are functions of this unit that stay without points: others call them as leaf functions."""

    placement: str = "auto"
    leaves: frozenset[str] = frozenset()
    name: str = "migration points"

    def __post_init__(self) -> None:
        if self.placement not in PLACEMENTS:
            raise PopccError(
                f"unknown placement '{self.placement}' of migration points; known are {', '.join(PLACEMENTS)}"
            )

    def apply(self, module: Module) -> Module:
        """Adds the points."""
        if self.placement == "none":
            return module
        calls = call_graph(module)
        recursive = _may_recurse(calls)
        added = False
        for function in module.functions():
            if function.name in self.leaves:
                continue
            entry, headers, exits = self._places(function, function.name in recursive)
            if entry or headers or exits:
                _insert(function, entry, headers, exits)
                added = True
        if not added:
            return module
        return with_declarations(
            module,
            [
                f"{_FLAG} = external dso_local global i32, align 4",
                f"declare void @{POINT}() nounwind",
                f'{_COLD} = !{{!"branch_weights", i32 1, i32 100000}}',
            ],
        )

    def _places(self, function: Function, recursive: bool) -> tuple[bool, set[str], bool]:
        """(at entry, loop headers, before returns)."""
        loops = natural_loops(function)
        every_loop = {loop.header for loop in loops}
        if self.placement == "functions":
            return True, set(), True
        if self.placement == "loops":
            return False, every_loop, False
        if self.placement == "all":
            return True, every_loop, True
        return recursive, _unbounded(function, loops), False


def _may_recurse(calls: CallGraph) -> set[str]:
    out: set[str] = set()
    for component in components(calls.graph):
        if WORLD in component and len(component) > 1:
            # a cycle through other units enters this one through a function they can call
            out.update(n for n in calls.graph[WORLD] if n in component)
            inside = component - {WORLD}
            inner = {n: [s for s in calls.graph[n] if s in inside] for n in inside}
            for part in components(inner):
                if _cyclic(inner, part):
                    out.update(part)
        elif _cyclic(calls.graph, component):
            out.update(component)
    return out - {WORLD}


def _cyclic(graph: Graph[str], component: set[str]) -> bool:
    return len(component) > 1 or any(n in graph[n] for n in component)


def _unbounded(function: Function, loops: list[Loop]) -> set[str]:
    """Headers of the loops that need a point."""
    calling = {b.name for b in function.blocks if any(_calls(i) for i in b.insts)}
    out = set()
    for loop in loops:
        inner = any(other is not loop and other.blocks < loop.blocks for other in loops)
        nested = any(other is not loop and loop.blocks < other.blocks for other in loops)
        if inner or not nested or loop.blocks & calling:
            out.add(loop.header)
    return out


def _calls(inst: Inst) -> bool:
    call = call_of(inst)
    return becomes_call(inst) or (call is not None and not call.is_intrinsic and not call.is_asm)


def _insert(function: Function, entry: bool, headers: set[str], exits: bool) -> None:
    """Splits blocks where points go. What followed moves to a new block; its successors' phis are told."""
    blocks: list[Block] = []
    moved: dict[str, str] = {}
    for k, block in enumerate(function.blocks):
        is_exit = exits and block.insts[-1].opcode == "ret"
        at_start = (k == 0 and entry) or block.name in headers
        parts = [block]
        if at_start:
            parts = _split(parts, _first_ordinary(block), f"p{k}")
        if is_exit:
            parts = _split(parts, len(parts[-1].insts) - 1, f"x{k}")
        if len(parts) > 1:
            moved[block.name] = parts[-1].name
        blocks.extend(parts)
    function.blocks = blocks
    if moved:
        for block in blocks:
            block.insts = [_renamed_phi(i, moved) if i.opcode == "phi" else i for i in block.insts]


def _first_ordinary(block: Block) -> int:
    return next(k for k, i in enumerate(block.insts) if i.opcode not in ("phi", "alloca"))


def _split(parts: list[Block], at: int, stem: str) -> list[Block]:
    last = parts[-1]
    before, after = last.insts[:at], last.insts[at:]
    cold, warm = Block(f"popcorn.{stem}.point", []), Block(f"popcorn.{stem}.go", after)
    cold.insts = [Inst(f"  call void @{POINT}()"), Inst(f"  br label {warm.name}")]
    before += [
        Inst(f"  %popcorn.{stem}.flag = load volatile i32, ptr {_FLAG}, align 4"),
        Inst(f"  %popcorn.{stem}.test = icmp ne i32 %popcorn.{stem}.flag, 0"),
        Inst(f"  br i1 %popcorn.{stem}.test, label {cold.name}, label {warm.name}, !prof {_COLD}"),
    ]
    return [*parts[:-1], Block(last.label, before), cold, warm]


def _renamed_phi(inst: Inst, moved: dict[str, str]) -> Inst:
    text = inst.text
    for old, new in moved.items():
        text = text.replace(f", {old} ]", f", {new} ]")
    return Inst(text) if text != inst.text else inst
