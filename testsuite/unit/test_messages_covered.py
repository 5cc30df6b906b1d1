"""Every message that a user can cause stands in a test: three words in a row of its own text, at least.

`internal error` is for our own bugs, and needs none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [p for folder in ("popcc", "linker", "passes", "runtime") for p in sorted((ROOT / folder).rglob("*.py"))]
RAISING = {"PopccError", "PlacedError", "Aborted", "damaged", "BadParameter"}
ROW = 3


def words(text: str) -> list[str]:
    """Of a message or of a pattern for it."""
    return re.findall(r"[A-Za-z'`-]{2,}", text.replace("\\", ""))


def pieces(node: ast.AST) -> list[str]:
    """The constant parts of a text; a value that is put in separates them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return [v.value for v in node.values if isinstance(v, ast.Constant) and isinstance(v.value, str)]
    return []


def messages(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line and constant parts of each text that is given to an error."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in RAISING:
            for argument in node.args:
                if (found := pieces(argument)) and not found[0].startswith("internal error"):
                    yield node.lineno, found


def rows(parts: list[str]) -> set[tuple[str, ...]]:
    """Words that stand side by side, as many as are asked for; of a short message all there are."""
    lists = [words(p) for p in parts]
    length = min(ROW, max(map(len, lists), default=0))
    return {tuple(w[i : i + length]) for w in lists for i in range(len(w) - length + 1) if length}


@cache
def known() -> frozenset[tuple[str, ...]]:
    """All rows of words of all texts in all tests."""
    found = set()
    for path in (ROOT / "testsuite").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            for text in pieces(node):
                w = words(text)
                found |= {tuple(w[i : i + n]) for n in range(1, ROW + 1) for i in range(len(w) - n + 1)}
    return frozenset(found)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_message_is_tested(path: Path) -> None:
    missing = [f"line {n}: {' … '.join(m)}" for n, m in messages(path) if rows(m) and not rows(m) & known()]
    assert not missing, "\n".join(missing)
