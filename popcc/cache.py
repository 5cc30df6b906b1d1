"""Where popcc keeps what it makes once for all programs."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from popcc.errors import PopccError
from popcc.temporary import temporary_folder


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


@contextmanager
def made(folder: str, what: str, room: int) -> Iterator[Path]:
    """A directory that becomes `folder` of the cache when the body has filled it, and is gone when that fails.

    What earlier ones have left that were killed goes too: the caller holds the `lock`, so no other is at work. Raises
    `PopccError` when there are not `room` bytes for it, which messages call `what`.
    """
    free = shutil.disk_usage(cache_dir()).free
    if free < room:
        raise PopccError(
            f"no space left in {cache_dir()} for {what}: {free >> 20} MiB are free, {room >> 20} are needed; "
            "set POPCC_CACHE to another directory"
        )
    for left in cache_dir().glob(f".{folder}-*"):
        shutil.rmtree(left, ignore_errors=True)
    with temporary_folder(f".{folder}-", cache_dir()) as work:
        yield work
        work.replace(cache_dir() / folder)
