"""How long do completion and verification of site maps take, per ISA and on one core?

Completion is part of each compilation. Verification is part of each link: the first time of every function, then,
as fingerprints are kept, of what has changed. Of Lua and of SQLite with the driver program of its test.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from common import cpu
from real.files import linkings

from popcc import isolate, toolchain
from popcc.compile import compile_source
from popcc.isa import ISAS
from popcc.linker.addresses import Addresses
from popcc.linker.inputs import LinkUnit, Objects
from popcc.linker.link import LinkOptions, link
from popcc.linker.maps.complete import complete
from popcc.linker.program import read_program
from popcc.linker.verify.linked import verify_linked
from popcc.linker.verify.proved import Proved
from popcc.unit import FunctionMap, Unit


def completed(units: Sequence[Unit], isa: str) -> list[tuple[FunctionMap, ...]]:
    """The maps, made again from the objects."""
    return [complete(u.objects[isa].elf, ISAS[isa], u.sites) for u in units]


def measure(what: str, units: Sequence[Unit], folder: Path) -> None:
    """A line for each ISA."""
    isas = tuple(ISAS)
    inputs = [Objects(tuple(LinkUnit(u, u.source) for u in units)), *toolchain.standard_libraries(isas)]
    linked = link(inputs, LinkOptions(isas, toolchain.outer_isa(isas), verify=False), what)
    path = folder / f"{what}.popcorn"
    path.write_bytes(linked.program)
    program = read_program(path)
    for isa in isas:
        making = cpu(isolate.start(completed, units, isa).result)[1]
        executables = {isa: program.executable(isa)}
        addresses = {isa: Addresses(isa, linked.resolution, linked.layout)}
        kept = folder / f"{what}-{isa}.proved"
        verdict, first = cpu(partial(verify_linked, executables, addresses, Proved(kept)))
        again = cpu(partial(verify_linked, executables, addresses, Proved(kept)))[1]
        sites = sum(len(f.sites) for u in units for f in u.objects[isa].functions)
        print(
            f"{what:8} {isa:8} {sites:6} sites   completion {making:6.2f} s   verification {first:6.2f} s"
            f"   together {making + first:6.2f} s   nothing changed {again:6.2f} s   refused {len(verdict.refused)}",
            flush=True,
        )


def main() -> None:
    """Compiles, then measures."""
    with tempfile.TemporaryDirectory(prefix="popcc-bench-") as name:
        for project in ("lua", "sqlite"):
            with linkings(project, "2") as (part,):
                units = [compile_source(f.path, f.options) for f in part.files]
            measure(project, units, Path(name))


if __name__ == "__main__":
    main()
