"""The memory tier: values that no register may hold across a site live in the frame (design 5).

Vectors, 128-bit integers and aggregates that are live across a site always do, though of aggregates only those that are
used whole: members are taken out where the aggregate is made, and travel by themselves. In functions that call setjmp,
and in those whose maps could not be proved otherwise, every value does. A value becomes an alloca, stored
where it is defined and loaded where it is used; the next pass puts the alloca on the common stack.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from popcc.ir.calls import parse_call
from popcc.ir.model import Function, Inst, Module
from popcc.passes.callgraph import CallGraph, call_graph
from popcc.passes.demote import Demotion, demote
from popcc.passes.liveness import Liveness
from popcc.passes.types import value_types

_CARRIED = re.compile(r"i(\d+)|ptr|float|double")
_DYNAMIC = re.compile(r", i\d+ %")
_SETJMP = re.compile(r"@__popcorn_setjmp\(")


def may_be_carried(type_: str) -> bool:
    """Whether a value of the type fits the 8 bytes in which values travel."""
    m = _CARRIED.fullmatch(type_)
    return bool(m) and (m.group(1) is None or int(m.group(1)) <= 64)  # type: ignore[union-attr]


def calls_setjmp(function: Function) -> bool:
    """Whether the function calls setjmp or one of its kin directly."""
    return any(i.opcode == "call" and _SETJMP.search(i.rhs) for i in function.insts())


class MemoryTier(Struct, frozen=True):
    """The pass. `functions` are those put wholly into this tier besides the callers of setjmp, and why.

    `found` receives all functions that it puts there, for all or some of their values, and why. `calls` are the whole
    module's, if it gets a part.
    """

    functions: Mapping[str, str] = {}
    found: dict[str, str] = {}
    calls: CallGraph | None = None
    name: str = "memory tier"

    def apply(self, module: Module) -> Module:
        """Demotes what must not be in registers across sites."""
        calls = self.calls or call_graph(module)
        for function in module.functions():
            if function.name not in calls.site_free:
                _take_apart(function)
                why = "it calls setjmp" if calls_setjmp(function) else self.functions.get(function.name, "")
                types = _function(function, calls, bool(why))
                why = why or (f"across sites it has values of type {', '.join(types)}" if types else "")
                if why:
                    self.found[function.name] = why
        return module


def _function(function: Function, calls: CallGraph, wholly: bool) -> tuple[str, ...]:
    """Demotes the values that must not be in registers across sites; returns the types that none may hold."""
    types = value_types(function)
    if not wholly and all(may_be_carried(t) or t in ("void", "token") for t in types.values()):
        return ()
    liveness = Liveness(function, list(types))
    is_site = _site_test(calls)
    allocas = {i.result for i in function.blocks[0].insts if i.opcode == "alloca" and not _DYNAMIC.search(i.rhs)}
    across = {n for b in function.blocks for _, live in liveness.live_after(b, is_site) for n in live}
    values = {n for n in across if n not in allocas and (wholly or not may_be_carried(types[n]))}
    if not values:
        return ()
    slot = {n: f"%popcorn.mem.{k}" for k, n in enumerate(sorted(values))}
    fresh = itertools.count()

    def load(name: str, out: list[Inst]) -> str:
        result = f"%popcorn.got.{next(fresh)}"
        out.append(Inst(f"  {result} = load {types[name]}, ptr {slot[name]}, align 16"))
        return result

    def store(name: str, out: list[Inst]) -> None:
        out.append(Inst(f"  store {types[name]} {name}, ptr {slot[name]}, align 16"))

    demote(function, Demotion(frozenset(values), load, store))
    entry = function.blocks[0]
    arguments: list[Inst] = []
    for p in function.parameters()[0]:
        if p.name in values:
            store(p.name, arguments)
    entry.insts[:0] = [Inst(f"  {slot[n]} = alloca {types[n]}, align 16") for n in slot] + arguments
    return tuple(dict.fromkeys(types[n] for n in slot if not may_be_carried(types[n])))


def _take_apart(function: Function) -> None:
    """Moves each `extractvalue` to right behind the instruction that makes the aggregate."""
    made = {i.result for i in function.insts() if i.result and i.opcode not in ("phi", "extractvalue")}
    taken: dict[str, list[Inst]] = {}
    for block in function.blocks:
        for inst in block.insts:
            if inst.opcode == "extractvalue" and len(inst.names) == 1 and inst.names[0] in made:
                taken.setdefault(inst.names[0], []).append(inst)
    if not taken:
        return
    moved = {id(inst) for members in taken.values() for inst in members}
    for block in function.blocks:
        out: list[Inst] = []
        for inst in block.insts:
            if id(inst) not in moved:
                out += [inst, *taken.get(inst.result or "", ())]
        block.insts[:] = out


def _site_test(calls: CallGraph) -> Callable[[Inst], bool]:
    def is_site(inst: Inst) -> bool:
        return inst.opcode == "call" and calls.is_site(parse_call(inst))

    return is_site
