"""Being stopped (Ctrl-C, SIGTERM) as a good command is: everything is put away, nothing is said, and whoever waits sees
the signal as the cause, so that a shell's loop stops too."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class Interrupted(KeyboardInterrupt):
    """Raised in the main thread by the first signal; passes through all `finally`."""


class Interrupts:
    """The signals that stop a command, from the moment this is made. Its `main` holds the only one."""

    def __init__(self) -> None:
        self.signal = 0  # the one that came, even if Python lost the exception in a callback
        self._raised = False
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:  # one that the parent had us ignore stays ignored
                signal.signal(number, self._come)
        sys.unraisablehook = self._lost

    def end_if_any(self) -> None:
        """Ends this process by the signal that came, if one did: what else seemed wrong is its consequence."""
        if self.signal:
            end_by(self.signal)

    def _come(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        if not self._raised:  # a second Ctrl-C must not disturb what puts things away after the first
            self._raised = True
            raise Interrupted

    def _lost(self, args: sys.UnraisableHookArgs) -> None:
        if isinstance(args.exc_value, KeyboardInterrupt):
            self._raised = False
        else:
            sys.__unraisablehook__(args)


@contextmanager
def held() -> Iterator[None]:
    """Signals that come meanwhile raise `Interrupted` at the end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def as_in_a_new_program() -> Iterator[None]:
    """Signals act as they do where a program begins, for an exec, which would lose one whose handler Python has noted
    and not yet called. Those that came before act first."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    handlers = {}
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # and calls the handlers that were noted
        for number in signal.valid_signals():
            # Python ignores these two, and an exec would hand that on
            if callable(signal.getsignal(number)) or number in (signal.SIGPIPE, signal.SIGXFSZ):
                handlers[number] = signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def end_by(number: int) -> NoReturn:
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
