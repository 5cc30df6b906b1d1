"""What the benchmarks share: the two compilers, timed runs, sources of real programs."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "testsuite"))

POPCC = [sys.executable, "-m", "popcc.driver"]
POPCORN = [sys.executable, "-m", "popcc.runtime.popcorn.cli"]
# the rival: the same clang and the same musl, nothing of popcc in between
RIVAL = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-musl", "-static", "-mcpu=x86_64"]


def best(command: Sequence[str | Path], times: int = 5, cwd: Path | None = None) -> float:
    """The shortest of several runs' wall time in seconds; a failing command ends the benchmark."""
    shortest = float("inf")
    for _ in range(times):
        begin = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, cwd=cwd)
        shortest = min(shortest, time.perf_counter() - begin)
    return shortest


def cpu(work: Callable[[], T]) -> tuple[T, float]:
    """The processor time, in seconds, that child processes take for a piece of work; and its result."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return result, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cpu_of(command: Sequence[str | Path]) -> float:
    """The processor time of a command, its children included; a failing one ends the benchmark."""
    return cpu(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True))[1]


def text_size(program: Path) -> int:
    """Bytes of executable sections of the file's own ISA."""
    from popcc.linker.elf import SHF_EXECINSTR, read_elf

    elf = read_elf(program.read_bytes(), str(program))
    return sum(s.size for s in elf.sections if s.flags & SHF_EXECINSTR)


def report(what: str, ours: float, rival: float, unit: str = "s") -> None:
    """One line: both figures and their ratio."""
    print(f"{what:44} popcc {ours:10.3f} {unit}   rival {rival:10.3f} {unit}   ratio {ours / rival:5.2f}", flush=True)
