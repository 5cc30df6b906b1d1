"""The analysis in C as a library: built on first use, for this machine, and kept in the cache."""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
from collections.abc import Sequence
from ctypes import c_void_p
from functools import cache
from pathlib import Path

from popcc.cache import cache_dir, lock, made
from popcc.errors import PopccError
from popcc.frontend import clang, wheel

_HERE = Path(__file__).parent
_SCHEMA = _HERE.parents[1] / "runtime" / "lib"
_FLAGS = (
    "-std=c11 -O2 -fPIC -fno-sanitize=all -fno-stack-protector -fvisibility=default "
    "-Wall -Wextra -Werror -Wno-unused-command-line-argument"
).split()


@cache
def library() -> ctypes.CDLL:
    """The analysis, built if it is not yet. Raises `PopccError`."""
    sources = [*sorted(_HERE.glob("*.[ch]")), _SCHEMA / "popcorn_schema.h"]
    zig = (wheel() / "zig").stat()  # its version would take a third of the time that a small file takes to compile
    digest = hashlib.sha1(f"{zig.st_size} {zig.st_mtime_ns}".encode())
    for source in sources:
        digest.update(source.read_bytes())
    folder = f"maps-{digest.hexdigest()[:16]}"
    file = cache_dir() / folder / "maps.so"
    if not file.exists():
        with lock(folder):
            if not file.exists():
                _build([s for s in sources if s.suffix == ".c"], folder)
    try:
        loaded = ctypes.CDLL(str(file))
    except OSError as e:
        raise PopccError(f"the analysis of site maps can't be loaded: {e}; remove {file.parent}") from None
    loaded.maps_new.restype = c_void_p
    loaded.maps_new.argtypes = (c_void_p,)
    loaded.maps_free.argtypes = (c_void_p,)
    loaded.maps_of_function.argtypes = (c_void_p, c_void_p, c_void_p)
    return loaded


def _build(sources: Sequence[Path], folder: str) -> None:
    from popcc.runtime.popcorn.hosts import host_isa  # seldom needed

    isa = host_isa()
    headers = wheel() / "lib/libc/include"
    system = (wheel() / "lib/include", headers / f"{isa.name}-linux-musl", headers / "generic-musl")
    objects = [f"{s.stem}.o" for s in sources]
    try:
        with made(folder, "the analysis of site maps", 1 << 20) as work:
            _run(
                *clang(), f"--target={isa.triple}", *isa.clang_flags, "-nostdinc", *(f"-isystem{d}" for d in system),
                *_FLAGS, f"-I{_SCHEMA}", "-c", *map(str, sources), in_=work,
            )  # fmt: skip
            # what it needs of a C library it finds in the process
            _run(str(wheel() / "zig"), "ld.lld", "-m", isa.emulation, "-shared", "-o", "maps.so", *objects, in_=work)
    except OSError as e:
        raise PopccError(
            f"the analysis of site maps can't be kept in {cache_dir()}: {e.strerror}; set POPCC_CACHE to another"
        ) from None


def _run(*command: str, in_: Path) -> None:
    # clang leaves files of its own where it is killed
    run = subprocess.run(command, cwd=in_, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(in_)})
    if run.returncode:
        raise PopccError(f"the analysis of site maps can't be built: {run.stderr.strip()}")
