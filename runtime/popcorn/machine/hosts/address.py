"""Where a host listens for others: HOST:PORT."""

from __future__ import annotations

import re

from popcc.errors import PopccError

_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\[\]:]*)):([0-9]{1,5})")


def parse_address(text: str) -> tuple[str, int]:
    """HOST:PORT, [IPv6]:PORT or :PORT. Raises `PopccError` with what is expected."""
    match = _ADDRESS.fullmatch(text)
    if not match or int(match[3]) > 65535:
        raise PopccError(f"'{text}' is not an address, for example 192.0.2.7:7900 or host.example:7900")
    return match[1] or match[2], int(match[3])
