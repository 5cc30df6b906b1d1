"""The C library, the runtime and the helper routines as units that the linker takes members from.

They are built on first use and kept in a cache, in three parts that change for different reasons:

    <cache>/musl-<digest>/       every C file of the libc through all passes: minutes
    <cache>/runtime-<digest>/    libpopcorn, plainly: seconds
    <cache>/helpers-<digest>/    compiler-rt's members
    <cache>/libc-<digest>/       index.json over all three: global symbol -> payload file

A part is made in a directory of its own and renamed when it is whole; a lock file of its name keeps others from
making it at the same time. So neither Ctrl-C nor a second popcc leaves half a library behind. ``POPCC_LIBC`` names an
index directory to be taken as it is, for work on the passes.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from popcc.cache import cache_dir, lock, made
from popcc.compile import compile_source
from popcc.compile_options import CompileOptions
from popcc.errors import ErrorGroup, PopccError
from popcc.interrupts import Interrupts, held, let_in
from popcc.runtime.libc import helpers, runtime
from popcc.runtime.libc.headers import internal_include_dirs
from popcc.runtime.libc.library import Folders
from popcc.runtime.libc.sources import FLAGS, Source, sources
from popcc.unit import Unit

ROOM = 128 << 20  # bytes that a library takes, generously
_WHAT = "the C library"
_T = TypeVar("_T")
Make = Callable[[str, tuple[str, ...]], Unit]


class Part(Struct, frozen=True):
    """One of the three. `make` turns a member's name into its unit, in a worker process."""

    name: str
    folder: str  # in the cache
    members: Callable[[], Sequence[str]]
    make: Make


def build(index: Path, folders: Folders, isas: tuple[str, ...]) -> None:
    """Makes the index directory, and of the parts those that are not there. Raises `PopccError`."""
    parts = _parts(folders, isas)
    for part in parts:
        with lock(part.folder):
            if not (cache_dir() / part.folder).exists():
                _build(part, isas)
    with lock(index.name):
        if not index.exists():
            _write_index(index, parts)


def _parts(folders: Folders, isas: tuple[str, ...]) -> tuple[Part, ...]:
    return (
        Part("runtime", folders.runtime, partial(runtime.names, isas), runtime.build_part),
        Part("helpers", folders.helpers, partial(tuple, helpers.HELPERS), helpers.build_helper),
        Part("musl", folders.musl, _musl_members, _compile_member),
    )


def _musl_members() -> list[str]:
    return [s.member for s in sources()]


def _compile_member(member: str, isas: tuple[str, ...]) -> Unit:
    return compile_source(_source(member).path, options(_source(member), isas))


def _source(member: str) -> Source:
    return next(s for s in sources() if s.member == member)


def options(source: Source, isas: tuple[str, ...]) -> CompileOptions:
    """How a file of the libc is compiled."""
    return CompileOptions(
        isas=isas,
        include_dirs=tuple(internal_include_dirs()),
        clang_flags=FLAGS,
        optimization="2",
        migration_points=source.points,
    )


def _build(part: Part, isas: tuple[str, ...]) -> None:
    """Makes a part, in parallel. Nothing is left behind when it fails or is interrupted."""
    errors: list[PopccError] = []
    symbols: dict[str, dict[str, str]] = {}
    with made(part.folder, _WHAT, ROOM) as work:
        pool = ProcessPoolExecutor(min(os.cpu_count() or 1, 8), initializer=_begin_work, initargs=(work,))
        try:
            with held():  # as the workers are, which this begins
                jobs = {pool.submit(_make, part.make, m, isas, work): m for m in part.members()}
            for job in _with_progress(as_completed(jobs), len(jobs), part.name):
                try:
                    symbols[jobs[job]] = job.result()
                except PopccError as e:
                    errors.append(PopccError(f"building {part.name}, {jobs[job]}: {e}"))
                except Exception as e:
                    e.add_note(f"while building {part.name}, {jobs[job]}")
                    raise
        except KeyboardInterrupt:
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        if errors:
            raise ErrorGroup(errors)
        (work / "symbols.json").write_text(json.dumps(symbols, sort_keys=True))


def _begin_work(work: Path) -> None:
    """In a worker: its temporary files are where the parent removes what is left, however the worker ends."""
    tempfile.tempdir = str(work)
    Interrupts()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """In a worker: meanwhile a signal ends it without a word; what to say is for the parent. Otherwise signals wait:
    the pool's own code, and the fork's, would say or lose what they raise."""
    try:
        with let_in():
            yield
    except KeyboardInterrupt:
        os._exit(130)  # the pool would go on with the next member


def _make(make: Make, member: str, isas: tuple[str, ...], work: Path) -> dict[str, str]:
    """In a worker: builds a member and writes its payload. Returns its global symbols and their bindings."""
    with _ended_by_signals():
        unit = make(member, isas)
    (work / f"{member}.unit").write_bytes(unit.encode())
    found: dict[str, str] = {}
    for o in unit.objects.values():
        for s in o.symbols:
            if s.binding != "local" and s.section and found.get(s.name) != "global":
                found[s.name] = s.binding
    return found


def _write_index(index: Path, parts: Sequence[Part]) -> None:
    """Global symbol -> payload. Where members compete, one that defines it strongly goes first: musl's weak ones
    are stand-ins for members that are not linked."""
    best: dict[str, tuple[str, str]] = {}
    for part in parts:
        for member, symbols in json.loads((cache_dir() / part.folder / "symbols.json").read_text()).items():
            for name, binding in symbols.items():
                if name not in best or (best[name][0] == "weak" and binding == "global"):
                    best[name] = (binding, f"../{part.folder}/{member}.unit")
    with made(index.name, _WHAT, 1 << 20) as work:
        (work / "index.json").write_text(json.dumps({name: where for name, (_, where) in sorted(best.items())}))


def _with_progress(items: Iterator[_T], total: int, what: str) -> Iterator[_T]:
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(items, f"popcc: building {what}, once", total, console=console, transient=True)
