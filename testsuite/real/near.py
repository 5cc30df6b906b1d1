"""Outputs that are the same but for rounding: those of numeric codes depend on the C library's `sin` and `exp`."""

from __future__ import annotations

import math
import re

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])")
RELATIVE = 1e-6


def alike(ours: bytes, theirs: bytes) -> bool:
    """Whether the words are the same and the numbers as near as `RELATIVE`; what is left of zero is near zero."""
    a, b = ours.decode(), theirs.decode()
    if NUMBER.sub("#", a) != NUMBER.sub("#", b):
        return False
    return all(_close(float(x), float(y)) for x, y in zip(NUMBER.findall(a), NUMBER.findall(b), strict=True))


def _close(x: float, y: float) -> bool:
    return math.isclose(x, y, rel_tol=RELATIVE, abs_tol=1e-9)
