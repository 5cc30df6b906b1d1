"""Completion of what is there only at that moment: running programs, and the functions of a program file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from popcorn_fixtures import HERE, built, started

from popcc.isa import ISAS


def offered(*words: str) -> list[tuple[str, str]]:
    """What fish is told, whose answers come with a description; the last of `words` is unfinished."""
    before = " ".join(("popcorn", *words[:-1]))
    env = {"_POPCORN_COMPLETE": "fish_complete", "COMP_WORDS": before, "COMP_CWORD": words[-1]}
    done = subprocess.run([sys.executable, "-m", "popcc.runtime.popcorn.cli"], env=env, capture_output=True, text=True)
    assert not done.stderr
    return [(value, text) for line in done.stdout.splitlines() for value, _, text in [line.partition("\t")]]


def test_pids_of_running_programs(program_folder: Path, tmp_path: Path) -> None:
    with started([built("ticks", program_folder)], tmp_path, "tick 2") as running:
        pid = str(running.pid)
        for command in ("migrate", "checkpoint", "inspect"):
            (found,) = [(value, text) for value, text in offered(command, pid) if pid in value]
            assert found[0].endswith(pid) and HERE in found[1] and "ticks" in found[1]
        assert {isa for isa, _ in offered("migrate", pid, "--to", "")} >= set(ISAS)


def test_functions_of_a_program(program_folder: Path) -> None:
    program = str(built("ticks", program_folder))
    assert any("deeper" in value for value, _ in offered("sites", program, "dee"))
    assert offered("sites", f"{program}.none", "dee") == []
