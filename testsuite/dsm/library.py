"""The engine and the simulator, compiled together into one library, with or without a mistake planted in the engine.

The engine is what of `runtime/dsm` does no input or output.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cffi import FFI

HERE = Path(__file__).parent
ENGINE = HERE.parents[1] / "runtime" / "dsm"
PARTS = tuple(f"{name}.c" for name in "protocol replica prefetch directory recall loss futex link".split())
FLAGS = ("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
DECLARATIONS = """
    int sim_run(uint64_t seed, int verbose);
    unsigned long sim_many(uint64_t first, unsigned long count, unsigned long *steps);
    const char *sim_failure(void);
    struct model_options { unsigned nodes, pages, threads, accesses, changes, crashes; };
    long model_search(struct model_options options, unsigned long most);
    extern char model_wrong[200];
    unsigned wide_begin(void);
    void wide_ask(unsigned node, uint64_t page, int write);
    int wide_recall(uint64_t from, uint64_t count, int keep);
    unsigned wide_lose(unsigned node, uint64_t *to);
    void wide_entry(uint64_t page, unsigned *to);
    long bench_check(const void *bytes, size_t n, int to_origin, uint64_t npages);
    void bench_message(void *to, unsigned kind, uint64_t page);
    unsigned bench_ahead(const uint64_t *pages, unsigned n, unsigned *ahead);
    void bench_futex_begin(uint32_t value, int can_read);
    int bench_futex_deliver(unsigned node, const void *message);
    void bench_futex_opened(uint64_t page, uint32_t value);
    void bench_futex_lost(unsigned node);
    int bench_futex_result(unsigned i, unsigned *node, uint32_t *thread, int32_t *value);
"""


@dataclass(frozen=True)
class Edit:
    """One change to a file of the engine: a text that stands there once, and what stands there instead."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Size:
    """Of the small model: its bounds, as `struct model_options` has them."""

    nodes: int
    pages: int
    threads: int
    accesses: int
    changes: int = 0
    crashes: int = 0

    def __str__(self) -> str:
        counts = f"{self.nodes} nodes, {self.pages} pages, {self.threads} threads, {self.accesses} accesses each"
        return counts + ", a change of mapping" * self.changes + ", a crash" * self.crashes


class Violation(Exception):
    """The protocol did what it must never do; or something waits for ever."""


class Library:
    """The compiled C. Its world is one for the whole process."""

    def __init__(self, path: Path) -> None:
        self.ffi = FFI()
        self.ffi.cdef(DECLARATIONS)
        self.c: Any = self.ffi.dlopen(str(path))

    def text(self, chars: object) -> str:
        """A C string."""
        value = self.ffi.string(chars)
        assert isinstance(value, bytes)
        return value.decode()

    def simulate(self, first: int, count: int) -> tuple[int, int]:
        """Runs schedules until one fails: how many went well, and the steps they took."""
        steps = self.ffi.new("unsigned long *")
        return int(self.c.sim_many(first, count, steps)), int(steps[0])

    def replay(self, seed: int, trace: bool = True) -> str:
        """One schedule, told step by step on standard output. Returns what went wrong in it, if anything."""
        sys.stdout.flush()
        return self.text(self.c.sim_failure()) if self.c.sim_run(seed, trace) else ""

    def search(self, size: Size, most: int) -> int:
        """How many states a model of that size has. Raises `Violation`; then the way there is on standard output."""
        sys.stdout.flush()
        bounds = [size.nodes, size.pages, size.threads, size.accesses, size.changes, size.crashes]
        states = int(self.c.model_search(self.ffi.new("struct model_options *", bounds)[0], most))
        if states < 0:
            raise Violation(self.text(self.c.model_wrong))
        return states


@cache
def library(edits: tuple[Edit, ...] = ()) -> Library:
    """Compiles; the files are gone again when this returns."""
    with tempfile.TemporaryDirectory(prefix="popcc-dsm-") as name:
        folder = Path(name)
        engine = folder / "engine"
        engine.mkdir()
        for source in [ENGINE / part for part in PARTS] + list(ENGINE.glob("*.h")):
            shutil.copy(source, engine)
        for edit in edits:
            text = (engine / edit.file).read_text()
            assert text.count(edit.old) == 1, f"{edit.file} has not once: {edit.old}"
            (engine / edit.file).write_text(text.replace(edit.old, edit.new))
        sources = [*sorted(engine.glob("*.c")), *sorted(HERE.glob("*.c"))]
        flags = (*FLAGS, "-w") if edits else FLAGS
        command = ["gcc", *flags, f"-I{engine}", f"-I{HERE}", *map(str, sources), "-o", str(folder / "dsm.so")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert not done.returncode, done.stderr
        return Library(folder / "dsm.so")
