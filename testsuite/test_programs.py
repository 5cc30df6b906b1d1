"""Every program in every mode: plain, rebuilt in place at every migration point, moved back and forth."""

from __future__ import annotations

from pathlib import Path

import harness
import pytest

PROGRAMS = harness.all_programs()


@pytest.mark.parametrize("mode", harness.MODES, ids=lambda m: m.name)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_program(program: harness.Program, mode: harness.Mode, program_folder: Path) -> None:
    """Output and exit status are what the file's comments say, and nothing is on stderr."""
    harness.check(program, mode, program_folder)


def test_programs_say_what_is_expected() -> None:
    """Each file opens with what it is about, and expects something that could be missed."""
    assert len(PROGRAMS) >= 60
    for program in PROGRAMS:
        assert program.about.endswith("."), program.source
        assert program.expected or program.status, program.source
        assert len(program.source.read_text().splitlines()) <= 120, program.source
