"""lz4, xz, a shell and an awk from unmodified sources, each by its own build system, on every ISA and while moved.

Each does what the host compiler's build does, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from real import builds, runs
from real.builds import DASH, LZ4, MAWK, XZ, Project
from real.files import HERE

from popcc.isa import ISAS

# a run of popcc's build: program, arguments, standard input -> standard output
Runner = Callable[[Path, list[str], Path], bytes]


@dataclass(frozen=True)
class Compressor:
    """A compressor's build and what it is told; `every` has the migration points between moves, both ways."""

    project: Project
    compress: tuple[str, ...]
    restore: tuple[str, ...]
    every: tuple[int, int]


COMPRESSORS = (
    Compressor(LZ4, ("-c", "-9"), ("-dc",), (45_000, 3_000)),
    # two threads each way
    Compressor(XZ, ("-c", "-2", "-T2", "--block-size=1MiB"), ("-dc", "-T2"), (230_000, 6_000)),
)


def both_ways(compressor: Compressor, tmp_path: Path, data: Path, runners: tuple[Runner, Runner], folder: Path) -> None:
    """What popcc's build makes of the data is what gcc's makes of it, and comes back."""
    ours, theirs = builds.pair(compressor.project, folder)
    packed = tmp_path / "packed"
    packed.write_bytes(runners[0](ours, list(compressor.compress), data))
    assert packed.read_bytes() == runs.plain(theirs, compressor.compress, data)
    assert runners[1](ours, list(compressor.restore), packed) == data.read_bytes()


def moved(every: int) -> Runner:
    """Moves from ISA to ISA."""
    return lambda program, arguments, stdin: runs.moved(program, arguments, every, stdin)


def on(isa: str) -> Runner:
    """Stays on one ISA."""
    return lambda program, arguments, stdin: runs.on(isa, program, arguments, stdin)


@pytest.mark.parametrize("compressor", COMPRESSORS, ids=lambda c: c.project.name)
def test_compress_and_restore_moved(compressor: Compressor, program_folder: Path, tmp_path: Path) -> None:
    """While it goes from ISA to ISA."""
    data = runs.compressible(program_folder)
    both_ways(compressor, tmp_path, data, (moved(compressor.every[0]), moved(compressor.every[1])), program_folder)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("compressor", COMPRESSORS, ids=lambda c: c.project.name)
def test_compress_and_restore_on(isa: str, compressor: Compressor, program_folder: Path, tmp_path: Path) -> None:
    """On one ISA."""
    data = runs.compressible(program_folder)
    both_ways(compressor, tmp_path, data, (on(isa), on(isa)), program_folder)


def shell_words(folder: Path) -> list[str]:
    """The shell's script, with an empty directory for it to work in."""
    folder.mkdir()
    return [str(HERE / "work.sh"), str(folder), "100"]


def awk_words(_: Path) -> list[str]:
    """The awk script; its input are two other scripts."""
    return ["-f", str(HERE / "work.awk"), str(HERE / "work.sql"), str(HERE / "work.lua")]


SCRIPTED = [pytest.param(DASH, shell_words, 4_000, id="dash"), pytest.param(MAWK, awk_words, 200, id="mawk")]


@pytest.mark.parametrize(("project", "words", "every"), SCRIPTED)
def test_script_moved(
    project: Project, words: Callable[[Path], list[str]], every: int, program_folder: Path, tmp_path: Path
) -> None:
    """A script prints the same while its interpreter, and what that forks, goes from ISA to ISA."""
    ours, theirs = builds.pair(project, program_folder)
    expected = runs.plain(theirs, words(tmp_path / "theirs"))
    assert runs.moved(ours, words(tmp_path / "ours"), every).decode() == expected.decode()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("project", "words", "every"), SCRIPTED)
def test_script_on(
    isa: str,
    project: Project,
    words: Callable[[Path], list[str]],
    every: int,
    program_folder: Path,
    tmp_path: Path,
) -> None:
    """And on one ISA."""
    ours, theirs = builds.pair(project, program_folder)
    expected = runs.plain(theirs, words(tmp_path / "theirs"))
    assert runs.on(isa, ours, words(tmp_path / "ours")).decode() == expected.decode()
