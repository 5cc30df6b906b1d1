"""CMake and meson build a project with popcc by the files that it prints, and run its tests."""

from __future__ import annotations

import sys
from pathlib import Path

import harness
import pytest

from popcc.isa import ISAS

PROJECT = Path(__file__).parent / "project"
TIMEOUT = 600.0
SAYS = "long has 8 bytes, epoll 1, the sum is 8.382332\n"


def tool(name: str) -> str:
    """A command of this environment."""
    return str(Path(sys.executable).parent / name)


def checked(command: list[str], cwd: Path, **environment: str) -> str:
    """What a command prints; it must succeed."""
    done = harness.run(command, TIMEOUT, env=environment, cwd=cwd)
    assert done.status == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def asked(question: str, cwd: Path) -> str:
    """popcc's answer, a path."""
    return checked([*harness.popcc(), question], cwd).strip()


def runs(program: Path) -> None:
    """The program prints the same on every ISA."""
    for isa in ISAS:
        assert checked([*harness.popcorn(), "run", "--on", isa, str(program), "5"], program.parent) == SAYS


def test_cmake(tmp_path: Path) -> None:
    toolchain = asked("--print-cmake-toolchain", tmp_path)
    ninja = f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}"
    checked([tool("cmake"), "-G", "Ninja", ninja, "--toolchain", toolchain, "-S", str(PROJECT), "-B", "."], tmp_path)
    checked([tool("cmake"), "--build", "."], tmp_path)
    checked([tool("ctest")], tmp_path)
    assert (tmp_path / "libsums.a").exists()
    runs(tmp_path / "show")


def test_meson(tmp_path: Path) -> None:
    cross = asked("--print-meson-cross", tmp_path)
    environment = {"NINJA": tool("ninja")}
    checked([tool("meson"), "setup", "--cross-file", cross, str(tmp_path), str(PROJECT)], tmp_path, **environment)
    checked([tool("meson"), "compile"], tmp_path, **environment)
    checked([tool("meson"), "test"], tmp_path, **environment)
    assert (tmp_path / "libsums.a").read_bytes().startswith(b"!<thin>")
    runs(tmp_path / "show")


@pytest.mark.parametrize("question", ["--print-cmake-toolchain", "--print-meson-cross"])
def test_the_same_file_each_time(question: str, tmp_path: Path) -> None:
    first = asked(question, tmp_path)
    assert Path(first).is_file() and asked(question, tmp_path) == first


def test_ccache(tmp_path: Path) -> None:
    """An object comes out of the cache, the same, until something changes that it was made of."""
    (tmp_path / "main.c").write_text('#include "n.h"\nint f(int x) { return x + N; }\n')
    (tmp_path / "n.h").write_text("#define N 1\n")
    (tmp_path / "own.c").write_text("int f(int x) { return x + 1; }\n")
    own = "-fpopcorn-asm=aarch64:own.c"
    command = ["ccache", *harness.popcc(), "-O2", "-MD", "-MF", "main.d", "-c", "main.c", own, "-o", "main.o"]

    def compiled() -> tuple[int, bytes]:
        """How many compilations the cache has spared so far, and the object."""
        (tmp_path / "main.o").unlink(missing_ok=True)
        checked(command, tmp_path, CCACHE_DIR=str(tmp_path / "cache"), CCACHE_SLOPPINESS="include_file_mtime")
        stats = checked(["ccache", "--print-stats"], tmp_path, CCACHE_DIR=str(tmp_path / "cache"))
        hits = sum(int(n) for name, n in map(str.split, stats.splitlines()) if name.endswith("_cache_hit"))
        return hits, (tmp_path / "main.o").read_bytes()

    first = compiled()
    assert first[0] == 0
    assert {"main.c", "n.h", "own.c"} <= set((tmp_path / "main.d").read_text().replace("\\", "").split())
    assert compiled() == (1, first[1])
    (tmp_path / "n.h").write_text("#define N 2\n")
    hits, changed = compiled()
    assert hits == 1 and changed != first[1]
    (tmp_path / "own.c").write_text("int f(int x) { return x + 3; }\n")
    hits, again = compiled()
    assert hits == 1 and again != changed
