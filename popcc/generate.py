"""From the common IR to objects: code for every ISA and its maps, in children, which LLVM may take down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from popcc import codegen, isolate
from popcc.common import CommonIr
from popcc.compile_options import CompileOptions
from popcc.errors import Place, PlacedError, PopccError
from popcc.isa import Isa, isa_named
from popcc.ladder import Ladder, culprit
from popcc.linker.index import index_object
from popcc.linker.maps.complete import complete
from popcc.native import joined, without
from popcc.splice import CannotSplice, spliced
from popcc.unit import IsaObject

if TYPE_CHECKING:
    from llvmlite.binding import ModuleRef

_AFTER = "the site pass"
_SMALL = 40_000  # characters of common IR

Objects = dict[str, IsaObject]
"""By ISA."""


def generated(common: CommonIr, path: Path, options: CompileOptions, ladder: Ladder) -> tuple[Objects, Ladder]:
    """The objects, made side by side, and the ladder as the death of one of their children left it.

    Raises `PlacedError` when there is no rung below.
    """
    module = codegen.parsed(common.text, _AFTER)  # once for all children, which get it by the fork
    # where there is little to generate, forking costs more than the other core brings
    shares = [options.isas] if len(common.text) < _SMALL else [(isa,) for isa in options.isas]
    with _children() as children:
        for isas in shares:
            children |= dict.fromkeys(isas, isolate.start(_objects, common, module, isas, options))
        module.close()  # which takes a while, in which the children are at work
        return _collected(children, path, common, ladder)


def may_be_regenerated(common: CommonIr, objects: Objects, options: CompileOptions) -> bool:
    """Whether `regenerated` can and should be tried on what `generated` has made."""
    whole = set(objects) == set(options.isas)
    return whole and not options.debug and not options.bodies and len(common.text) >= _SMALL


def regenerated(
    before: Objects, small: CommonIr, functions: Sequence[str], path: Path, options: CompileOptions, ladder: Ladder
) -> Objects | None:
    """The objects with new code for `functions`, all that `small` defines; None where that can't be done.

    Nor where a function goes further down: generated among the others, it might have come out otherwise.
    """
    try:
        with _children() as children:
            for isa in options.isas:
                children[isa] = isolate.start(_respliced, before[isa], small, functions, isa, options)
            objects, lower = _collected(children, path, small, ladder)
    except (CannotSplice, PopccError):
        return None
    return objects if lower == ladder else None


def emit(
    text: str, isa: Isa, options: CompileOptions, *, assembly: bool = False, parsed: ModuleRef | None = None
) -> bytes:
    """The ELF object of common IR on one ISA, with the bodies that functions have there alone; or without, assembly.

    `parsed` is the same IR, which is used up.
    """
    bodies = [b for b in options.bodies if b.source.isa == isa.name]
    for body in bodies:
        text = without(text, body)
    ir = text if bodies or parsed is None else parsed
    code = codegen.emit(ir, isa, options.optimization, assembly)
    return code if assembly else joined(code, bodies, isa)


@contextmanager
def _children() -> Iterator[dict[str, isolate.Running[Any]]]:
    """Children by ISA, to be filled; none outlives the body."""
    children: dict[str, isolate.Running[Any]] = {}
    try:
        yield children
    finally:
        for child in children.values():
            child.stop()


def _objects(
    common: CommonIr, module: ModuleRef, isas: Sequence[str], options: CompileOptions
) -> Iterator[Any]:  # of `IsaObject`
    if options.isas[0] in isas:
        codegen.verify(module, _AFTER)
    for name in isas:
        isa = isa_named(name)
        elf = emit(common.text, isa, options, parsed=module if name == isas[-1] else module.clone())
        yield replace(index_object(elf), functions=complete(elf, isa, common.sites))


def _respliced(
    before: IsaObject, small: CommonIr, functions: Sequence[str], isa_name: str, options: CompileOptions
) -> IsaObject:
    """In a child: the object with new code for `functions`. Raises `CannotSplice`."""
    isa = isa_named(isa_name)
    elf = spliced(before.elf, emit(small.text, isa, options), functions)
    made = {f.name: f for f in complete(elf, isa, small.sites, functions)}
    kept = [made.pop(f.name, f) for f in before.functions if f.name in made or f.name not in functions]
    return replace(index_object(elf), functions=(*kept, *made.values()))


def _collected(
    children: Mapping[str, isolate.Running[Any]], path: Path, common: CommonIr, ladder: Ladder
) -> tuple[Objects, Ladder]:
    """The objects of the ISAs for which code could be generated; the ladder, if it could not for one."""
    objects: Objects = {}
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
