"""Which functions have been proved before: their fingerprints, in a file that only grows.

A fingerprint is 20 bytes; each link appends what it proved in one write, so that links side by side do not disturb
each other, and a file that was cut short loses its last entry at most.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SIZE = 20
_MAX_BYTES = 64 << 20  # then it begins anew


@dataclass(frozen=True)
class Proved:
    """The fingerprints kept in one file; none when that can't be read or written, which costs time only."""

    path: Path

    @cached_property
    def known(self) -> frozenset[bytes]:
        """What the file holds."""
        try:
            data = self.path.read_bytes()
        except OSError:
            return frozenset()
        return frozenset(data[at : at + SIZE] for at in range(0, len(data) - SIZE + 1, SIZE))

    def add(self, fingerprints: Iterable[bytes]) -> None:
        """Keeps what a link proved."""
        data = b"".join(fingerprints)
        if not data:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                if (size := os.fstat(fd).st_size) > _MAX_BYTES or size % SIZE:
                    os.ftruncate(fd, 0)
                os.write(fd, data)
            finally:
                os.close(fd)
        except OSError:
            pass
