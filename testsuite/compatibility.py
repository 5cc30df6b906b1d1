"""What is known to work, and what stands in the way elsewhere: writes docs/compatibility.md.

python testsuite/compatibility.py > docs/compatibility.md
python testsuite/compatibility.py --run NAME    # builds, runs and compares what takes too long for the tests
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from real import builds, checks
from real.builds import Obstacle, Project

from popcc.isa import ISAS

PACKAGES = Path(__file__).resolve().parents[1] / ".ci" / "packages"
HEAD = """\
# Compatibility

What `python testsuite/compatibility.py` says; the data are in `testsuite/real/builds.py`.

Each of these releases is taken from Debian's source package as upstream made it, built by its own build system, and
does what the host gcc's build does, byte for byte (numeric codes: but for rounding): on {isas}, each,
and while it is moved from one to the next, at least 50 times.
"""
OBSTACLES = """\
## What stood in the way

Nothing was changed in a source file. What can't work had to be left out of some programs by their own switches:

| obstacle | where, of {all} programs | what to do |
|---|---|---|
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="What works: docs/compatibility.md on standard output.")
    parser.add_argument("--run", choices=sorted(checks.LONG), help="build, run and compare one that no test does")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="build there, or take what was built there before")
    options = parser.parse_args(arguments)
    if not options.run:
        print("\n".join(document()))
        return 0
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        return run(checks.LONG[options.run], options.keep.resolve())
    with tempfile.TemporaryDirectory(prefix="popcc-compatibility-") as folder:
        return run(checks.LONG[options.run], Path(folder))


def document() -> Iterator[str]:
    """The lines of docs/compatibility.md."""
    *some, last = ISAS
    yield HEAD.format(isas=f"{', '.join(some)} and {last}")
    yield "| program | version | its build | what it does |"
    yield "|---|---|---|---|"
    projects = (*builds.PROJECTS, *(c.project for c in checks.LONG.values()))
    unknown = [c.project for c in checks.LONG.values() if not c.known]
    for p in (p for p in projects if p not in unknown):
        note = " (by `--run`)" if p.name in checks.LONG else ""
        yield f"| {p.name} | {p.release} | `{_commands(p)}` | {p.work}{note} |"
    if checks.LONG:
        yield "\nThose marked so take too long to build for the tests: `python testsuite/compatibility.py --run NAME`"
        yield "installs what their build systems need (`sh .ci/packages real`), builds, runs and compares them."
    if unknown:
        names = ", ".join(f"{p.name} {p.release}" for p in unknown)
        yield f"The same command knows these, but nobody has seen all of it pass yet: {names}."
    yield "\n" + OBSTACLES.format(all=len(projects)).rstrip()
    for obstacle in builds.OBSTACLES:
        yield f"| {obstacle.what} | {_where(obstacle, projects)} | {obstacle.remedy} |"


def _commands(project: Project) -> str:
    first = "".join(f"{name}=popcc " for name in project.environment)
    commands = (shlex.join(Path(w).name if Path(w).is_absolute() else w for w in c) for c in project.commands)
    text = first + " && ".join(commands).replace("=CC", "=popcc").replace("CC -O2", "popcc -O2")
    return text.replace("|", r"\|")  # or it ends the cell, between backquotes too


def _where(obstacle: Obstacle, projects: Sequence[Project]) -> str:
    where = [f"{p.name} ({switch})" for p in projects for o, switch in p.without if o == obstacle]
    return f"{len(where)}: {', '.join(where)}" if where else "none"


def run(check: checks.Check, folder: Path) -> int:
    """Builds a project with both compilers and holds their outputs against each other."""
    began = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)

    needed = subprocess.run(["sh", str(PACKAGES), "real"])
    if needed.returncode != 0:
        return needed.returncode
    ours, theirs = builds.trees(check.project, folder)
    tell("built")
    wrong = 0
    for name, same in check.outcomes(ours, theirs, folder):
        tell(f"{name}: {'the same' if same else 'DIFFERENT'}")
        wrong += not same
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
