"""popcc and popcorn without their start: a child is forked that has everything imported, and becomes the command.

Starting Python and importing LLVM's bindings costs more than compiling a small program, and a random program is run six
times.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO

import harness

from popcc import compile as compiler
from popcc import driver
from popcc.isa import ISAS
from popcc.linker import link as _link  # noqa: F401 (as the next: for the children)
from popcc.linker.verify import report as _report  # noqa: F401
from popcc.runtime.libc.library import library
from popcc.runtime.popcorn import cli

Command = Callable[[Sequence[str]], int]


def popcc(arguments: Sequence[str]) -> int:
    """The compiler, in a child."""
    return driver.run(arguments)


def popcorn(arguments: Sequence[str]) -> int:
    """The popcorn command, in a child; `popcorn run` never returns."""
    sys.argv = ["popcorn", *arguments]
    cli.main()


def prepare() -> None:
    """What all children are to have; once, before the first."""
    compiler.prepare()
    # built and looked for once, not by each child
    os.environ["POPCC_LIBC"] = str(library(tuple(ISAS)))
    gc.collect()
    gc.freeze()


def run(command: Command, arguments: Sequence[str], timeout: float, environment: Mapping[str, str]) -> harness.Outcome:
    """As `harness.run`: a session of its own, of which nothing is left behind. `environment` is added to ours."""
    words = (command.__name__, *arguments)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        # a signal between the fork and the `try` would leave the child alone
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            pid = os.fork()
            if not pid:
                _child(command, arguments, out, err, environment)
            try:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
                status = _wait(pid, timeout)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                with suppress(ProcessLookupError):  # the child may not have made its session yet
                    os.kill(pid, signal.SIGKILL)
                with suppress(ChildProcessError):
                    os.waitpid(pid, 0)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return harness.Outcome(words, _text(out), _text(err), status)


def _wait(pid: int, timeout: float) -> int | None:
    """The exit status, negative for a signal; None when the time is over. The zombie stays, so that its id does."""
    watched = os.pidfd_open(pid)
    try:
        if not select.select([watched], [], [], timeout)[0]:
            return None
        result = os.waitid(os.P_PIDFD, watched, os.WEXITED | os.WNOWAIT)
    finally:
        os.close(watched)
    assert result is not None
    return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="backslashreplace")


def _child(
    command: Command, arguments: Sequence[str], out: IO[bytes], err: IO[bytes], environment: Mapping[str, str]
) -> None:
    status = 120
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        null = os.open(os.devnull, os.O_RDONLY)
        for target, source in enumerate((null, out.fileno(), err.fileno())):
            os.dup2(source, target)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 (pytest may have put something else there)
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        os.environ.update(environment)
        status = command(arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
