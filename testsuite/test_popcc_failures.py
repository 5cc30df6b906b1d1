"""popcc where there is no room: one message, no output, nothing half written; what was there before stays."""

from __future__ import annotations

from pathlib import Path

import harness
import pytest
from popcorn_fixtures import PATIENCE, SOURCES, files

PROGRAM = str(SOURCES / "memory.c")


def fails(*arguments: str | Path, directory: Path, env: dict[str, str] | None = None) -> str:
    outcome = harness.run([*harness.popcc(), *map(str, arguments)], PATIENCE, env=env, cwd=directory)
    assert (outcome.status, outcome.stdout) == (1, ""), outcome
    assert outcome.stderr.startswith("popcc: error: ") and outcome.stderr.count("\n") == 1, outcome.stderr
    return outcome.stderr.removeprefix("popcc: error: ").rstrip("\n")


@pytest.fixture
def full_disk(small_disk: Path) -> Path:
    """No page is left, but room for names."""
    with (small_disk / "filler").open("wb", buffering=0) as f:
        try:
            while f.write(bytes(4096)):
                pass
        except OSError:
            return small_disk
    return small_disk


@pytest.mark.parametrize("arguments", [("-c", "-o"), ("-S", "-o"), ("-S", "-emit-llvm", "-o"), ("-o",)])
def test_a_full_disk(arguments: tuple[str, ...], full_disk: Path, program_folder: Path, tmp_path: Path) -> None:
    output = full_disk / "out"
    for old in (None, b""):
        if old is not None:
            output.write_bytes(old)
        message = fails(PROGRAM, *arguments, output, directory=tmp_path)
        assert message == f"unable to open output file '{output}': No space left on device"
        assert files(full_disk) == {"filler"} | ({"out"} if old is not None else set())
    assert files(tmp_path) == {"disk"} | {f"disk/{n}" for n in files(full_disk)}


def test_no_room_where_temporary_files_go(full_disk: Path, program_folder: Path, tmp_path: Path) -> None:
    """Then they go elsewhere, to /tmp, as those of other compilers do."""
    outcome = harness.run(
        [*harness.popcc(), PROGRAM, "-o", "out"], PATIENCE, env={"TMPDIR": str(full_disk)}, cwd=tmp_path
    )
    assert (outcome.status, outcome.stderr) == (0, "")
    assert files(full_disk) == {"filler"}


def test_no_room_for_what_is_built_first(full_disk: Path, tmp_path: Path) -> None:
    message = fails(PROGRAM, "-o", "out", directory=tmp_path, env={"POPCC_CACHE": str(full_disk / "cache")})
    assert message.startswith(f"no space left in {full_disk / 'cache'} for the analysis of site maps: 0 MiB are free")
    assert {f for f in files(full_disk) if not f.endswith(".lock")} <= {"filler", "cache"} and not (
        tmp_path / "out"
    ).exists()


def test_a_file_size_limit(program_folder: Path, tmp_path: Path) -> None:
    command = ["sh", "-c", f"ulimit -f 8; exec {harness.popcc()[0]} -O2 -c {PROGRAM} -o out.o"]
    outcome = harness.run(command, PATIENCE, cwd=tmp_path)
    assert outcome.status == 1
    assert outcome.stderr.startswith("popcc: error: ") and "File too large" in outcome.stderr
    assert files(tmp_path) == set()
