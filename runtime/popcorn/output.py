"""How popcorn prints: tables for people on a terminal, tab-separated lines in pipes, JSON when asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from popcc.errors import PopccError


def print_text(text: str) -> None:
    """On standard output. Raises `PopccError` when that is closed; what else can go wrong there is told in `main`."""
    if sys.stdout is None:
        raise PopccError("standard output is closed")
    click.echo(text)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print_text(json.dumps(value, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; in a pipe no headings, no decoration, nothing cut off."""
    if sys.stdout is None or not sys.stdout.isatty():
        for row in rows:
            print_text("\t".join(str(cell) for cell in row))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    Console().print(table)


def say(text: str) -> None:
    """Progress for people: on standard error, and only if that is a terminal."""
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo(text, err=True)


def size_text(n: int) -> str:
    """1536 -> 1.5 KiB."""
    amount = float(n)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError
