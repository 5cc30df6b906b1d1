"""Temporary folders that a signal does not leave behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from popcc.interrupts import held


@contextmanager
def temporary_folder(prefix: str, beside: Path | None = None) -> Iterator[Path]:
    """A folder for the body, in the directory for such or in `beside`; it may be renamed, and is gone in any case.

    Python's own stays if a signal comes while its contents are removed. Another than the first raises nothing.
    """
    folder = ""
    try:
        try:
            with held():
                folder = tempfile.mkdtemp(prefix=prefix, dir=beside)
            yield Path(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        raise
