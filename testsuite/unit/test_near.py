"""Outputs of numeric codes are compared but for rounding, and for nothing else."""

from __future__ import annotations

import pytest
from real.near import alike


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("norm 1.00000000e+00 (17 steps)", "norm 1.00000001e+00 (17 steps)"),
        ("residual 3e-17", "residual -1e-18"),
        ("PASS: qag, -0.5", "PASS: qag, -0.5"),
    ],
)
def test_alike(ours: str, theirs: str) -> None:
    """Rounding is forgiven."""
    assert alike(ours.encode(), theirs.encode(), 1e-6)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("1.0001", "1.0002"),
        ("17 steps", "18 steps"),
        ("PASS: x1 1.0", "FAIL: x1 1.0"),
        ("PASS: qag15 1.0", "PASS: qag21 1.0"),
        ("1.0", "1.0 2.0"),
        ("1.0", "nan"),
        ("-1.0", "1.0"),
    ],
)
def test_different(ours: str, theirs: str) -> None:
    """Other words, other numbers."""
    assert not alike(ours.encode(), theirs.encode(), 1e-6)
