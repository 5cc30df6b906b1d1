"""SQLite runs a script of a few hundred statements on a file, rebuilt at every migration point and moved between ISAs.

Output and database file are those of the host compiler's build, byte for byte.
"""

from __future__ import annotations

from pathlib import Path

import harness
import pytest
from real import builds
from real.files import HERE

TIMEOUT = 600.0
MIN_CROSSINGS = 20
PART = 60  # statements that the emulator gets through at every point in a minute
MOVE = 100_000


@pytest.fixture(scope="session")
def programs(program_folder: Path) -> tuple[Path, Path]:
    """popcc's build and the host compiler's."""
    return builds.pair(builds.SQLITE, program_folder)


def part_of_script(folder: Path, statements: int) -> Path:
    """The script's first lines that hold so many statements, in a file."""
    lines = (HERE / "work.sql").read_text().splitlines(keepends=True)
    ends = [n for n, line in enumerate(lines, 1) if line.endswith(";\n")]
    script = folder / "part.sql"
    script.write_text("".join(lines[: ends[min(statements, len(ends)) - 1]]))
    return script


def outcome(folder: Path, name: str, command: list[str], script: Path) -> tuple[str, bytes]:
    """What a build prints, and the database that it leaves."""
    database = folder / f"{name}.db"
    out = harness.run([*command, str(database), str(script)], TIMEOUT)
    assert out.status == 0 and not out.stderr, f"status {out.status}: {out.stderr[-2000:]}\n{' '.join(out.command)}"
    return out.stdout, database.read_bytes()


@pytest.mark.parametrize(
    ("statements", "options"),
    [
        pytest.param(1000, ["--on", "x86_64", "--rebuild-every", "1"], id="x86_64-rebuilt"),
        pytest.param(PART, ["--on", "aarch64", "--rebuild-every", "1"], id="aarch64-rebuilt"),
        pytest.param(1000, ["--on", "x86_64", "--move-every", str(MOVE)], id="moved"),
    ],
)
def test_sqlite(statements: int, options: list[str], programs: tuple[Path, Path], tmp_path: Path) -> None:
    """The script, or a first part of it where every point takes long under the emulator."""
    ours, theirs = programs
    script = part_of_script(tmp_path, statements)
    with harness.counted_runners() as runners:
        command = ["env", f"PATH={runners.environment['PATH']}", *harness.popcorn(), "run", *options, str(ours)]
        found = outcome(tmp_path, "ours", command, script)
        crossings = runners.count()
    expected = outcome(tmp_path, "theirs", [str(theirs)], script)
    assert found[0] == expected[0]
    assert found[1] == expected[1], "the databases differ"
    assert "--move-every" not in options or crossings >= MIN_CROSSINGS, f"moved only {crossings} times"
