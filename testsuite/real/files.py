"""The C files of which the projects of the sweep are made, and the flags that their makefiles give them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import harness
from msgspec.structs import replace

from popcc import toolchain
from popcc.cc_options import parse
from popcc.compile_options import CompileOptions
from popcc.isa import ISAS
from popcc.runtime.libc import build
from popcc.runtime.libc.sources import sources as libc_sources
from real import sources

HERE = Path(__file__).resolve().parent
# everything that the workload uses; no threads, whose mutexes would be most of the sites, and no dlopen
SQLITE_FLAGS = (
    "-DSQLITE_THREADSAFE=0",
    "-DSQLITE_OMIT_LOAD_EXTENSION",
    "-DSQLITE_ENABLE_FTS5",
    "-DSQLITE_ENABLE_RTREE",
)


@dataclass(frozen=True)
class File:
    """A C file and how it is compiled."""

    path: Path
    options: CompileOptions


@dataclass(frozen=True)
class Linking:
    """Files that are linked together."""

    name: str
    files: tuple[File, ...]
    library: bool = False  # the C library itself: competing definitions, of which the first is taken


def compiled_as(flags: Sequence[str], level: str, path: Path) -> File:
    """A file as `popcc -c` takes it with these flags, but for the level."""
    given = parse([*flags, f"-O{level}", "-w", "-c", str(path)])
    return File(
        path,
        CompileOptions(
            tuple(ISAS),
            toolchain.include_dirs(),
            given.front_end,
            optimization=given.optimization,
            migration_points=given.migration_points,
        ),
    )


def _project(name: str, paths: Sequence[Path], flags: Sequence[str], level: str) -> Iterator[Linking]:
    yield Linking(name, tuple(compiled_as(flags, level, p) for p in paths))


def _lua(folder: Path, level: str) -> Iterator[Linking]:
    top = sources.unpack(sources.LUA, folder) / "src"
    paths = [p for p in sorted(top.glob("*.c")) if p.name != "luac.c"]  # a second program
    return _project("lua", paths, ("-std=gnu99", "-DLUA_USE_POSIX"), level)


def _bzip2(folder: Path, level: str) -> Iterator[Linking]:
    top = sources.unpack(sources.BZIP2, folder)
    names = "blocksort huffman crctable randtable compress decompress bzlib bzip2".split()
    return _project("bzip2", [top / f"{n}.c" for n in names], ("-D_FILE_OFFSET_BITS=64",), level)


def _zlib(folder: Path, level: str) -> Iterator[Linking]:
    top = sources.unpack(sources.ZLIB, folder)
    paths = [*sorted(top.glob("*.c")), top / "test" / "minigzip.c"]
    return _project("zlib", paths, (f"-I{top}", "-DHAVE_UNISTD_H", "-D_LARGEFILE64_SOURCE=1"), level)


def _sqlite(folder: Path, level: str) -> Iterator[Linking]:
    top = sources.unpack(sources.SQLITE, folder)
    return _project("sqlite", [top / "sqlite3.c", HERE / "sql.c"], (f"-I{top}", *SQLITE_FLAGS), level)


def _zstd(folder: Path, level: str) -> Iterator[Linking]:
    top = sources.unpack(sources.ZSTD, folder)
    folders = [top / "lib" / n for n in ("common", "compress", "decompress", "dictBuilder")] + [top / "programs"]
    flags = ("-DZSTD_MULTITHREAD", "-DZSTD_LEGACY_SUPPORT=0", "-DXXH_NAMESPACE=ZSTD_", "-DBACKTRACE_ENABLE=0")
    return _project("zstd", [p for d in folders for p in sorted(d.glob("*.c"))], flags, level)


def _musl(folder: Path, level: str) -> Iterator[Linking]:
    files = [File(s.path, replace(build.options(s, tuple(ISAS)), optimization=level)) for s in libc_sources()]
    yield Linking("musl", tuple(files), library=True)


def _programs(folder: Path, level: str) -> Iterator[Linking]:
    for program in harness.all_programs():
        flags = [f for f in program.flags if not f.startswith("-O")]
        yield Linking(program.name, (compiled_as(flags, level, program.source),))


PROJECTS: dict[str, Callable[[Path, str], Iterator[Linking]]] = {
    "bzip2": _bzip2,
    "zlib": _zlib,
    "lua": _lua,
    "zstd": _zstd,
    "musl": _musl,
    "programs": _programs,
    "sqlite": _sqlite,
}


@contextmanager
def linkings(project: str, level: str) -> Iterator[list[Linking]]:
    """What is linked of a project at a level, as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="popcc-sweep-") as name:
        yield list(PROJECTS[project](Path(name), level))
