"""Which functions and units have been proved before: their fingerprints, in a table on disk.

Links look into it and do not read it whole. A fingerprint is 20 bytes; the first two name its row, in which it may
stand in any place. Where a row is full, one gives way. Links side by side can lose an entry to each other but never
make one up: that costs time only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from msgspec import Struct

SIZE = 20
_PLACES = 8  # of a row: half a million in all, ten megabytes
_FREE = bytes(SIZE)


class Proved(Struct, frozen=True, dict=True):
    """The fingerprints kept in one file; none when that can't be read or written, which costs time only."""

    path: Path

    def __contains__(self, fingerprint: bytes) -> bool:
        return self._file is not None and fingerprint in _places(self._file, fingerprint)

    @cached_property
    def _file(self) -> int | None:
        """Open as long as the process lives, and in the children that it forks."""
        try:
            return os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None

    def add(self, fingerprints: Iterable[bytes]) -> None:
        """Keeps what a link proved."""
        new = list(fingerprints)
        if not new:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                for fingerprint in new:
                    places = _places(fd, fingerprint)
                    place = places.index(_FREE) if _FREE in places else fingerprint[2] % _PLACES
                    os.pwrite(fd, fingerprint, _row(fingerprint) + place * SIZE)
            finally:
                os.close(fd)
        except OSError:
            pass


def _row(fingerprint: bytes) -> int:
    """Where in the file its row begins."""
    return int.from_bytes(fingerprint[:2]) * _PLACES * SIZE


def _places(fd: int, fingerprint: bytes) -> list[bytes]:
    """What stands in its row; beyond the file's end all is free."""
    try:
        row = os.pread(fd, _PLACES * SIZE, _row(fingerprint))
    except OSError:
        row = b""
    row = row.ljust(_PLACES * SIZE, b"\0")
    return [row[at : at + SIZE] for at in range(0, len(row), SIZE)]
