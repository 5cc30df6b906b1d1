"""The coherence protocol, simulated from seeds or searched whole. The exit status is 1 if it did wrong.

make simulate SECONDS=600 SEED=1        schedules until the time is over
PYTHONPATH=testsuite python -m dsm --seed 17                replays one, step by step
PYTHONPATH=testsuite python -m dsm --search                 all states of the small models
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from itertools import islice
from multiprocessing import get_context

from dsm.library import Library, Size, Violation, library
from dsm.mutants import MUTANTS

BATCH = 2000
STATES = 12_000_000
SIZES = (
    Size(2, 1, 3, 2, 1, 1),
    Size(2, 2, 2, 2, 1, 1),
    Size(2, 2, 3, 2, 0, 1),
    Size(3, 1, 3, 2, 0, 1),
    Size(3, 1, 3, 1, 1, 1),
    Size(3, 2, 2, 1, 1, 1),
    Size(3, 2, 2, 2, 0, 1),
)
LARGE = (
    Size(2, 2, 2, 3, 0, 1),
    Size(2, 2, 3, 1, 1, 1),
    Size(3, 1, 3, 3),
    Size(3, 1, 3, 2, 1, 0),
)


def replay_command(seed: int, mutant: str = "") -> str:
    """What to type to see a schedule again."""
    return f"PYTHONPATH=testsuite python -m dsm --seed {seed}" + (f" --mutant {mutant!r}" if mutant else "")


def main() -> None:
    """The command line."""
    options = _options()
    if options.mutant and not any(m.name == options.mutant for m in MUTANTS):
        print("dsm: the mutants are:", *(f"    {m.name}" for m in MUTANTS), sep="\n", file=sys.stderr)
        sys.exit(2)
    if options.search:
        sys.exit(_search(SIZES + LARGE if options.large else SIZES))
    if options.seed is not None:
        wrong = _engine(options.mutant).replay(options.seed)
        print(f"seed {options.seed}: {wrong or 'all went well'}")
        sys.exit(bool(wrong))
    sys.exit(_simulate(options))


def _engine(mutant: str) -> Library:
    return library(next((m.edits for m in MUTANTS if m.name == mutant), ()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dsm", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, metavar="N", help="this schedule alone, with all that happens")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the seed to begin with (%(default)s)")
    parser.add_argument("--count", type=int, default=10**12, help="at most so many schedules")
    parser.add_argument("--seconds", type=float, default=600.0, help="when to stop (%(default)s)")
    parser.add_argument("--jobs", "-j", type=int, default=os.cpu_count() or 1, help="processes (%(default)s)")
    parser.add_argument("--mutant", default="", metavar="NAME", help="with this mistake planted (`?` lists them)")
    parser.add_argument("--search", action="store_true", help="every state of the small models")
    parser.add_argument("--large", action="store_true", help="of larger ones, too (gigabytes, minutes)")
    return parser.parse_args()


def _search(sizes: tuple[Size, ...]) -> int:
    total = 0
    for size in sizes:
        began = time.monotonic()
        try:
            states = library().search(size, STATES)
        except Violation as wrong:
            print(f"{size}: {wrong}")
            return 1
        total += states
        print(f"{size}: {states:,} states, {time.monotonic() - began:.1f} s", flush=True)
    print(f"{total:,} states, no violation, and from each a way to the end")
    return 0


def _batch(work: tuple[str, int, int]) -> tuple[int, int]:
    """How many of a batch went well, and the steps they took."""
    mutant, first, count = work
    return _engine(mutant).simulate(first, count)


def _simulate(options: argparse.Namespace) -> int:
    began = time.monotonic()
    schedules = steps = 0
    last = options.first + options.count
    work = ((options.mutant, at, min(BATCH, last - at)) for at in range(options.first, last, BATCH))
    _engine(options.mutant)  # compiled once, before the children are made
    with get_context("fork").Pool(options.jobs) as pool:
        while (batches := list(islice(work, options.jobs))) and time.monotonic() - began < options.seconds:
            for (_, first, count), (well, taken) in zip(batches, pool.map(_batch, batches, chunksize=1), strict=True):
                if well < count:
                    print(f"seed {first + well}: {_engine(options.mutant).replay(first + well, trace=False)}")
                    print(replay_command(first + well, options.mutant))
                    return 1
                schedules, steps = schedules + well, steps + taken
    rate = schedules / (time.monotonic() - began)
    print(f"{schedules:,} schedules, {steps:,} steps, {rate:,.0f} schedules a second: all went well")
    return 0


if __name__ == "__main__":
    main()
