"""How long does a rebuild in place take, and a move to the other ISA?

A rebuild's time is the difference between runs with and without rebuilds of a program that stands at a known
depth; its rival is a plain copy of as many bytes of stack, which any migration of a stack has to make at least.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from common import POPCC, POPCORN

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
static volatile long sink;
static long __attribute__((noinline)) spin(long n) { for (long i = 0; i < n; i++) sink += i; return sink; }
static long __attribute__((noinline)) down(int depth, long n, long a, long b)
{
	long r = depth ? down(depth - 1, n, a + depth, b ^ a) : spin(n);
	return r + a * b + depth;
}
int main(int argc, char **argv) { printf("%ld\n", down(atoi(argv[1]), atol(argv[2]), 1, 2)); return argc < 3; }
"""
POINTS = 20000


def timed(program: Path, depth: int, environment: dict[str, str]) -> float:
    """The shortest of five runs in seconds."""
    shortest = float("inf")
    for _ in range(5):
        begin = time.perf_counter()
        subprocess.run(
            [program, str(depth), str(POINTS)], stdout=subprocess.DEVNULL, check=True, env={**os.environ, **environment}
        )
        shortest = min(shortest, time.perf_counter() - begin)
    return shortest


def main() -> None:
    """Measures rebuilds at two depths, then moves."""
    with tempfile.TemporaryDirectory(prefix="popcc-bench-") as name:
        source, program = Path(name) / "deep.c", Path(name) / "deep"
        source.write_text(PROGRAM)
        subprocess.run([*POPCC, "-O2", str(source), "-o", str(program)], check=True)
        for depth in (10, 1000):
            # with an interval that never comes, points are counted but nothing is rebuilt
            still = timed(program, depth, {"POPCORN_REBUILD": "1000000000"})
            rebuilt = timed(program, depth, {"POPCORN_REBUILD": "1"})
            each = (rebuilt - still) / POINTS
            print(f"rebuild in place, {depth:5} frames: {each * 1e6:9.2f} us, {each / depth * 1e9:6.1f} ns a frame")
        process = subprocess.Popen([program, "100", str(10**12)])
        try:
            time.sleep(0.3)
            for k in range(6):
                isa = ("aarch64", "x86_64")[k % 2]
                begin = time.perf_counter()
                done = subprocess.run(
                    [*POPCORN, "migrate", str(process.pid), "--to", isa, "--json"],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                whole = time.perf_counter() - begin
                print(
                    f"migrate to {isa:8}: {whole * 1e3:7.1f} ms with the command itself; it says {done.stdout.strip()}"
                )
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
