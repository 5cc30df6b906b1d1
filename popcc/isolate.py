"""Running LLVM where it can't take the driver down.

LLVM ends the whole process on a fatal error, and its options are process-global. So code is generated in a
forked child, whose result comes back through a pipe, and whose last words, if it dies, become a message.
"""

from __future__ import annotations

import os
import pickle
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, Generic, TypeVar

from popcc.errors import PopccError

T = TypeVar("T")


class Aborted(PopccError):
    """The child died. `text` is what it printed, `status` as `os.waitpid` gives it."""

    def __init__(self, text: str, status: int) -> None:
        self.text = text
        self.status = status
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {os.WEXITSTATUS(status)}"
        super().__init__(f"code generation died ({how}): {text.strip() or 'no message'}")


@dataclass(frozen=True)
class Running(Generic[T]):
    """A child at work."""

    pid: int
    pipe: int
    words: IO[bytes]

    def result(self) -> T:
        """Waits; returns what the child's function returned, or raises what it raised, or `Aborted`."""
        chunks = []
        try:
            while chunk := os.read(self.pipe, 1 << 20):
                chunks.append(chunk)
        except BaseException:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            raise
        finally:
            os.close(self.pipe)
        status = os.waitpid(self.pid, 0)[1]
        self.words.seek(0)
        text = self.words.read().decode(errors="replace")
        self.words.close()
        if status != 0:
            raise Aborted(text, status)
        ok, value = pickle.loads(b"".join(chunks))
        if not ok:
            raise value
        return value  # type: ignore[no-any-return]


def start(function: Callable[..., T], *arguments: Any) -> Running[T]:
    """Forks a child that calls `function`; its result must survive pickling."""
    read, write = os.pipe()
    words = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `Running.result`)
    pid = os.fork()
    if pid:
        os.close(write)
        return Running(pid, read, words)
    try:
        os.close(read)
        os.dup2(words.fileno(), 2)
        try:
            outcome = (True, function(*arguments))
        except Exception as error:
            outcome = (False, _picklable(error))  # type: ignore[assignment]
        data = memoryview(pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL))
        while data:
            data = data[os.write(write, data) :]
        os._exit(0)
    finally:
        os._exit(120)


def _picklable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        import traceback

        return RuntimeError("".join(traceback.format_exception(error)))
    return error
