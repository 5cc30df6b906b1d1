"""Running LLVM where it can't take the driver down.

LLVM ends the whole process on a fatal error, and its options are process-global. So code is generated in a
forked child, whose result comes back through a pipe, and whose last words, if it dies, become a message. What
the child needs is imported and initialised before the fork, once for all children.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, Generic, TypeVar

from msgspec import Struct

from popcc.errors import PopccError

T = TypeVar("T")
_LENGTH = struct.Struct("<Q")  # in front of each result


class Aborted(PopccError):
    """The child died. `text` is what it printed, `status` as `os.waitpid` gives it."""

    def __init__(self, text: str, status: int) -> None:
        self.text = text
        self.status = status
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {os.WEXITSTATUS(status)}"
        super().__init__(f"code generation died ({how}): {text.strip() or 'no message'}")


class Running(Struct, Generic[T]):
    """A child at work. Its results are received in order; after the last, or an exception, it is gone."""

    pid: int  # 0 when it is gone
    pipe: int
    words: IO[bytes]

    def result(self) -> T:
        """The last result: waits for the child's end as well. Raises as `receive` does."""
        value = self.receive()
        self._end()
        return value

    def receive(self) -> T:
        """Waits for the next result; raises what the child raised, or `Aborted`."""
        try:
            data = self._read(_LENGTH.unpack(self._read(_LENGTH.size))[0])
        except EOFError:
            raise Aborted(*self._end()) from None
        except BaseException:
            self.stop()
            raise
        ok, value = pickle.loads(data)
        if not ok:
            self._end()
            raise value
        return value  # type: ignore[no-any-return]

    def stop(self) -> None:
        """Ends the child if it is still there: nobody wants its results any more."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            self._end()

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            chunk = os.read(self.pipe, size - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return bytes(data)

    def _end(self) -> tuple[str, int]:
        """Waits for the child's end; returns its last words and its status."""
        os.close(self.pipe)
        pid, self.pid = self.pid, 0
        status = os.waitpid(pid, 0)[1]
        with self.words:
            self.words.seek(0)
            return self.words.read().decode(errors="replace"), status


def start(function: Callable[..., T] | Callable[..., Iterator[T]], *arguments: Any) -> Running[T]:
    """Forks a child that calls `function`; its result must survive pickling. An iterator gives several results."""
    read, write = os.pipe()
    words = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `Running`)
    pid = os.fork()
    if pid:
        os.close(write)
        return Running(pid, read, words)
    try:
        gc.disable()  # a child lives for one task
        os.close(read)
        os.dup2(words.fileno(), 2)
        try:
            outcome = function(*arguments)
            for value in outcome if isinstance(outcome, Iterator) else (outcome,):
                _send(write, (True, value))
        except Exception as error:
            _send(write, (False, picklable(error)))
        os._exit(0)
    finally:
        os._exit(120)


def each(function: Callable[..., T], arguments: Mapping[str, tuple[Any, ...]]) -> dict[str, T]:
    """Calls `function` with each of the arguments, side by side; the results under the arguments' names."""
    running: dict[str, Running[T]] = {}
    try:
        for name, given in arguments.items():
            running[name] = start(function, *given)
        return {name: child.result() for name, child in running.items()}
    finally:
        for child in running.values():
            child.stop()


def _send(pipe: int, outcome: tuple[bool, Any]) -> None:
    data = pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL)
    rest = memoryview(_LENGTH.pack(len(data)) + data)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def picklable(error: Exception) -> Exception:
    """The error, as it can go through a pipe; one that can't is told by its words."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return PopccError(str(error)) if isinstance(error, PopccError) else RuntimeError(_whole(error))
    if not isinstance(error, PopccError):
        error.add_note(_whole(error))  # a pickle leaves out where it came from
    return error


def _whole(error: Exception) -> str:
    import traceback  # which takes long

    return "".join(traceback.format_exception(error))
