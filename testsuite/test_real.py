"""bzip2, zlib's minigzip and Lua from unmodified sources, by their own makefiles, at work while they move.

Each does what the host compiler's build does, byte for byte, and is moved at least 50 times meanwhile.
"""

from __future__ import annotations

from pathlib import Path

import harness
import pytest
from real import builds
from real.builds import BZIP2, LUA, MINIGZIP, Project
from real.files import HERE
from real.runs import TIMEOUT, compressible, moved, plain

from popcc.isa import ISAS
from popcc.runtime.popcorn.hosts import runner_for


@pytest.fixture(scope="session")
def data(program_folder: Path) -> Path:
    """Something to compress."""
    return compressible(program_folder)


@pytest.mark.parametrize(
    ("project", "compress", "restore", "every"),
    [
        pytest.param(BZIP2, ["-c", "-9"], ["-dc"], (40_000, 20_000), id="bzip2"),
        pytest.param(MINIGZIP, ["-c"], ["-d"], (4_000, 2_000), id="minigzip"),
    ],
)
def test_compress_and_restore(
    project: Project,
    compress: list[str],
    restore: list[str],
    every: tuple[int, int],
    data: Path,
    program_folder: Path,
    tmp_path: Path,
) -> None:
    """What popcc's build makes of the data is what gcc's makes of it, both ways."""
    ours, theirs = builds.pair(project, program_folder)
    packed = tmp_path / "packed"
    packed.write_bytes(moved(ours, compress, every[0], data))
    assert packed.read_bytes() == plain(theirs, compress, data)
    assert moved(ours, restore, every[1], packed) == data.read_bytes()


@pytest.mark.parametrize(("script", "every"), [("work.lua", 20_000), ("life.lua", 20_000)])
def test_lua(script: str, every: int, program_folder: Path) -> None:
    """A Lua script prints the same."""
    ours, theirs = builds.pair(LUA, program_folder)
    arguments = [str(HERE / script), "an argument"]
    assert moved(ours, arguments, every).decode() == plain(theirs, arguments).decode()


@pytest.mark.parametrize("script", ["work.lua", "life.lua"])
@pytest.mark.parametrize("isa", ISAS)
def test_lua_rebuilt_at_every_point(isa: str, script: str, program_folder: Path) -> None:
    """And so it does when its stack is made anew, with poison around, at every migration point."""
    ours, theirs = builds.pair(LUA, program_folder)
    less = 10 if runner_for(isa) else 1  # emulated it would take minutes
    arguments = [str(HERE / script), "an argument", str(less)]
    command = [*harness.popcorn(), "run", "--on", isa, "--rebuild-every", "1", str(ours), *arguments]
    out = harness.run(command, TIMEOUT)
    assert out.status == 0 and not out.stderr, f"status {out.status}: {out.stderr[-2000:]}"
    assert out.stdout == plain(theirs, arguments).decode()
