"""Python's collector of cycles, and where it is in the way."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_off() -> Iterator[None]:
    """Passes, links and imports make many objects and few cycles: to look for those takes up to a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()  # what is there by now would be looked at in vain, a second for a big file
            gc.enable()
