"""How long does a rebuild in place take, and a move to the other ISA?

A rebuild's time is the difference between runs with and without rebuilds of a program that stands at a known depth;
its rival is glibc's `backtrace`, an unwinder that every debugger and profiler is content with, at the same depth:
it reads each frame once and writes none. A move's rival is the start of a program on the other ISA, under the same
emulator: what a move has to wait for at least.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from common import POPCC, POPCORN, best, report

from popcc.isa import ISAS
from popcc.runtime.popcorn.actions import migrate
from popcc.runtime.popcorn.hosts import host_isa, runner_for

DEEP = r"""
#include <stdio.h>
#include <stdlib.h>
static volatile long sink;
static long __attribute__((noinline)) work(long n) { WORK; return sink; }
static long __attribute__((noinline)) down(int depth, long n, long a, long b)
{
	long r = depth ? down(depth - 1, n, a + depth, b ^ a) : work(n);
	return r + a * b + depth;
}
int main(int argc, char **argv) { printf("%ld\n", down(atoi(argv[1]), atol(argv[2]), 1, 2)); return argc < 3; }
"""
SPIN = "for (long i = 0; i < n; i++) sink += i"
BACKTRACE = "static void *at[2000]; for (long i = 0; i < n; i++) sink += backtrace(at, 2000)"
POINTS = 20000
MOVES = 10


def timed(program: Path, depth: int, points: int, **environment: str) -> float:
    """The shortest of five runs in seconds."""
    words: list[str | Path] = [
        "env",
        *(f"{name}={value}" for name, value in environment.items()),
        program,
        str(depth),
        str(points),
    ]
    return best(words)


def built(folder: Path, compiler: list[str], name: str, work: str) -> Path:
    """The program that does `work` at the bottom of its recursion."""
    source, program = folder / f"{name}.c", folder / name
    source.write_text("#include <execinfo.h>\n" * (work == BACKTRACE) + DEEP.replace("WORK", work))
    subprocess.run([*compiler, "-O2", str(source), "-o", str(program)], check=True)
    return program


def rebuilds(program: Path, unwinder: Path) -> None:
    """A line for each depth."""
    for depth in (10, 1000):
        # with an interval that never comes, points are counted but nothing is rebuilt
        still = timed(program, depth, POINTS, POPCORN_REBUILD="1000000000")
        rebuilt = timed(program, depth, POINTS, POPCORN_REBUILD="1")
        unwinding = timed(unwinder, depth, POINTS) - timed(unwinder, depth, 0)
        ours, rival = (rebuilt - still) / POINTS * 1e6, unwinding / POINTS * 1e6
        report(f"rebuild in place, {depth} frames", ours, rival, "us")


def moves(program: Path, idle: Path) -> None:
    """Moves there and back; the shortest of each."""
    took: dict[str, list[float]] = {name: [] for name in ISAS}
    process = subprocess.Popen([program, "100", str(10**12)], stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.3)
        there = [name for name in ISAS if name != host_isa().name] + [host_isa().name]
        for _ in range(MOVES):
            for name in there:
                took[name].append(migrate(process.pid, name).took)
    finally:
        process.kill()
        process.wait()
    for name in there:
        start = best([word for word in (runner_for(name), extracted(idle, name), "1", "1") if word])
        report(f"migrate to {name}, 100 frames", min(took[name]) * 1e3, start * 1e3, "ms")


def extracted(program: Path, isa: str) -> Path:
    """The plain executable of one ISA."""
    out = program.with_name(f"{program.name}-{isa}")
    subprocess.run([*POPCORN, "extract", str(program), "--isa", isa, "-o", str(out)], check=True)
    return out


def main() -> None:
    """Measures rebuilds at two depths, then moves."""
    with tempfile.TemporaryDirectory(prefix="popcc-bench-") as name:
        folder = Path(name)
        program = built(folder, POPCC, "deep", SPIN)
        rebuilds(program, built(folder, ["gcc"], "unwinder", BACKTRACE))
        moves(program, built(folder, POPCC, "idle", "sink = n"))


if __name__ == "__main__":
    main()
