"""Outputs that are the same but for rounding: those of numeric codes depend on the C library's `sin` and `exp`."""

from __future__ import annotations

import math
import re

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])")
ZERO = 1e-9  # what is left of it by rounding


def alike(ours: bytes, theirs: bytes, near: float) -> bool:
    """Whether the words are the same and the numbers as near, relatively; what is left of zero is near zero."""
    a, b = ours.decode(), theirs.decode()
    if NUMBER.sub("#", a) != NUMBER.sub("#", b):
        return False
    return all(
        math.isclose(float(x), float(y), rel_tol=near, abs_tol=ZERO)
        for x, y in zip(NUMBER.findall(a), NUMBER.findall(b), strict=True)
    )
