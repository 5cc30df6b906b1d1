"""`make fuzz SECONDS=600 SEED=1`: random programs until the time is over; the exit status is 1 if one failed."""

from __future__ import annotations

import argparse
import random
import shlex
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from fuzz import csmith, reduce
from fuzz.cases import GENERATORS
from fuzz.judge import Status, Verdict
from fuzz.workers import Plan, verdicts
from popcc.interrupts import Interrupts, end_by

_FOREVER = 10**9


def main() -> None:
    """The command line."""
    interrupts = Interrupts()
    options = _options()
    try:
        sys.exit(run(options))
    except KeyboardInterrupt:
        end_by(interrupts.signal or signal.SIGINT)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="when to stop (%(default)s)")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="of all programs; random unless given"
    )
    parser.add_argument("--count", type=int, default=_FOREVER, help="at most so many programs")
    parser.add_argument("--first", type=int, default=0, help="the number of the first program (%(default)s)")
    parser.add_argument("--only", type=int, metavar="N", help="program number N alone")
    parser.add_argument("--kinds", default="own,csmith", help="which generators (%(default)s)")
    parser.add_argument("--jobs", "-j", type=int, default=2, help="worker processes (%(default)s)")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="where failures go (%(default)s)")
    parser.add_argument("--reduce", type=float, default=600.0, help="seconds to make a failure smaller (%(default)s)")
    return parser.parse_args()


def run(options: argparse.Namespace) -> int:
    """Judges programs, keeps and reduces those that fail, and says how many there were."""
    kinds = tuple(options.kinds.split(","))
    if unknown := set(kinds) - set(GENERATORS):
        print(f"fuzz: unknown kind {', '.join(unknown)}; known are {', '.join(GENERATORS)}", file=sys.stderr)
        return 2
    if "csmith" in kinds and (missing := csmith.missing()):
        print(f"fuzz: {missing}; or leave it out: --kinds own", file=sys.stderr)
        return 2
    if options.reduce and not reduce.tool():
        print("fuzz: neither cvise nor creduce is installed, so failures stay as large as they are: apt install cvise")
    first = options.first if options.only is None else options.only
    count = options.count if options.only is None else 1
    plan = Plan(options.seed, kinds, range(first, first + count), options.seconds, min(options.jobs, count))
    print(f"fuzz: seed {plan.seed}, {plan.seconds:.0f} s, {plan.jobs} at a time", flush=True)
    tally = _Tally()
    failures: list[Verdict] = []
    try:
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
            task = progress.add_task("random programs", total=plan.seconds if count == _FOREVER else count)
            for verdict in verdicts(plan):
                tally.add(verdict)
                progress.update(
                    task,
                    completed=tally.elapsed if count == _FOREVER else tally.programs,
                    description=f"random programs: {tally.programs}, {len(failures)} failed",
                )
                if verdict.status is Status.FAILED:
                    failures.append(verdict)
                    progress.console.print(_described(verdict, options), markup=False, highlight=False, soft_wrap=True)
    finally:  # after Ctrl-C, too
        print(tally.line(), flush=True)
    for verdict in failures if options.reduce and reduce.tool() else []:
        small = options.keep / f"{verdict.case.name}.reduced.c"
        small.write_text(reduce.reduced(verdict, options.reduce))
        print(f"fuzz: reduced: {small}", flush=True)
    return 1 if failures else 0


def _described(verdict: Verdict, options: argparse.Namespace) -> str:
    """What failed and how to see it again, with the program put where it stays."""
    options.keep.mkdir(parents=True, exist_ok=True)
    kept = options.keep / verdict.case.file
    kept.write_text(verdict.case.text)
    number = verdict.case.name.rsplit("-", 1)[1]
    again = shlex.join(["--seed", str(options.seed), "--only", number, "--kinds", options.kinds])
    command = " ".join(
        str(kept) if word.endswith("/" + verdict.case.file) else word for word in verdict.command.split(" ")
    )
    return (
        f"FAILED {verdict.case.name} {' '.join(verdict.case.flags)} [{verdict.mode}]: {verdict.problem}\n"
        f"  again:  PYTHONPATH=testsuite {sys.executable} -m fuzz {again}\n"
        f"  by hand: {command}"
    )


class _Tally:
    """Counts for the closing line."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.programs = 0
        self.by_kind: Counter[str] = Counter()
        self.by_mode: Counter[str] = Counter()
        self.by_status: Counter[Status] = Counter()
        self.crossings = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    def add(self, verdict: Verdict) -> None:
        """One more."""
        self.programs += verdict.status is not Status.DROPPED
        self.by_status[verdict.status] += 1
        if verdict.status in (Status.OK, Status.FAILED):
            self.by_kind[verdict.case.kind] += 1
        self.by_mode.update(verdict.modes)
        self.crossings += verdict.crossings

    def line(self) -> str:
        """How many programs of each kind, how many runs in each mode, what came of them."""

        def counts(counter: Counter[str]) -> str:
            return ", ".join(f"{name} {n}" for name, n in sorted(counter.items())) or "none"

        status = ", ".join(f"{self.by_status[s]} {s.value}" for s in Status)
        return (
            f"fuzz: {self.programs} programs ({counts(self.by_kind)}) in {self.elapsed:.0f} s: {status}; "
            f"runs without a mismatch: {counts(self.by_mode)}; {self.crossings} crossings"
        )


if __name__ == "__main__":
    main()
