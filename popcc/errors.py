"""The one place user errors go through.

Every error that a user can cause is a `PopccError`; command-line entry points catch it, print it in the
shape of lld's diagnostics (``popcc: error: <where>: <what>; <remedy>``) and exit non-zero. `assert` is
for our own bugs.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class PopccError(Exception):
    """Something the user can mend. The message says file or symbol, ISA where it matters, what is wrong, what to do."""


class Place(Struct, frozen=True):
    """Where an error was found: any part may be unknown."""

    file: str = ""
    line: int = 0
    symbol: str = ""
    isa: str = ""
    column: int = 0

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        parts = [where, f"in {self.symbol}" if self.symbol else "", f"[{self.isa}]" if self.isa else ""]
        return " ".join(p for p in parts if p)


class PlacedError(PopccError):
    """A `PopccError` with a place in front of its text."""

    def __init__(self, place: Place, text: str) -> None:
        super().__init__(f"{place}: {text}" if str(place) else text)
        self.place = place
        self.text = text

    def __reduce__(self) -> tuple[object, ...]:  # errors come out of the children that compile
        return PlacedError, (self.place, self.text)


class ErrorGroup(PopccError):
    """Several errors of one phase, reported together (all undefined symbols of a link, say)."""

    def __init__(self, errors: Iterable[PopccError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(e) for e in self.errors))

    def __reduce__(self) -> tuple[object, ...]:
        return ErrorGroup, (self.errors,)
