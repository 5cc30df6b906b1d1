"""SQLite runs a script of a few hundred statements on a file, rebuilt at every migration point and moved between ISAs.

And another one of more than two thousand, on each ISA, rebuilt now and then, and moved.

Output and database file are those of the host compiler's build, byte for byte.
"""

from __future__ import annotations

from pathlib import Path

import harness
import pytest
from real import builds
from real.files import HERE
from real.statements import script

from popcc.isa import ISAS
from popcc.linker.elf import read_elf
from popcc.linker.program import read_program
from popcc.linker.verify.tables import read_table

TIMEOUT = 600.0
MIN_CROSSINGS = 20
SCRIPT = HERE / "work.sql"


@pytest.fixture(scope="session")
def programs(program_folder: Path) -> tuple[Path, Path]:
    """popcc's build and the host compiler's."""
    return builds.pair(builds.SQLITE, program_folder)


def outcome(database: Path, command: list[str], sql: Path, runners: harness.Runners) -> tuple[str, bytes]:
    """What a build prints, and the database that it leaves."""
    out = harness.run([*command, str(database), str(sql)], TIMEOUT, env=runners.environment)
    assert out.status == 0 and not out.stderr, f"status {out.status}: {out.stderr[-2000:]}\n{' '.join(out.command)}"
    return out.stdout, database.read_bytes()


def test_nothing_is_refused(programs: tuple[Path, Path]) -> None:
    """Threads move in every function: also where it takes a large program's layout for the link to doubt one."""
    program = read_program(programs[0])
    for isa in ISAS:
        table = read_table(read_elf(program.executable(isa), isa))
        assert [f.name for f in table if not all(s.usable for s in f.sites)] == []


@pytest.mark.parametrize(
    "options",
    [
        *(pytest.param(["--on", isa, "--rebuild-every", "1"], id=f"{isa}-rebuilt") for isa in ISAS),
        pytest.param(["--on", "x86_64", "--move-every", "10000"], id="moved"),
    ],
)
def test_sqlite(options: list[str], programs: tuple[Path, Path], tmp_path: Path) -> None:
    """The whole script."""
    compare(SCRIPT, options, programs, tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        *(pytest.param(["--on", isa, "--rebuild-every", "20"], id=f"{isa}-rebuilt") for isa in ISAS),
        pytest.param(["--on", "x86_64", "--move-every", "40000"], id="moved"),
    ],
)
def test_sqlite_thousands_of_statements(options: list[str], programs: tuple[Path, Path], tmp_path: Path) -> None:
    """The long script, none of whose statements fails."""
    sql = tmp_path / "statements.sql"
    sql.write_text(script())
    assert " 0 errors" in compare(sql, options, programs, tmp_path)


def compare(sql: Path, options: list[str], programs: tuple[Path, Path], folder: Path) -> str:
    """Runs a script by both builds; returns what they print."""
    ours, theirs = programs
    with harness.counted_runners() as runners:
        found = outcome(folder / "ours.db", [*harness.popcorn(), "run", *options, str(ours)], sql, runners)
        crossings = runners.count()
        expected = outcome(folder / "theirs.db", [str(theirs)], sql, runners)
    assert found[0] == expected[0]
    assert found[1] == expected[1], "the databases differ"
    assert "--move-every" not in options or crossings >= MIN_CROSSINGS, f"moved only {crossings} times"
    return found[0]


def test_the_scripts_are_what_they_are_said_to_be() -> None:
    """A few hundred statements, of which some must fail, and more than two thousand."""
    assert SCRIPT.read_text().count(";\n") >= 240
    assert script().count(";\n") >= 2000
