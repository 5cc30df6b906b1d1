"""Programs that take too long to build for the tests: ``python testsuite/compatibility.py --run NAME`` checks them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from popcc.isa import ISAS
from real import runs
from real.builds import BUSYBOX, COREUTILS, GSL, JQ, NGINX, REDIS, SHELL, ZSTD, Project
from real.files import HERE
from real.near import alike
from real.statements import script

# input for a run: from the folder to work in and the host compiler's program
Given = Callable[[Path, Path], Path]


@dataclass(frozen=True)
class Run:
    """One command line and the migration points between two moves."""

    arguments: tuple[str, ...]
    every: int
    given: Given = lambda folder, program: runs.NOTHING
    through: tuple[str, ...] = ()  # a command that runs the program as often as it likes: what follows it
    program: str = ""  # another of the project's
    rebuilt: int = 0  # the migration points between two rebuilds in place, for what must also stand that
    near: float = 0.0  # by how much, relatively, numbers may differ from those of the host's libm


@dataclass(frozen=True)
class Check:
    """A project and what it is put to."""

    project: Project
    runs: tuple[Run, ...]
    known: bool = True  # to pass: all of it was seen once

    def outcomes(self, ours: Path, theirs: Path, folder: Path) -> Iterator[tuple[str, bool]]:
        """(way of running, whether the output is that of the host compiler's build), from both compilers' trees."""
        for run in self.runs:
            name = run.program or self.project.program
            given = run.given(folder, theirs / name)
            expected = runs.plain(theirs / name, run.arguments, given, run.through)
            first = None
            for way, output in _ways(run, ours / name, given):
                first = output if first is None else first
                right = alike(output, expected, run.near) if run.near else output == expected
                yield f"{name} {way}", right and output == first


def _ways(run: Run, program: Path, given: Path) -> Iterator[tuple[str, bytes]]:
    for isa in ISAS:
        yield f"on {isa}", runs.on(isa, program, run.arguments, given, run.through)
    if run.rebuilt:
        for isa in ISAS:
            output = runs.on(isa, program, run.arguments, given, run.through, run.rebuilt)
            yield f"on {isa}, rebuilt in place", output
    output, moves = runs.moved_often(program, run.arguments, run.every, given, run.through)
    yield f"moved {moves} times", output


def _packed(folder: Path, program: Path) -> Path:
    """What zstd is to restore, made by the host's."""
    made = folder / "packed"
    made.write_bytes(runs.plain(program, ("-c", "-3"), runs.compressible(folder)))
    return made


def _statements(folder: Path, program: Path) -> Path:
    made = folder / "statements.sql"
    made.write_text(script())
    return made


def _kernel(name: str, every: int, near: float = 0.0) -> Run:
    """A test program of GSL's, which tells of each check."""
    return Run((), every, through=ELSEWHERE, program=f"{name}/test", near=near)


# some of GSL's tests write files where they run
ELSEWHERE = ("sh", "-ec", 'dir=$(mktemp -d); cd "$dir"; GSL_TEST_VERBOSE=1 "$@"; rm -r "$dir"', "sh")
# a file of its own each time, and what it is in the end
DATABASE = ("sh", "-ec", 'file=$(mktemp -d)/db; "$@" "$file"; sha256sum <"$file"; rm -r "${file%/*}"', "sh")
SERVED = (sys.executable, str(HERE / "work_nginx.py"))
LONG = {
    c.project.name: c
    for c in (
        Check(
            GSL,
            (
                Run((), 20_000, near=1e-6),
                _kernel("interpolation", 4_000),
                _kernel("multimin", 15_000),
                _kernel("multiroots", 4_000, near=1e-6),
                _kernel("sort", 70_000),
                _kernel("splinalg", 300_000, near=0.05),
                _kernel("wavelet", 100_000),
                _kernel("fft", 150_000),
                _kernel("rng", 2_000_000),
            ),
        ),
        Check(NGINX, (Run((), 20_000, through=(*SERVED, "4"), rebuilt=10),)),
        Check(SHELL, (Run((), 20_000, _statements, DATABASE, rebuilt=1),)),
        Check(BUSYBOX, (Run((), 20_000, through=("sh", str(HERE / "work_busybox.sh"))),)),
        Check(COREUTILS, (Run((), 2_000, through=("sh", str(HERE / "work_coreutils.sh"))),)),
        Check(REDIS, (Run((), 30_000, through=("sh", str(HERE / "work_redis.sh"))),)),
        Check(JQ, (Run(("-n", "--argjson", "rounds", "150", "-f", str(HERE / "work.jq")), 20_000),)),
        Check(
            ZSTD,
            (
                Run(("-c", "-3", "-T2"), 15_000, lambda folder, program: runs.compressible(folder)),
                Run(("-dc",), 2_000, _packed),
            ),
        ),
    )
}
