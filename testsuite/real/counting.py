"""Compiles and links a project, verified, and counts: functions, sites, what is unproved, what is in memory and why."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from popcc import toolchain
from popcc.cache import cache_dir
from popcc.compile import compile_source
from popcc.errors import PopccError
from popcc.isa import ISAS
from popcc.linker.inputs import Input, LinkUnit, Objects
from popcc.linker.link import LinkOptions, link
from popcc.linker.verify.proved import Proved
from popcc.unit import Unit
from real.files import File, Linking, compiled_as, linkings


@dataclass
class Count:
    """What came of a project at a level."""

    project: str
    level: str  # "O2"
    functions: int = 0
    with_sites: int = 0
    sites: Counter[str] = field(default_factory=Counter)  # by ISA; a call that code generation duplicated counts twice
    unproved: list[str] = field(default_factory=list)  # by completion: site, ISA and why
    refused: list[str] = field(default_factory=list)  # by the verifier at link: function, ISA and why
    memory_tier: list[str] = field(default_factory=list)  # function, file and why
    gave_up: list[str] = field(default_factory=list)  # no code, no link, or code without sites

    @property
    def clean(self) -> bool:
        """Whether everything was proved."""
        return not (self.unproved or self.refused or self.gave_up)

    @property
    def unproved_by_isa(self) -> Counter[str]:
        """Findings of both kinds."""
        return Counter(isa for isa in ISAS for f in (*self.unproved, *self.refused) if f"[{isa}]" in f)


Tick = Callable[[int, int], None]  # files done, of how many


def count(project: str, level: str, jobs: int, tick: Tick) -> Count:
    """Compiles, links and counts; errors are counted as well."""
    found = Count(project, level)
    with linkings(project, level.removeprefix("O")) as parts:
        files = [f for part in parts for f in part.files]
        units: dict[Path, Unit] = {}
        for done, (file, outcome) in enumerate(_compiled(files, jobs), 1):
            if isinstance(outcome, Unit):
                units[file.path] = outcome
                _add(found, outcome)
            else:
                found.gave_up.append(f"{file.path.name}: {outcome}")
            tick(done, len(files))
        for part in parts:
            mine = [units[f.path] for f in part.files if f.path in units]
            if len(mine) == len(part.files):
                found.refused += _link(part, mine, found.gave_up)
    return found


def _compiled(files: Iterable[File], jobs: int) -> Iterator[tuple[File, Unit | str]]:
    with ProcessPoolExecutor(jobs) as pool:
        running = {pool.submit(_compile, f): f for f in files}
        for job in as_completed(running):
            yield running[job], job.result()


def _compile(file: File) -> Unit | str:
    try:
        return compile_source(file.path, file.options)
    except PopccError as e:  # of all files, not of the first only
        return str(e) or "the front end refused it"


def _add(found: Count, unit: Unit) -> None:
    name = Path(unit.source).name
    found.with_sites += len({s.function for s in unit.sites})
    found.functions += len({s.name for o in unit.objects.values() for s in o.symbols if s.type == "func" and s.section})
    found.memory_tier += [f"{function} ({name}): {why}" for function, why in unit.memory_tier.items()]
    found.gave_up += [f"{function} ({name}) has no sites: {why}" for function, why in unit.without_sites.items()]
    for isa, o in unit.objects.items():
        for f in o.functions:
            found.sites[isa] += len(f.sites)
            found.unproved += [
                f"{name}:{unit.sites[s.id].line} in {f.name} [{isa}]: {s.unproved}" for s in f.sites if s.unproved
            ]


def _main() -> Unit:
    with tempfile.TemporaryDirectory(prefix="popcc-sweep-") as name:
        source = Path(name) / "main.c"
        source.write_text("int main(void) { return 0; }\n")
        file = compiled_as((), "2", source)
        return compile_source(file.path, file.options)


def _link(part: Linking, units: list[Unit], gave_up: list[str]) -> list[str]:
    """The verifier's findings."""
    isas = tuple(ISAS)
    inputs: list[Input] = [Objects(tuple(LinkUnit(u, Path(u.source).name) for u in units))]
    if part.library:
        inputs.append(Objects((LinkUnit(_main(), "main.c"),)))  # the library has none
    inputs += toolchain.standard_libraries(isas)
    options = LinkOptions(
        isas,
        toolchain.outer_isa(isas),
        allow_duplicates=part.library,
        keep_all=True,  # also what the program does not use is to be proved
        proved=Proved(cache_dir() / "proofs"),
    )
    try:
        return [str(p) for p in link(inputs, options, part.name).unproved]
    except PopccError as e:
        gave_up.append(f"linking {part.name}: {e}")
        return []
