"""docs/compatibility.md is what its command writes."""

from __future__ import annotations

import re
from pathlib import Path

import compatibility


def test_the_file_is_what_the_command_writes() -> None:
    written = Path(__file__).parents[2] / "docs" / "compatibility.md"
    expected = "\n".join(compatibility.document()) + "\n"
    assert written.read_text() == expected, "run: python testsuite/compatibility.py > docs/compatibility.md"


def test_each_row_has_the_cells_of_its_table() -> None:
    rows = [line for line in compatibility.document() if line.startswith("|")]
    columns = {re.sub(r"[^|]", "", re.sub(r"\\[|]", "", row)) for row in rows}
    assert columns == {"|" * 5, "|" * 4}, "a row with a | in a cell that is not escaped"
