"""Being stopped (Ctrl-C, SIGTERM) as a good command is: everything is put away, nothing is said, and whoever waits sees
the signal as the cause, so that a shell's loop stops too."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

_seen = 0


class Interrupted(KeyboardInterrupt):
    """Raised in the main thread by the first signal; passes through all `finally`."""


def install() -> None:
    """From here on signals raise `Interrupted`; one that the parent had us ignore stays ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _raise)
    sys.unraisablehook = _unraisable


def seen() -> int:
    """The signal that came, even if Python lost the exception in a callback; 0 when none did."""
    return _seen


def end(number: int) -> NoReturn:
    """Ends this process by the signal `number`."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            pass
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    sys.exit(128 + number)  # blocked by whoever started us


def _raise(number: int, frame: FrameType | None) -> None:
    global _seen
    _seen = number
    raise Interrupted


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    if not isinstance(args.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(args)
