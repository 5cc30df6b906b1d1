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
    lines = [line.removeprefix("plain,") for line in done.stdout.splitlines() if line.startswith("plain,")]
    return [(value, text) for value, _, text in (line.partition("\t") for line in lines)]


def test_pids_of_running_programs(program_folder: Path, tmp_path: Path) -> None:
    with started([built("ticks", program_folder)], tmp_path, "tick 2") as running:
        pid = str(running.pid)
        for command in ("migrate", "checkpoint", "inspect"):
            ((value, text),) = offered(command, pid)
            assert value == pid and text.startswith(HERE) and "ticks" in text
        assert {isa for isa, _ in offered("migrate", pid, "--to", "")} >= set(ISAS)


def test_functions_of_a_program(program_folder: Path) -> None:
    program = str(built("ticks", program_folder))
    assert offered("sites", program, "dee") == [("deeper", "")]
    assert offered("sites", f"{program}.none", "dee") == []
