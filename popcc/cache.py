"""Where popcc keeps what it makes once for all programs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from popcc.errors import PopccError


def cache_dir() -> Path:
    """Where it is: $POPCC_CACHE, else popcc in the user's cache directory. Raises `PopccError`."""
    given = os.environ.get("POPCC_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    path = Path(given) if given else Path(base).expanduser() / "popcc"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise PopccError(f"can't make the cache directory {path}: {e.strerror}; set POPCC_CACHE to another") from None
    return path


@contextmanager
def lock(folder: str) -> Iterator[None]:
    """Holds the lock file of a directory of the cache; the kernel gives it up when the process ends, however it ends.

    The lock is the process's, and not, as flock's, the open file's: workers that outlive us would keep that.
    """
    with (cache_dir() / f"{folder}.lock").open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield
