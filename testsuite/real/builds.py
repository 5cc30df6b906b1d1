"""The real programs, built by their own makefiles, if they have such: once by popcc, once by the host's compiler."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import harness

from real import sources
from real.files import HERE, SQLITE_FLAGS

BUILD_TIMEOUT = 1800.0


@dataclass(frozen=True)
class Project:
    """How a project is built, as its own documentation says. `CC` in the commands stands for the compiler.

    They run in the unpacked sources.
    """

    name: str
    source: sources.Source
    commands: tuple[tuple[str, ...], ...]
    program: str
    environment: tuple[str, ...] = ()  # of those variables that must be set to the compiler


BZIP2 = Project("bzip2", sources.BZIP2, (("make", "CC=CC", "bzip2"),), "bzip2")
MINIGZIP = Project("minigzip", sources.ZLIB, (("./configure", "--static"), ("make", "minigzip")), "minigzip", ("CC",))
LUA = Project("lua", sources.LUA, (("make", "-C", "src", "CC=CC -std=gnu99", "posix"),), "src/lua")
SQLITE = Project(
    "sqlite",
    sources.SQLITE,
    (("CC", "-O2", "-w", "-I.", *SQLITE_FLAGS, "sqlite3.c", str(HERE / "sql.c"), "-o", "sql", "-lm"),),
    "sql",
)
LZ4 = Project("lz4", sources.LZ4, (("make", "CC=CC", "lz4"),), "lz4")
DASH = Project("dash", sources.DASH, (("./configure", "CC=CC"), ("make",)), "src/dash")
MAWK = Project("mawk", sources.MAWK, (("./configure", "CC=CC"), ("make", "mawk")), "mawk")

# it links through libtool; assembly of its own and translations of its messages are left out of both builds
XZ = Project(
    "xz",
    sources.XZ,
    (
        (
            "./configure",
            "CC=CC",
            *(f"--disable-{part}" for part in "shared assembler nls doc scripts xzdec lzmadec lzmainfo".split()),
        ),
        ("make",),
    ),
    "src/xz/xz",
)


def built(project: Project, compiler: str, folder: Path) -> Path:
    """The program, built once per session. Raises `AssertionError` with the failing command's words."""
    place = folder / f"{project.name}-{Path(shlex.split(compiler)[0]).name}"
    with harness.locked(folder / f"{place.name}.lock"):
        ready = place / "ready"
        if not ready.exists():
            top = sources.unpack(project.source, place)
            for command in project.commands:
                words = [w.replace("CC=CC", f"CC={compiler}") for w in command]
                if words[0] == "CC":
                    words[:1] = shlex.split(compiler)
                env = dict.fromkeys(project.environment, compiler)
                done = harness.run(words, BUILD_TIMEOUT, env=env, cwd=top)
                assert done.status == 0, f"in {top}: {shlex.join(words)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
            ready.write_text(top.name)
        return place / ready.read_text() / project.program


def pair(project: Project, folder: Path) -> tuple[Path, Path]:
    """(popcc's program, the host compiler's)."""
    return built(project, shlex.join(harness.popcc()), folder), built(project, "gcc", folder)
