"""How long do completion and verification of site maps take, per ISA and on one core?

Completion is part of each compilation. Verification is part of each link: the first time of every function, then,
as fingerprints are kept, of what has changed. Lua always; SQLite from the amalgamation's path, if one is given, else
from the npm package better-sqlite3, if the npm command is there to fetch that.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from common import cpu
from real import sources

from popcc import isolate, toolchain
from popcc.compile import CompileOptions, compile_source
from popcc.isa import ISAS
from popcc.linker.addresses import Addresses
from popcc.linker.inputs import LinkUnit, Objects
from popcc.linker.link import LinkOptions, link
from popcc.linker.maps.complete import complete
from popcc.linker.program import read_program
from popcc.linker.verify.linked import verify_linked
from popcc.linker.verify.proved import Proved
from popcc.unit import FunctionMap, Unit

PACKAGE = "better-sqlite3@12.11.1"
SHA256 = "ebf0ed75a7a59dbcb3b24bbd014ef49d9f15bc328e4adcbf516f2a8fadfa2835"
LUA_FLAGS = ("-w", "-std=gnu99", "-DLUA_USE_POSIX")
SQLITE_FLAGS = ("-w", "-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION")
# the amalgamation holds no program; this one keeps all that SQL can reach
MAIN = """
int sqlite3_open(const char *, void **), sqlite3_exec(void *, const char *, void *, void *, char **);
int sqlite3_close(void *);
int main(int argc, char **argv)
{
	void *db;
	return argc < 2 || sqlite3_open(":memory:", &db) || sqlite3_exec(db, argv[1], 0, 0, 0) || sqlite3_close(db);
}
"""


def amalgamation(folder: Path) -> Path | None:
    """SQLite's one source file; None when it can't be had. Raises `RuntimeError` when it is not what was pinned."""
    if sys.argv[1:]:
        return Path(sys.argv[1])
    if not shutil.which("npm"):
        return None
    fetched = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, stdout=subprocess.PIPE, text=True)
    if fetched.returncode:
        return None
    tarball = folder / fetched.stdout.split()[-1]
    if (digest := hashlib.sha256(tarball.read_bytes()).hexdigest()) != SHA256:
        raise RuntimeError(f"{PACKAGE} has sha256 {digest}, not {SHA256}")
    with tarfile.open(tarball) as tar:
        tar.extractall(folder, filter="data")
    return folder / "package/deps/sqlite3/sqlite3.c"


def completed(units: Sequence[Unit], isa: str) -> list[tuple[FunctionMap, ...]]:
    """The maps, made again from the objects."""
    return [complete(u.objects[isa].elf, ISAS[isa], u.sites) for u in units]


def measure(what: str, units: Sequence[Unit], folder: Path) -> None:
    """A line for each ISA."""
    isas = tuple(ISAS)
    inputs = [Objects(tuple(LinkUnit(u, u.source) for u in units)), *toolchain.standard_libraries(isas)]
    linked = link(inputs, LinkOptions(isas, toolchain.outer_isa(isas), verify=False), what)
    path = folder / f"{what}.popcorn"
    path.write_bytes(linked.program)
    program = read_program(path)
    for isa in isas:
        making = cpu(isolate.start(completed, units, isa).result)[1]
        executables = {isa: program.executable(isa)}
        addresses = {isa: Addresses(isa, linked.resolution, linked.layout)}
        kept = folder / f"{what}-{isa}.proved"
        verdict, first = cpu(partial(verify_linked, executables, addresses, Proved(kept)))
        again = cpu(partial(verify_linked, executables, addresses, Proved(kept)))[1]
        sites = sum(len(f.sites) for u in units for f in u.objects[isa].functions)
        print(
            f"{what:8} {isa:8} {sites:6} sites   completion {making:6.2f} s   verification {first:6.2f} s"
            f"   together {making + first:6.2f} s   nothing changed {again:6.2f} s   refused {len(verdict.refused)}",
            flush=True,
        )


def main() -> None:
    """Compiles, then measures."""
    include = toolchain.include_dirs()
    with tempfile.TemporaryDirectory(prefix="popcc-bench-") as name:
        folder = Path(name)
        options = CompileOptions(tuple(ISAS), include, LUA_FLAGS)
        lua = sources.unpack(sources.LUA, folder / "lua") / "src"
        measure("lua", [compile_source(f, options) for f in sorted(lua.glob("*.c")) if f.name != "luac.c"], folder)
        source = amalgamation(folder)
        if source is None:
            print("sqlite   skipped: no path given, and no npm to fetch it")
            return
        options = CompileOptions(tuple(ISAS), include, SQLITE_FLAGS)
        program = folder / "main.c"
        program.write_text(MAIN)
        measure("sqlite", [compile_source(source, options), compile_source(program, options)], folder)


if __name__ == "__main__":
    main()
