"""Literals that say more than a `long double` of 64 bits can hold: written for a wider one, and silently rounded.

The front end has rounded them when it speaks of them, so they are looked for in the preprocessed text, which is asked
for only where the source has such a literal at all. A decimal number is suspect when it gives more digits than any
double needs (17), a hexadecimal one when its bits do not fit.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from popcc.errors import Place, PlacedError
from popcc.frontend import SPEAKER, base_flags, clang

if TYPE_CHECKING:
    from fractions import Fraction

_LITERAL = re.compile(
    r"(?<![\w.])(0[xX][\da-fA-F]*\.?[\da-fA-F]*[pP][+-]?\d+|(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?)[lL](?!\w)"
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
_MARKER = re.compile(r'# (\d+) "((?:[^"\\]|\\.)*)"((?: \d)*)')
_ENOUGH_DIGITS = 17


def rounded_literals(source: Path, flags: Sequence[str], include_dirs: Sequence[Path]) -> list[str]:
    """What is to be said of a source's literals, as `popcc: warning:` puts it."""
    try:
        text = source.read_text(errors="replace")
    except OSError:
        return []  # the front end says so
    if not any(_is_rounded(m.group(1)) for m in _LITERAL.finditer(text)):
        return []
    command = [*clang(), *base_flags(include_dirs), *flags, "-w", "-E", str(source)]
    run = subprocess.run([SPEAKER, *command[1:]], executable=command[0], capture_output=True)
    return [_message(place, literal) for place, literal in _found(run.stdout.decode(errors="replace"))]


def _message(place: Place, literal: str) -> str:
    text = f"{literal} is rounded to 53 bits: long double is 64 bits wide on all ISAs; use two doubles, or a library"
    return str(PlacedError(place, text))


def _found(preprocessed: str) -> Iterator[tuple[Place, str]]:
    """The literals, but for those of system headers, each place once."""
    file, line, system = "", 0, False
    seen = set()
    for text in preprocessed.splitlines():
        if m := _MARKER.match(text):
            line, file, system = int(m.group(1)), m.group(2), "3" in m.group(3)
            continue
        for m in _LITERAL.finditer(_QUOTED.sub('""', text)) if not system else ():
            place = Place(file, line, column=_column(file, line, m.group()))
            if _is_rounded(m.group(1)) and (place, m.group()) not in seen:
                seen.add((place, m.group()))
                yield place, m.group()
        line += 1


def _column(file: str, line: int, literal: str) -> int:
    """Where it stands in its line; 0 if a macro brought it there."""
    try:
        lines = Path(file).read_text(errors="replace").splitlines()
    except OSError:
        return 0
    return lines[line - 1].find(literal) + 1 if 0 < line <= len(lines) else 0


def _is_rounded(number: str) -> bool:
    from fractions import Fraction  # which most compilations never need

    if number[:2] in ("0x", "0X"):
        mantissa, _, exponent = number[2:].lower().partition("p")
        whole, _, part = mantissa.partition(".")
        return not _fits(int(whole + part or "0", 16) * Fraction(2) ** (int(exponent) - 4 * len(part)))
    digits = re.split("[eE]", number)[0].replace(".", "").strip("0")
    return len(digits) > _ENOUGH_DIGITS and not _fits(Fraction(number))


def _fits(value: Fraction) -> bool:
    """Whether a double is exactly that."""
    try:
        return float(value) == value
    except OverflowError:
        return False
