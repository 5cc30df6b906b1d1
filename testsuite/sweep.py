"""Are all sites of real code proved? Compiles and links projects at all levels, and prints what it came to.

    python testsuite/sweep.py [--level O2]... [--jobs N] [--json] [PROJECT ...]

A project is one of bzip2, zlib (minigzip), lua, zstd, musl, programs (testsuite/programs), sqlite. A row counts the
functions of the project itself: all, those with sites, sites and unproved ones per ISA, and the functions in the
memory tier, which are listed below the row with the cause. The exit status is 1 if anything was unproved, refused by
the verifier, or given up by the code generator.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from real.counting import Count, Tick, count
from real.files import PROJECTS

from popcc.isa import ISAS

LEVELS = ("O0", "O1", "O2", "O3", "Os")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    options = _options(arguments)
    counts = []
    if not options.json:
        print(_heading(), flush=True)
    for project in options.projects or PROJECTS:
        for level in options.level or LEVELS:
            with _progress(f"{project} -{level}") as tick:
                found = count(project, level, options.jobs, tick)
            counts.append(found)
            if not options.json:
                print("\n".join(_lines(found)), flush=True)
    if options.json:
        json.dump([{**vars(c), "clean": c.clean} for c in counts], sys.stdout, indent=1)
        print()
    else:
        print(_summary(counts))
    return 0 if all(c.clean for c in counts) else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Count what is proved of real code.")
    parser.add_argument(
        "projects", nargs="*", metavar="PROJECT", help=f"of {', '.join(PROJECTS)}; all if none is given"
    )
    parser.add_argument("--level", action="append", choices=LEVELS, help="may be repeated; all if none is given")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="files compiled at once")
    parser.add_argument("--json", action="store_true", help="everything that was counted and found, for programs")
    options = parser.parse_args(arguments)
    for name in options.projects:
        if name not in PROJECTS:
            parser.error(f"there is no project '{name}', only {', '.join(PROJECTS)}")
    return options


def _heading() -> str:
    sites = "".join(f"{isa + ' sites':>15} {'unproved':>9}" for isa in ISAS)
    return f"{'project':9} {'level':5} {'functions':>9} {'with sites':>10}{sites} {'memory tier':>12}"


def _lines(found: Count) -> Iterator[str]:
    unproved = found.unproved_by_isa
    sites = "".join(f"{found.sites[isa]:15} {unproved[isa]:9}" for isa in ISAS)
    tier = f"{len(found.memory_tier)} {_share(found):>5}"
    yield f"{found.project:9} -{found.level:4} {found.functions:9} {found.with_sites:10}{sites} {tier:>12}"
    for what, words in (
        ("memory tier", found.memory_tier),
        ("unproved", found.unproved),
        ("refused", found.refused),
        ("gave up", found.gave_up),
    ):
        yield from (f"    {what}: {w}" for w in sorted(words))


def _share(*counts: Count) -> str:
    functions = sum(c.functions for c in counts)
    return f"{sum(len(c.memory_tier) for c in counts) / functions:.2%}" if functions else ""


def _summary(counts: Sequence[Count]) -> str:
    sites = sum((c.sites for c in counts), Counter[str]())
    unproved = sum((c.unproved_by_isa for c in counts), Counter[str]())
    shares = ", ".join(f"{isa} {unproved[isa]} of {sites[isa]} sites" for isa in ISAS)
    gave_up = sum(len(c.gave_up) for c in counts)
    return f"unproved: {shares}; memory tier: {_share(*counts)} of functions; given up: {gave_up}"


@contextmanager
def _progress(what: str) -> Iterator[Tick]:
    """On a terminal a bar, which goes when it is done; in pipes and logs nothing."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


if __name__ == "__main__":
    sys.exit(main())
