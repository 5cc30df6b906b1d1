"""What does a project of a hundred files cost against clang once per ISA, with make -j2; what one file with all of
SQLite in it; and what a change of one file?

The project is liblzma (xz), by its own makefiles. SQLite is one run of popcc against three of clang, two at a time. The
change is one of 100 generated files of 20 functions each, which are linked for all ISAs, laid out alike and verified.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import POPCC, cpu, report
from real import sources
from real.files import SQLITE_FLAGS

from popcc.frontend import base_flags, clang
from popcc.isa import ISAS
from popcc.runtime.libc.headers import include_dirs

FILES, FUNCTIONS = 100, 20
GOAL = 2.0  # seconds for the change


def configured(folder: Path) -> Path:
    """liblzma, configured for popcc's libc."""
    source = sources.unpack(sources.XZ, folder / "xz")
    leave_out = "shared assembler nls doc scripts xzdec lzmadec lzmainfo xz".split()
    command = ["./configure", f"CC={' '.join(POPCC)}", *(f"--disable-{part}" for part in leave_out)]
    subprocess.run(command, cwd=source, stdout=subprocess.DEVNULL, check=True)
    return source


def made(source: Path, compiler: str) -> tuple[float, float]:
    """Seconds of wall time and of processor time that make -j2 takes from the beginning."""
    library = source / "src/liblzma"
    subprocess.run(["make", "clean"], cwd=library, stdout=subprocess.DEVNULL, check=True)
    command = ["make", "-j2", f"CC={compiler}", "CFLAGS=-O2 -w"]
    return spent(lambda: subprocess.run(command, cwd=library, stdout=subprocess.DEVNULL, check=True))


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of wall time, and of processor time in child processes."""
    begin = time.perf_counter()
    _, processor = cpu(work)
    return time.perf_counter() - begin, processor


def amalgamation(folder: Path) -> None:
    """SQLite in one file: popcc's wall time and processor time against those of clang once per ISA.

    By turns, as a machine that others use as well is not as fast in one minute as in the next.
    """
    source = sources.unpack(sources.SQLITE, folder / "sqlite") / "sqlite3.c"
    flags = [*SQLITE_FLAGS, "-O2", "-w", "-c", str(source), "-o"]
    rival = [*clang(), *base_flags(include_dirs()), *flags]

    def compiled(isa: str) -> None:
        subprocess.run([*rival, folder / f"{isa}.o"], check=True)

    def once_per_isa() -> None:
        with ThreadPoolExecutor(max_workers=2) as two:
            for _ in two.map(compiled, ISAS):
                pass

    turns = []
    for again in ("first", "second"):
        ours = spent(lambda: subprocess.run([*POPCC, *flags, folder / "sqlite3.o"], check=True))
        turns.append((ours, spent(once_per_isa)))
        compared(f"SQLite, {again}, against {len(ISAS)} x clang, two at a time", *turns[-1])
    whole = [(sum(t[0] for t in side), sum(t[1] for t in side)) for side in zip(*turns, strict=True)]
    compared("SQLite, both", *whole)


def compared(what: str, ours: tuple[float, float], theirs: tuple[float, float]) -> None:
    """Two lines, of wall time and of processor time."""
    report(what, ours[0], theirs[0])
    report("    processor time", ours[1], theirs[1])


def generated(folder: Path) -> None:
    """A program of `FILES` files in which each function calls one of the next file."""
    for f in range(FILES):
        lines = []
        for k in range(FUNCTIONS):
            callee = f"f{f + 1}_{k}"
            value = f"{callee}(n ^ {k})" if f + 1 < FILES else "n"
            lines += [f"int {callee}(int);", f"int f{f}_{k}(int n) {{ return {value} * 3 + {f}; }}"]
        (folder / f"f{f}.c").write_text("\n".join(lines) + "\n")
    calls = " + ".join(f"f0_{k}(n)" for k in range(FUNCTIONS))
    declarations = "\n".join(f"int f0_{k}(int);" for k in range(FUNCTIONS))
    (folder / "main.c").write_text(f"{declarations}\nint main(int n, char **v) {{ return ({calls}) & 1; }}\n")
    (folder / "Makefile").write_text(
        f"objects = main.o $(patsubst %,f%.o,$(shell seq 0 {FILES - 1}))\n"
        "program: $(objects)\n\t$(CC) -O1 -o $@ $(objects)\n%.o: %.c\n\t$(CC) -O1 -c $<\n"
    )


def changed(folder: Path) -> float:
    """Seconds from a change of one file to the new program."""
    make = ["make", "-j2", f"CC={' '.join(POPCC)}"]
    subprocess.run(make, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    best = float("inf")
    for n in range(3):
        file = folder / "f50.c"
        file.write_text(file.read_text().replace("* 3 +", f"* {n + 5} +", 1))
        begin = time.perf_counter()
        subprocess.run(make, cwd=folder, stdout=subprocess.DEVNULL, check=True)
        best = min(best, time.perf_counter() - begin)
    return best


def main() -> None:
    """All measurements."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="popcc-bench-") as name:
        folder = Path(name)
        source = configured(folder)
        rival = " ".join([*clang(), *base_flags(include_dirs())])
        for again in ("first", "second"):
            ours, once = made(source, " ".join(POPCC)), made(source, rival)
            theirs = (len(ISAS) * once[0], len(ISAS) * once[1])
            compared(f"liblzma, make -j2, {again}, against {len(ISAS)} x clang", ours, theirs)
        shutil.rmtree(source)
        amalgamation(folder)
        (folder / "generated").mkdir()
        generated(folder / "generated")
        report(f"one of {FILES} files changed, to the program", changed(folder / "generated"), GOAL)


if __name__ == "__main__":
    main()
