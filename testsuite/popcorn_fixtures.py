"""Programs of testsuite/commands, started and watched from outside, and the popcorn command as a user gives it.

Nothing here sleeps for a fixed time: a program's output, its state in /proc, or the end of a process is waited for.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import harness
import pytest

from popcc.isa import ISAS
from popcc.runtime.popcorn.hosts import host_isa

SOURCES = Path(__file__).resolve().parent / "commands"
PATIENCE = 60.0  # seconds; a loaded machine is slow, and only a failing test waits so long
HERE = host_isa().name
OTHERS = [isa for isa in ISAS if isa != HERE]
THERE, BEYOND = OTHERS[0], OTHERS[-1]
NEXT = dict(pairwise((HERE, *OTHERS, HERE)))  # around all of them

_missing = [isa for isa in OTHERS if shutil.which(ISAS[isa].qemu) is None]
needs_emulator = pytest.mark.skipif(bool(_missing), reason=f"needs emulators of {', '.join(_missing)}")


def built(name: str, folder: Path) -> Path:
    """The program made from testsuite/commands/NAME.c, compiled once per session."""
    return harness.compiled(SOURCES / f"{name}.c", ("-O2", "-pthread"), folder)


def copied(name: str, folder: Path, program: Path) -> Path:
    """The same as a file of the test's own, which it may move or replace."""
    program.write_bytes(built(name, folder).read_bytes())
    program.chmod(0o755)
    return program


def popcorn(
    *arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float = PATIENCE
) -> harness.Outcome:
    """Runs the popcorn command to its end."""
    outcome = harness.run([*harness.popcorn(), *map(str, arguments)], timeout, env=env, cwd=cwd)
    assert outcome.status is not None, f"popcorn {arguments} did not end: {outcome.stderr}"
    assert "Traceback" not in outcome.stderr, outcome.stderr
    return outcome


def succeeds(*arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """As `popcorn`; it must end with 0 and say nothing but its answer, which is returned."""
    outcome = popcorn(*arguments, env=env, cwd=cwd)
    assert (outcome.status, outcome.stderr) == (0, ""), outcome
    return outcome.stdout


def refused(*arguments: object, status: int = 1, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """As `popcorn`; it must fail with one message, which is returned."""
    outcome = popcorn(*arguments, env=env, cwd=cwd)
    assert outcome.status == status and outcome.stdout == "", outcome
    if status == 1:
        assert outcome.stderr.count("\n") == 1 and outcome.stderr.startswith("popcorn: error: "), outcome.stderr
    return outcome.stderr.removeprefix("popcorn: error: ").rstrip("\n")


def eventually(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Waits until `condition` holds."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience:.0f} s in vain for {what}"
        time.sleep(0.02)


@dataclass(frozen=True)
class Running:
    """A program at work, its output in the file `out` of its directory."""

    process: subprocess.Popen[bytes]
    directory: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        return (self.directory / "out.txt").read_text()

    @property
    def errors(self) -> str:
        return (self.directory / "err.txt").read_text()

    def wait_for(self, text: str) -> None:
        """Until it has printed `text`."""
        eventually(lambda: text in self.output or self.ended, f"'{text}' in its output")
        assert text in self.output, (self.process.poll(), self.output[-300:], self.errors)

    def goes_on(self) -> None:
        """It prints more lines than it has by now."""
        before = len(self.output)
        eventually(lambda: len(self.output) > before + 15 or self.ended, "more output")
        assert len(self.output) > before + 15, (self.process.poll(), self.output[-300:], self.errors)

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def isa(self) -> str:
        """Where it runs, by `popcorn ps`."""
        found = [p for p in json.loads(succeeds("ps", "--json")) if p["pid"] == self.pid]
        assert found, (self.process.poll(), self.errors)
        return str(found[0]["isa"])

    def end(self, status: int = 0) -> str:
        """Asks it to end, and returns its whole output."""
        self.process.send_signal(signal.SIGUSR1)
        assert self.process.wait(PATIENCE) == status, (self.output[-300:], self.errors)
        assert self.errors == ""
        return self.output


@contextmanager
def started(
    command: Sequence[object], directory: Path, wait_for: str = "", env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """A program in `directory`, killed at the end."""
    directory.mkdir(exist_ok=True)
    with (directory / "out.txt").open("ab") as out, (directory / "err.txt").open("ab") as err:
        process = subprocess.Popen(
            [*map(str, command)], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=directory,
            env={**os.environ, **(env or {})}, start_new_session=True,
        )  # fmt: skip
    running = Running(process, directory)
    try:
        if wait_for:
            running.wait_for(wait_for)
        yield running
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def restoring(image: Path, isa: str, directory: Path, *more: object, env: Mapping[str, str] | None = None) -> Any:
    """`popcorn restore` as a program that runs; what it printed before is gone from its output file."""
    for name in ("out.txt", "err.txt"):
        (directory / name).write_text("")
    return started([*harness.popcorn(), "restore", image, "--on", isa, *more], directory, env=env)


def files(directory: Path) -> set[str]:
    """Names of all files below, hidden ones included."""
    return {str(p.relative_to(directory)) for p in directory.rglob("*")}


def children(pid: int) -> list[int]:
    """Processes whose parent is `pid`."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found
