"""The key that the hosts of a machine share, in a file that only its owner can read."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from pathlib import Path

from popcc.errors import PopccError

_BYTES = 32
_FILE_MOST = 1024


def make_key(path: Path) -> None:
    """A new key in a new file that only its owner can read. Raises `PopccError`."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise PopccError(f"'{path}' is there already; remove it, or give another name") from None
    except OSError as e:
        raise PopccError(f"cannot write '{path}': {e.strerror}") from None
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(_BYTES)) + b"\n")
    except OSError as e:
        path.unlink(missing_ok=True)
        raise PopccError(f"cannot write '{path}': {e.strerror}") from None


def read_key(path: Path) -> bytes:
    """Raises `PopccError` when it is no key, or others may have read it."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise PopccError(f"'{path}' is not a file")
            if found.st_mode & 0o077 or found.st_uid not in (0, os.geteuid()):
                raise PopccError(f"others can read or write the key '{path}': chmod 600 it, or make another one")
            text = file.read(_FILE_MOST)
    except FileNotFoundError:
        raise PopccError(f"there is no key '{path}'; make one: popcorn machine key {path}") from None
    except OSError as e:
        raise PopccError(f"cannot read the key '{path}': {e.strerror}") from None
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _BYTES:
        raise PopccError(f"'{path}' is not a key; make one: popcorn machine key FILE")
    return key
