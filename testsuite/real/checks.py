"""Programs that take too long to build for the tests: ``python testsuite/compatibility.py --run NAME`` checks them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from popcc.isa import ISAS
from real import runs
from real.builds import COREUTILS, JQ, REDIS, ZSTD, Project
from real.files import HERE

# input for a run: from the folder to work in
Given = Callable[[Path], Path]


@dataclass(frozen=True)
class Run:
    """One command line and the migration points between two moves."""

    arguments: tuple[str, ...]
    every: int
    given: Given = lambda _: runs.NOTHING
    through: tuple[str, ...] = ()  # a command that runs the program as often as it likes: what follows it


@dataclass(frozen=True)
class Check:
    """A project and what it is put to."""

    project: Project
    runs: tuple[Run, ...]
    known: bool = True  # to pass: all of it was seen once

    def outcomes(self, ours: Path, theirs: Path, folder: Path) -> Iterator[tuple[str, bool]]:
        """(way of running, whether the output is that of the host compiler's build)."""
        for run in self.runs:
            given = run.given(folder)
            expected = runs.plain(theirs, run.arguments, given, run.through)
            yield "moved", runs.moved(ours, run.arguments, run.every, given, run.through) == expected
            for isa in ISAS:
                yield f"on {isa}", runs.on(isa, ours, run.arguments, given, run.through) == expected


def _packed(folder: Path) -> Path:
    """What zstd is to restore, made by the host's."""
    made = folder / "packed"
    program = next(folder.glob("zstd-gcc/*")) / ZSTD.program
    made.write_bytes(runs.plain(program, ("-c", "-3"), runs.compressible(folder)))
    return made


LONG = {
    c.project.name: c
    for c in (
        Check(COREUTILS, (Run((), 2_000, through=("sh", str(HERE / "work_coreutils.sh"))),), known=False),
        Check(REDIS, (Run((), 25_000, through=("sh", str(HERE / "work_redis.sh"))),), known=False),
        Check(JQ, (Run(("-n", "--argjson", "rounds", "150", "-f", str(HERE / "work.jq")), 20_000),)),
        Check(ZSTD, (Run(("-c", "-3", "-T2"), 15_000, runs.compressible), Run(("-dc",), 2_000, _packed)), known=False),
    )
}
