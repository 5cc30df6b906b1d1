"""docs/compatibility.md is what its command writes."""

from __future__ import annotations

from pathlib import Path

import compatibility


def test_the_file_is_what_the_command_writes() -> None:
    written = Path(__file__).parents[2] / "docs" / "compatibility.md"
    expected = "\n".join(compatibility.document()) + "\n"
    assert written.read_text() == expected, "run: python testsuite/compatibility.py > docs/compatibility.md"
