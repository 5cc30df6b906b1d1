"""Which library links take members from: a directory of the cache, named by all that decides what is in it.

Each link asks, and mostly the library is there; what builds it is imported when it is not.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct
from msgspec.structs import astuple

from popcc.cache import cache_dir
from popcc.runtime.libc.headers import HERE

_PACKAGE = Path(__file__).parents[2]  # popcc, in the tree with links to passes/, linker/ and runtime/
# what decides how a C file becomes a unit
_COMPILER = ("ir", "passes", "linker/maps", "linker/machine")
_COMPILER_FILES = (
    "agreement.py codegen.py common.py compile.py compile_options.py frontend.py generate.py isolate.py ladder.py "
    "leaf.py optimiser.py splice.py"
).split()
# what decides how a unit is written, whatever it holds
_PAYLOAD = ("isa", "schema", "unit.py", "linker/elf.py", "linker/index.py")
_RUNTIME = ("runtime/lib", "runtime/dsm", "runtime/libc/runtime.py")
_OVERLAY = ("src", "arch", "include", "sources.py", "headers.py")


class Folders(Struct, frozen=True):
    """Where in the cache the three parts are that a library is made of."""

    runtime: str
    helpers: str
    musl: str


def library(isas: tuple[str, ...]) -> Path:
    """The index directory for `isas`, made when it is not there yet. Raises `PopccError` with what went wrong."""
    if given := os.environ.get("POPCC_LIBC"):
        return Path(given)
    folders = _folders(isas)
    index = cache_dir() / f"libc-{hashlib.sha1(''.join(astuple(folders)).encode()).hexdigest()[:16]}"
    if not (index / "index.json").exists():
        from popcc.runtime.libc.build import build

        build(index, folders, isas)
    return index


def _folders(isas: tuple[str, ...]) -> Folders:
    tools = " ".join((str(isas), *map(_version, ("ziglang", "llvmlite", "capstone"))))
    payload = _digest(_PACKAGE, _PAYLOAD)
    own = _digest(_PACKAGE, _RUNTIME)
    rest = _digest(HERE, ("helpers.py",))
    compiler = _digest(_PACKAGE, (*_COMPILER, *_COMPILER_FILES)) + payload
    overlay = _digest(HERE, _OVERLAY)
    return Folders(
        f"runtime-{_short(tools, own, payload)}",
        f"helpers-{_short(tools, rest, payload)}",
        f"musl-{_short(tools, compiler, overlay)}",
    )


def _version(package: str) -> str:
    """A package's version, as the folder beside it says; importlib.metadata takes longer to import than to ask."""
    spec = find_spec(package)
    found = (
        [f.name for f in Path(spec.origin).parents[1].glob(f"{package}-*.dist-info")] if spec and spec.origin else []
    )
    if len(found) == 1:
        return found[0].removeprefix(f"{package}-").removesuffix(".dist-info")
    from importlib.metadata import version

    return version(package)


def _digest(top: Path, parts: Sequence[str]) -> str:
    digest = hashlib.sha1()
    for path in (top / part for part in parts):
        files = sorted(p for p in path.rglob("*") if p.suffix in (".py", ".c", ".h", ".S")) if path.is_dir() else [path]
        for file in files:
            digest.update(f"{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _short(*parts: str) -> str:
    return hashlib.sha1("\0".join(parts).encode()).hexdigest()[:16]
