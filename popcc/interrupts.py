"""Being stopped (Ctrl-C, SIGTERM) as a good command is: everything is put away, nothing is said, and whoever waits sees
the signal as the cause, so that a shell's loop stops too."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_SOON = 0.01  # s


class Interrupted(KeyboardInterrupt):
    """Raised in the main thread by the first signal; passes through all `finally`."""


class Interrupts:
    """The signals that stop a command, from the moment this is made. Its `main` holds the only one."""

    def __init__(self) -> None:
        self.signal = 0  # the one that came
        self._raised = False
        for number in _STOPPING:
            if signal.getsignal(number) is not signal.SIG_IGN:  # one that the parent had us ignore stays ignored
                signal.signal(number, self._come)
        signal.signal(signal.SIGALRM, lambda number, frame: self._come(self.signal or number, frame))
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
        """Python drops what is raised in a callback, say of a fork: it comes again, soon but not in here,
        where it would be dropped again."""
        if isinstance(args.exc_value, KeyboardInterrupt):
            self._raised = False
            signal.setitimer(signal.ITIMER_REAL, _SOON)
        else:
            sys.__unraisablehook__(args)


@contextmanager
def held() -> Iterator[None]:
    """Signals that come meanwhile raise `Interrupted` at the end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)  # and raises for one that came just before
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def let_in() -> Iterator[None]:
    """Where signals are held, by us or by whoever started us: those that came raise `Interrupted` at once."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)


@contextmanager
def as_in_a_new_program() -> Iterator[None]:
    """Signals act as they do where a program begins, for an exec, which would lose one whose handler Python has noted
    and not yet called. Those that came before act first."""
    while signal.getitimer(signal.ITIMER_REAL)[0]:  # one that was lost comes again
        time.sleep(_SOON)
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
