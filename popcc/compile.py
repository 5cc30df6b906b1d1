"""One source file to a unit: front end, passes, optimiser, sites, code for every ISA, maps.

LLVM, the passes and the decoders are imported where they are used, which is first in `prepare`: while clang runs.
"""

from __future__ import annotations

import gc
import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from popcc import frontend, isolate
from popcc.errors import ErrorGroup, Place, PlacedError, PopccError
from popcc.isa import Isa, isa_named
from popcc.ladder import Ladder, culprit
from popcc.literals import rounded_literals
from popcc.native import Body, joined, replaceable, settled, without
from popcc.passes.alone import alone, functions_by_name
from popcc.schema import NO_LOCATION, FunctionFlag, SiteFlag
from popcc.splice import CannotSplice, spliced
from popcc.unit import FunctionMap, IsaObject, Prototypes, SiteInfo, Unit

if TYPE_CHECKING:
    from llvmlite.binding import ModuleRef

_SMALL = 40_000  # characters of common IR


@dataclass(frozen=True)
class CompileOptions:
    """What one compilation is asked for."""

    isas: tuple[str, ...]
    include_dirs: tuple[Path, ...] = ()  # system headers, in order
    clang_flags: tuple[str, ...] = ()  # the user's -D, -I, -std, -W, -f …
    optimization: str = "2"
    migration_points: str = "auto"
    debug: bool = False  # keep line tables in the objects
    language: str = ""  # clang's -x
    bodies: tuple[Body, ...] = ()  # that functions have on one ISA alone


@dataclass(frozen=True)
class OptimisedIr:
    """What the optimiser made of the front end's IR, and what was known before of its functions."""

    text: str
    prototypes: Prototypes
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class CommonIr:
    """What all ISAs are generated from, and what is the same about their sites."""

    text: str
    sites: tuple[SiteInfo, ...]
    leaf_calls: tuple[str, ...]
    memory_tier: dict[str, str]


def compile_source(path: Path, options: CompileOptions) -> Unit:
    """Compiles `path` for all ISAs asked for.

    Raises `PopccError` (a `FrontEndError` when clang has already printed why).
    """
    with frontend.started(
        path, options.clang_flags, options.include_dirs, options.optimization, options.language
    ) as front_end:
        prepare()
        ir = front_end.ir()
    if "-w" not in options.clang_flags:
        _warn(rounded_literals(path, options.clang_flags, options.include_dirs), options)
    return compile_ir(ir, path, options)


def compile_ir(ir: str, path: Path, options: CompileOptions) -> Unit:
    """As `compile_source`, from the front end's IR.

    When LLVM can't make code of a function, or its maps can't be proved, everything is generated again with that
    function one rung down (popcc.ladder); what is unproved even then is marked and refused at run time.
    """
    prepare()
    with _collector_off():
        optimised = _optimised(ir, options)
        _warn(optimised.warnings, options)
        ladder = _first_rungs(options)
        common = _common(optimised.text, options, ladder)
        objects, lower = _generated(common, path, options, ladder)
        first = _First(common, objects)
        while (lower := lower.after_unproved(_unproved(objects))) != ladder:
            ladder = lower
            common = _common(optimised.text, options, ladder)
            objects, lower = _again(first, common, path, options, ladder) or _generated(common, path, options, ladder)
    tier = common.memory_tier
    objects = {isa: _with_tier(o, tier) for isa, o in _agreed(objects).items()}
    digest = hashlib.sha1(f"{path}\0{common.text}".encode())
    for body in options.bodies:
        digest.update(body.elf)
    return Unit(
        digest.hexdigest()[:16], str(path), False, common.leaf_calls, common.sites, tier, dict(ladder.without_sites),
        objects, optimised.prototypes,
    )  # fmt: skip


def _first_rungs(options: CompileOptions) -> Ladder:
    """Where functions begin: those that have a body of their own on some ISA have no sites."""
    return Ladder(({}, {}, {f: body.why for body in options.bodies for f in body.functions}))


def _warn(warnings: Sequence[str], options: CompileOptions) -> None:
    """Says what clang could not know of. Raises an `ErrorGroup` instead where the user has warnings be errors."""
    if "-w" in options.clang_flags:
        return
    if "-Werror" in options.clang_flags and warnings:
        raise ErrorGroup(PopccError(f"{text} [-Werror]") for text in warnings)
    for text in warnings:
        print(f"popcc: warning: {text}", file=sys.stderr)


def prepare() -> None:
    """What children would each do again: imports that take long, LLVM's targets and options."""
    import popcc.linker.index
    import popcc.linker.maps.complete
    import popcc.passes.pipeline  # noqa: F401
    from popcc import codegen

    codegen.initialise()


@contextmanager
def _collector_off() -> Iterator[None]:
    """The passes make many objects and no cycles; looking for those would take a tenth of their time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _generated(
    common: CommonIr, path: Path, options: CompileOptions, ladder: Ladder
) -> tuple[dict[str, IsaObject], Ladder]:
    """The objects, made side by side, and the ladder as the death of one of their children left it."""
    from popcc import codegen

    module = codegen.parse(common.text, "the site pass")  # once for all children, which get it by the fork
    # where there is little to generate, forking costs more than the other core brings
    shares = [options.isas] if len(common.text) < _SMALL else [(isa,) for isa in options.isas]
    children: dict[str, isolate.Running[Any]] = {}
    try:
        for isas in shares:
            children |= dict.fromkeys(isas, isolate.start(_objects, common, module, isas, options))
        return _collected(children, path, common, ladder)
    finally:
        for child in children.values():
            child.stop()


def _objects(
    common: CommonIr, module: ModuleRef, isas: Sequence[str], options: CompileOptions
) -> Iterator[Any]:  # of `IsaObject`
    for isa in isas:
        yield _generate(common, module if isa == isas[-1] else module.clone(), isa, options)


@dataclass(frozen=True)
class _First:
    """What was made with the first ladder. Of a later one's functions only those that changed are generated again."""

    common: CommonIr
    objects: Mapping[str, IsaObject]


def _again(
    first: _First, common: CommonIr, path: Path, options: CompileOptions, ladder: Ladder
) -> tuple[dict[str, IsaObject], Ladder] | None:
    """As `_generated`, with the code of functions that are as they were; None where that can't be done.

    Nor where a function goes further down: generated among the others, it might have come out otherwise.
    """
    if options.debug or options.bodies or set(first.objects) != set(options.isas) or len(common.text) < _SMALL:
        return None
    changed = _changed(first.common, common)
    if changed is None:
        return None
    small = replace(common, text=alone(common.text, changed))
    children: dict[str, isolate.Running[Any]] = {}
    try:
        for isa in options.isas:
            children[isa] = isolate.start(_respliced, first.objects[isa], small, changed, isa, options)
        objects, lower = _collected(children, path, common, ladder)
    except (CannotSplice, PopccError):
        return None
    finally:
        for child in children.values():
            child.stop()
    return None if lower != ladder or _unproved(objects) else (objects, lower)


def _changed(before: CommonIr, after: CommonIr) -> tuple[str, ...] | None:
    """The functions that differ; None if anything else does, the numbers of their sites too.

    Nor if there are aliases, which can't be of what is only declared.
    """
    old, new = functions_by_name(before.text), functions_by_name(after.text)
    if old.keys() != new.keys() or len(before.sites) != len(after.sites) or " = alias " in after.text:
        return None
    return tuple(name for name, text in new.items() if text != old[name])


def _respliced(
    before: IsaObject, small: CommonIr, functions: Sequence[str], isa_name: str, options: CompileOptions
) -> IsaObject:
    """In a child: the object with new code for `functions`. Raises `CannotSplice`."""
    from popcc.linker.index import index_object
    from popcc.linker.maps.complete import complete

    isa = isa_named(isa_name)
    elf = spliced(before.elf, emit(small.text, isa, options), functions)
    made = {f.name: f for f in complete(elf, isa, small.sites, functions)}
    kept = [made.pop(f.name, f) for f in before.functions if f.name in made or f.name not in functions]
    return replace(index_object(elf), functions=(*kept, *made.values()))


def _collected(
    children: Mapping[str, isolate.Running[Any]], path: Path, common: CommonIr, ladder: Ladder
) -> tuple[dict[str, IsaObject], Ladder]:
    """The objects of the ISAs for which code could be generated; the ladder, if it could not for one.

    Raises `PlacedError` when there is no rung below.
    """
    objects: dict[str, IsaObject] = {}
    lower = ladder
    for isa, child in children.items():
        if not child.pid:
            continue  # it died of an earlier one of its ISAs
        try:
            objects[isa] = child.receive()
        except isolate.Aborted as aborted:
            with_sites = dict.fromkeys(s.function for s in common.sites)
            why = f"no code for {isa}: {aborted.text.strip() or 'LLVM died without a word'}"
            below = ladder.after_death(culprit(aborted.text), with_sites, why)
            if below == ladder:
                raise PlacedError(Place(str(path), isa=isa), str(aborted)) from None
            lower = below if lower == ladder else lower  # one at a time: a rung must be tried before the next
    return objects, lower


def _unproved(objects: dict[str, IsaObject]) -> dict[str, str]:
    """Functions with an unproved site, and why the first one is."""
    why: dict[str, str] = {}
    for isa, o in objects.items():
        for f in o.functions:
            for s in f.sites:
                if s.unproved:
                    why.setdefault(f.name, f"unproved on {isa}: {s.unproved}")
    constant = "a value is a constant on one ISA only"
    return {**dict.fromkeys(sorted(_constant_on_some(objects)), constant), **why}


def _constant_on_some(objects: dict[str, IsaObject]) -> set[str]:
    """Functions in which a value is a constant to one ISA's code and not to another's: nobody could fill it in."""
    constant: dict[int, set[tuple[int, ...]]] = {}
    names: dict[int, str] = {}
    for o in objects.values():
        for f in o.functions:
            for s in f.sites:
                if not s.unproved:
                    places = tuple(k for k, word in enumerate(s.values) if word == NO_LOCATION)
                    constant.setdefault(s.id, set()).add(places)
                    names[s.id] = f.name
    return {names[id_] for id_, places in constant.items() if len(places) > 1}


def _agreed(objects: dict[str, IsaObject]) -> dict[str, IsaObject]:
    """A site that one ISA can't use is unusable on all: nobody may leave from where one can't arrive."""
    ids = {isa: {s.id for f in o.functions for s in f.sites} for isa, o in objects.items()}
    why = {
        id_: f"its call is not in the code for {isa}"
        for isa, found in ids.items()
        for id_ in set().union(*ids.values()) - found
    }
    why |= {
        s.id: f"unproved on {isa}: {s.unproved}"
        for isa, o in objects.items()
        for f in o.functions
        for s in f.sites
        if s.unproved
    }
    if not why:
        return objects

    def marked(f: FunctionMap) -> FunctionMap:
        sites = (
            replace(s, flags=s.flags | SiteFlag.UNUSABLE, unproved=s.unproved or why[s.id]) if s.id in why else s
            for s in f.sites
        )
        return replace(f, sites=tuple(sites))

    return {isa: replace(o, functions=tuple(map(marked, o.functions))) for isa, o in objects.items()}


def _with_tier(o: IsaObject, tier: Mapping[str, str]) -> IsaObject:
    marked = (replace(f, flags=f.flags | FunctionFlag.MEMORY_TIER) if f.name in tier else f for f in o.functions)
    return replace(o, functions=tuple(marked))


def common_ir(ir: str, options: CompileOptions, ladder: Ladder | None = None) -> CommonIr:
    """The IR that all ISAs share, from the front end's; in this process."""
    prepare()
    return _common(_optimised(ir, options).text, options, ladder or _first_rungs(options))


def _optimised(ir: str, options: CompileOptions) -> OptimisedIr:
    from popcc.ir import model
    from popcc.optimiser import optimise
    from popcc.passes.builtins import Builtins
    from popcc.passes.pipeline import before_optimiser
    from popcc.passes.prototypes import prototypes

    module = replaceable(model.parse(ir), options.bodies)
    known = prototypes(module)
    builtins = Builtins()
    for p in before_optimiser(builtins):
        module = p.apply(module)
    text = settled(optimise(module.text(), options.optimization), options.bodies)
    return OptimisedIr(text, known, tuple(builtins.warnings))


def _common(optimised: str, options: CompileOptions, ladder: Ladder) -> CommonIr:
    from popcc import codegen
    from popcc.ir import model
    from popcc.passes.callgraph import leaf_calls
    from popcc.passes.commonstack import check_machine_stack
    from popcc.passes.memory import MemoryTier
    from popcc.passes.nodebug import without_debug
    from popcc.passes.pipeline import behind_optimiser
    from popcc.passes.sites import Sites
    from popcc.passes.undefined import defined

    module = model.parse(optimised, model.OPTIMISED)
    memory, sites = MemoryTier(ladder.memory), Sites(frozenset(ladder.without_sites))
    for p in behind_optimiser(options.migration_points, memory, sites):
        module = p.apply(module)
    text = defined(module.text())
    check_machine_stack(text)
    text = codegen.unoptimised(text, ladder.unoptimised)
    if not options.debug:
        text = without_debug(text)
    return CommonIr(text, tuple(sites.found), leaf_calls(module), dict(sorted(memory.found.items())))


def _generate(common: CommonIr, module: ModuleRef, isa_name: str, options: CompileOptions) -> IsaObject:
    from popcc.linker.index import index_object
    from popcc.linker.maps.complete import complete

    isa = isa_named(isa_name)
    elf = emit(common.text, isa, options, parsed=module)
    return replace(index_object(elf), functions=complete(elf, isa, common.sites))


def emit(
    text: str, isa: Isa, options: CompileOptions, *, assembly: bool = False, parsed: ModuleRef | None = None
) -> bytes:
    """The ELF object of common IR on one ISA, with the bodies that functions have there alone; or without, assembly.

    `parsed` is the same IR, which is used up.
    """
    from popcc import codegen

    bodies = [b for b in options.bodies if b.source.isa == isa.name]
    for body in bodies:
        text = without(text, body)
    ir = text if bodies or parsed is None else parsed
    code = codegen.emit(ir, isa, options.optimization, assembly)
    return code if assembly else joined(code, bodies, isa)
