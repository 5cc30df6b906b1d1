"""From the front end's IR to the IR that all ISAs' code is made of: passes, optimiser, migration points, sites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from msgspec import Struct

from popcc import codegen
from popcc.compile_options import CompileOptions
from popcc.ir import model
from popcc.ir.model import Function, Module
from popcc.ladder import Ladder
from popcc.native import replaceable, settled
from popcc.optimiser import optimise
from popcc.passes.alone import alone
from popcc.passes.builtins import Builtins
from popcc.passes.callgraph import CallGraph, call_graph, leaf_calls
from popcc.passes.commonstack import check_machine_stack
from popcc.passes.memory import MemoryTier
from popcc.passes.nodebug import with_positions_of_calls, without_debug
from popcc.passes.pipeline import before_optimiser, behind_optimiser, with_sites
from popcc.passes.prototypes import prototypes
from popcc.passes.sites import Sites
from popcc.passes.undefined import defined
from popcc.unit import Prototypes, SiteInfo


class OptimisedIr(Struct, frozen=True):
    """What the optimiser made of the front end's IR, with migration points: all in which the ladder has no say.

    `prototypes` and `warnings` are what was known of the functions before.
    """

    module: Module
    calls: CallGraph
    prototypes: Prototypes
    warnings: tuple[str, ...]


class CommonIr(Struct, frozen=True):
    """What all ISAs are generated from, and what is the same about their sites."""

    text: str
    sites: tuple[SiteInfo, ...]
    leaf_calls: tuple[str, ...]
    memory_tier: dict[str, str]


def optimised_ir(ir: str, options: CompileOptions) -> OptimisedIr:
    """The front end's IR, optimised. Raises `PopccError` for what a program can't have here."""
    module = replaceable(model.parse(ir), options.bodies)
    known = prototypes(module)
    builtins = Builtins()
    for p in before_optimiser(builtins):
        module = p.apply(module)
    text = module.text() if options.debug else with_positions_of_calls(module.text())
    text = settled(optimise(text, options.optimization), options.bodies)
    module = model.parse(text, model.OPTIMISED)
    for p in behind_optimiser(options.migration_points):
        module = p.apply(module)
    return OptimisedIr(module, call_graph(module), known, tuple(builtins.warnings))


def common_ir(optimised: OptimisedIr, options: CompileOptions, ladder: Ladder) -> CommonIr:
    """The IR with its sites; `optimised` stays as it is."""
    memory = MemoryTier(ladder.memory, calls=optimised.calls)
    sites = Sites(frozenset(ladder.without_sites), calls=optimised.calls)
    items = (i.copy() if isinstance(i, Function) else i for i in optimised.module.items)
    module = _with_sites(optimised.module.with_items(items), memory, sites)
    tier = dict(sorted(memory.found.items()))
    return CommonIr(_text(module, options, ladder), tuple(sites.found), leaf_calls(module), tier)


def changed_ir(
    optimised: OptimisedIr, options: CompileOptions, ladder: Ladder, before: CommonIr, functions: Collection[str]
) -> CommonIr | None:
    """As `common_ir`, where `functions` have come to another rung since `before`; the text defines no others.

    None where other functions would change as well: if sites came to have other numbers, or for aliases, which can't
    be of what is only declared.
    """
    if any(" = alias " in line for line in optimised.module.lines()):
        return None
    first: dict[str, int] = {}
    for number, site in enumerate(before.sites):
        first.setdefault(site.function, number)
    memory = MemoryTier(ladder.memory, calls=optimised.calls)
    sites = Sites(frozenset(ladder.without_sites), calls=optimised.calls, first=first)
    module = _with_sites(alone(optimised.module, functions), memory, sites)
    if Counter(s.function for s in sites.found) != Counter(s.function for s in before.sites if s.function in functions):
        return None
    after = list(before.sites)
    for site in sites.found:
        after[first[site.function]] = site
        first[site.function] += 1
    tier = {name: why for name, why in before.memory_tier.items() if name not in functions} | memory.found
    return CommonIr(_text(module, options, ladder), tuple(after), before.leaf_calls, dict(sorted(tier.items())))


def _with_sites(module: Module, memory: MemoryTier, sites: Sites) -> Module:
    for p in with_sites(memory, sites):
        module = p.apply(module)
    return module


def _text(module: Module, options: CompileOptions, ladder: Ladder) -> str:
    text = defined(module.text())
    check_machine_stack(text)
    text = codegen.unoptimised(text, ladder.unoptimised)
    return text if options.debug else without_debug(text)
