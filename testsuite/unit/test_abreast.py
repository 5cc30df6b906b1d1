"""Tasks side by side look as if done one after the other, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from popcc.abreast import side_by_side
from popcc.errors import ErrorGroup, PopccError
from popcc.frontend import FrontEndError
from popcc.isolate import Aborted


def say(number: int, seconds: float = 0.0, error: Exception | None = None) -> int:
    print(f"begin {number}", file=sys.stderr)
    time.sleep(seconds)
    os.write(2, f"end {number}\n".encode())
    if error:
        raise error
    return number


def die() -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def words(*numbers: int) -> str:
    return "".join(f"begin {n}\nend {n}\n" for n in numbers)


@pytest.mark.parametrize("width", [1, 2, 9])
def test_results_and_words_come_in_order(width: int, capfd: pytest.CaptureFixture[str]) -> None:
    tasks = [partial(say, n, 0.3 if n == 0 else 0.0) for n in range(5)]
    assert side_by_side(tasks, width) == [0, 1, 2, 3, 4]
    assert capfd.readouterr().err == words(0, 1, 2, 3, 4)


def test_they_are_side_by_side(tmp_path: Path) -> None:
    """Each waits for the other: one after the other they would wait for ever."""

    def meet(own: str, other: str) -> None:
        (tmp_path / own).touch()
        while not (tmp_path / other).exists():
            time.sleep(0.01)

    side_by_side([partial(meet, "a", "b"), partial(meet, "b", "a")], 2)


def test_the_first_that_fails_ends_the_others(capfd: pytest.CaptureFixture[str]) -> None:
    tasks = [partial(say, 0, 0.2), partial(say, 1, 0.4, PopccError("one")), partial(say, 2, 0.0, PopccError("two"))]
    began = time.monotonic()
    with pytest.raises(PopccError, match=r"^one$"):
        side_by_side([*tasks, partial(say, 3, 60.0)], 4)
    assert time.monotonic() - began < 30
    assert capfd.readouterr().err == words(0, 1)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (FrontEndError(7), FrontEndError, "^$"),
        (ErrorGroup([PopccError("a"), PopccError("b")]), ErrorGroup, "a\nb"),
        (Aborted("LLVM ERROR: no", 134), PopccError, "code generation died"),
        (ZeroDivisionError("by us"), ZeroDivisionError, "by us"),
    ],
)
def test_errors_come_as_they_are(error: Exception, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text) as caught:
        side_by_side([partial(say, 0), partial(say, 1, 0.0, error)], 2)
    assert not isinstance(caught.value, FrontEndError) or caught.value.status == 7


def test_one_that_is_killed_is_an_error() -> None:
    tasks: list[Callable[[], int]] = [partial(say, 0), die]
    with pytest.raises(PopccError, match=r"ended from outside \(signal 9\)"):
        side_by_side(tasks, 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_what_they_have_begun(number: int, tmp_path: Path) -> None:
    """The children of the tasks, too; and each had the time to put away what it had made."""
    program = f"""
import subprocess, sys
from pathlib import Path
from popcc.abreast import side_by_side
from popcc.interrupts import Interrupts, end_by

def task(n):
    file = Path({str(tmp_path)!r}) / str(n)
    file.touch()
    try:
        with subprocess.Popen(["sleep", "1000"]) as child:
            (file.parent / f"pid{{n}}").write_text(str(child.pid))
            try:
                child.wait()
            finally:
                child.kill()
    finally:
        file.unlink()

interrupts = Interrupts()
try:
    side_by_side([lambda n=n: task(n) for n in range(3)], 3)
except KeyboardInterrupt:
    end_by(interrupts.signal)
"""
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: all((tmp_path / f"pid{n}").exists() and (tmp_path / f"pid{n}").read_text() for n in range(3)))
        process.send_signal(number)
        assert process.stderr and process.stderr.read() == ""
        assert process.wait(30) == -number
    pids = [int((tmp_path / f"pid{n}").read_text()) for n in range(3)]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert {p.name for p in tmp_path.iterdir()} == {"pid0", "pid1", "pid2"}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
