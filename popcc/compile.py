"""One source file to a unit: front end, common IR, objects of every ISA, and what their maps must agree on.

LLVM, the passes and the decoders are imported where they are used, which is first in `prepare`: while clang runs.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from popcc import frontend
from popcc.agreement import agreed, unproved, with_tier
from popcc.collector import collector_off
from popcc.compile_options import CompileOptions
from popcc.errors import ErrorGroup, PopccError
from popcc.ladder import Ladder
from popcc.literals import rounded_literals
from popcc.unit import Unit

if TYPE_CHECKING:
    from popcc.common import CommonIr, OptimisedIr
    from popcc.generate import Objects


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

    When LLVM can't make code of a function, or its maps can't be proved, it is generated again one rung down
    (popcc.ladder); what is unproved even then is marked and refused at run time.
    """
    prepare()
    from popcc.common import optimised_ir

    with collector_off():
        optimised = optimised_ir(ir, options)
        _warn(optimised.warnings, options)
        made = _generated(optimised, path, options, _first_rungs(options))
        while made.lower != made.ladder:
            made = _regenerated(optimised, path, options, made) or _generated(optimised, path, options, made.lower)
    common, tier = made.common, made.common.memory_tier
    objects = {isa: with_tier(o, tier) for isa, o in agreed(made.objects).items()}
    digest = hashlib.sha1(f"{path}\0{common.text}".encode())
    for body in options.bodies:
        digest.update(body.elf)
    return Unit(
        digest.hexdigest()[:16], str(path), False, common.leaf_calls, common.sites, tier,
        dict(made.ladder.without_sites), objects, optimised.prototypes,
    )  # fmt: skip


class _Round(Struct, frozen=True):
    """What came of the functions on their rungs, and the `lower` ones that some must go to."""

    ladder: Ladder
    common: CommonIr
    objects: Objects
    lower: Ladder


def _generated(optimised: OptimisedIr, path: Path, options: CompileOptions, ladder: Ladder) -> _Round:
    """A round in which the code of all functions is generated."""
    from popcc.common import common_ir
    from popcc.generate import generated

    common = common_ir(optimised, options, ladder)
    objects, lower = generated(common, path, options, ladder)
    return _Round(ladder, common, objects, lower.after_unproved(unproved(objects)))


def _regenerated(optimised: OptimisedIr, path: Path, options: CompileOptions, before: _Round) -> _Round | None:
    """A round that takes over the code of functions that are on their rungs still; None where that can't be done."""
    from popcc.common import changed_ir
    from popcc.generate import may_be_regenerated, regenerated

    if not may_be_regenerated(before.common, before.objects, options):
        return None
    ladder = before.lower
    functions = ladder.below(before.ladder)
    common = changed_ir(optimised, options, ladder, before.common, functions)
    if common is None:
        return None
    objects = regenerated(before.objects, common, functions, path, options, ladder)
    if objects is None:
        return None
    whole = replace(common, text=before.common.text + common.text)
    return _Round(ladder, whole, objects, ladder.after_unproved(unproved(objects)))


def common_ir(ir: str, options: CompileOptions) -> CommonIr:
    """The IR that all ISAs share, from the front end's; in this process."""
    prepare()
    from popcc import common

    return common.common_ir(common.optimised_ir(ir, options), options, _first_rungs(options))


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


@collector_off()
def prepare() -> None:
    """What children would each do again: imports that take long, LLVM's targets and options."""
    import popcc.generate  # noqa: F401
    from popcc import codegen
    from popcc.linker.maps.library import library

    codegen.initialise()
    library()
