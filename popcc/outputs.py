"""Files appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from popcc.errors import PopccError


def write_output(path: str, data: bytes, executable: bool = False) -> None:
    """Write `data` to the file `path` ("-" standard output). Raises `PopccError` when that can't be done.

    What exists and is no ordinary file (``/dev/null``, a pipe) is written to and stays what it is.
    """
    place = Path(path)
    try:
        if path == "-":
            _to_standard_output(memoryview(data))
            return
        if place.exists() and not place.is_file():
            place.write_bytes(data)
            return
        with _beside(place) as temporary:
            temporary.write_bytes(data)
            temporary.chmod((0o777 if executable else 0o666) & ~_umask())
            temporary.replace(place)
    except BrokenPipeError:
        raise
    except OSError as e:
        raise PopccError(f"unable to open output file '{path}': {e.strerror}") from None


def _to_standard_output(data: memoryview) -> None:
    """Past Python's buffers, so that a full disk is an error here and not when Python ends."""
    if sys.stdout is None:  # descriptor 1 may be any file by now
        raise PopccError("standard output is closed")
    sys.stdout.flush()
    while data:
        data = data[os.write(1, data) :]


@contextlib.contextmanager
def _beside(place: Path) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _umask() -> int:
    old = os.umask(0)
    os.umask(old)
    return old
