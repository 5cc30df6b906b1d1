"""Several tasks side by side, each in a child, as many as there are cores, as if done one after the other.

What a task says on standard error is shown when those before it are done; the first that fails ends the others, which
say nothing. A child that is stopped puts away what it has begun, its own children above all, before it ends.
"""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from msgspec import Struct

from popcc.errors import PopccError
from popcc.interrupts import Interrupts, held
from popcc.isolate import picklable

if TYPE_CHECKING:
    from popcc.unit import Unit

T = TypeVar("T")
_CHUNK = 1 << 20


class _Child(Struct):
    """A task under way, or done: then `pid` is 0."""

    pid: int
    pipe: int
    words: IO[bytes]
    data: bytearray = bytearray()
    status: int = 0

    def end(self) -> None:
        pid, self.pid = self.pid, 0
        os.close(self.pipe)
        self.status = os.waitpid(pid, 0)[1]

    def stop(self) -> None:
        """Ends it before its time."""
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
            self.end()
        self.words.close()

    def outcome(self) -> Any:
        """Shows what it said; returns its result or raises its error."""
        with self.words:
            self.words.seek(0)
            sys.stderr.flush()
            rest = memoryview(self.words.read())
        while rest:
            rest = rest[os.write(2, rest) :]
        if not self.data:
            signalled = os.WIFSIGNALED(self.status)
            how = f"signal {os.WTERMSIG(self.status)}" if signalled else f"status {os.WEXITSTATUS(self.status)}"
            raise PopccError(
                f"a compilation was ended from outside ({how}); give fewer files at once if memory is short"
            )
        ok, value = pickle.loads(self.data)
        if not ok:
            raise value
        return value


def side_by_side(tasks: Sequence[Callable[[], T]], width: int = 0) -> list[T]:
    """The results of all tasks, which must survive pickling. Raises what the first of them that failed raised.

    `width` is how many there are at once, 0 for as many as cores.
    """
    return _Team(tasks, width or len(os.sched_getaffinity(0))).results()


def compilations(tasks: Sequence[Callable[[], Unit]]) -> list[Unit]:
    """The units of all; several compile side by side. What each would do again, imports above all, is done before."""
    if len(tasks) < 2:
        return [task() for task in tasks]
    from popcc.compile import prepare

    prepare()
    return side_by_side(tasks)


class _Team(Struct, Generic[T]):
    tasks: Sequence[Callable[[], T]]
    width: int
    children: list[_Child] = []

    def results(self) -> list[T]:
        found: list[T] = []
        try:
            with selectors.DefaultSelector() as pipes:
                while len(found) < len(self.tasks):
                    self._start(pipes)
                    self._wait(pipes)
                    while len(found) < len(self.children) and not self.children[len(found)].pid:
                        found.append(self.children[len(found)].outcome())
            return found
        finally:
            for child in self.children:
                child.stop()

    def _start(self, pipes: selectors.BaseSelector) -> None:
        while len(pipes.get_map()) < self.width and len(self.children) < len(self.tasks):
            with held():  # a child that nobody knows of would go on
                child = _start(self.tasks[len(self.children)])
                self.children.append(child)
            pipes.register(child.pipe, selectors.EVENT_READ, child)

    def _wait(self, pipes: selectors.BaseSelector) -> None:
        for key, _ in pipes.select():
            child: _Child = key.data
            chunk = os.read(child.pipe, _CHUNK)
            child.data += chunk
            if not chunk:
                pipes.unregister(child.pipe)
                child.end()


def _start(task: Callable[[], Any]) -> _Child:
    read, write = os.pipe()
    words = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `_Child`)
    pid = os.fork()
    if pid:
        os.close(write)
        return _Child(pid, read, words)
    try:
        os.close(read)
        os.dup2(words.fileno(), 2)
        sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
        _work(task, write)
    finally:
        os._exit(120)


def _work(task: Callable[[], Any], pipe: int) -> NoReturn:
    """In the child. Its parent has blocked the signals that stop it."""
    try:
        Interrupts()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            outcome = (True, task())
        except Exception as error:
            outcome = (False, picklable(error))
        sys.stderr.flush()
        rest = memoryview(pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL))
        while rest:
            rest = rest[os.write(pipe, rest) :]
    except KeyboardInterrupt:
        os._exit(130)
    os._exit(0)
