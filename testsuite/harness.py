"""Compiles a test program once, runs it in one mode, and says how to replay what failed.

A program is one C file whose first comments say what is expected of it:

    // One line that says what the program is about.
    // flags: -pthread            for popcc; -O2 is given unless a -O is among them
    // args: a b                  command line, shell-quoted
    // stdin: line                standard input, one line each
    // env: NAME=VALUE            added to the environment
    // timeout: 60                seconds for one run
    // rebuild-every: 7           for programs with more migration points than can be rebuilt at
    // move-every: 100            chosen so that a run moves about 10 to 40 times
    // roam-every: 100            the same for threads that go from node to node of a machine; move-every's unless given
    // forbid-move: words         a move is rightly refused, in these words, and the program goes on
    // forbid-roam: shared file   what a process on several nodes is refused, so that the program fails there
    // no-newline:                the last line has none
    // expect: line               standard output, one line each; the end is as the program writes it
    // expect-exit: 3             exit status; -6 is "killed by signal 6"
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from popcc.isa import ISAS, Isa
from popcc.runtime.popcorn.hosts import runner_for

PROGRAMS = Path(__file__).resolve().parent / "programs"
DEFAULT_TIMEOUT = 30.0
MIN_CROSSINGS = 1  # to another ISA; each is followed by one back or by the end
COMPILE_TIMEOUT = 300.0
_EMULATOR = re.compile(r"qemu: uncaught target signal \d+ \([^)]*\) - core dumped\n")
_DIRECTIVE = re.compile(r"// ([a-z-]+): ?(.*)")
_KNOWN = frozenset(
    "flags args stdin env timeout rebuild-every move-every forbid-move roam-every forbid-roam "
    "expect expect-exit no-newline".split()
)


@dataclass(frozen=True)
class Program:
    """One test program and what is expected of it."""

    source: Path
    about: str
    expected: str
    status: int = 0
    flags: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    stdin: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    timeout: float = DEFAULT_TIMEOUT
    rebuild_every: int = 1
    move_every: int = 100
    forbid_move: str = ""
    roam_every: int = 100
    forbid_roam: str = ""

    @property
    def name(self) -> str:
        """The file's name without ``.c``."""
        return self.source.stem


def load(source: Path) -> Program:
    """Reads the expectations. Raises `ValueError` on a directive nobody knows."""
    found: dict[str, list[str]] = {}
    about = ""
    for line in source.read_text().splitlines():
        if not line.startswith("//"):
            break
        m = _DIRECTIVE.fullmatch(line)
        if m is None or (not about and m.group(1) not in _KNOWN):
            about = about or line[3:]
            continue
        if m.group(1) not in _KNOWN:
            raise ValueError(f"{source}: unknown directive '{m.group(1)}'; known are {', '.join(sorted(_KNOWN))}")
        found.setdefault(m.group(1), []).append(m.group(2))

    def one(key: str, default: str) -> str:
        return found.get(key, [default])[0]

    lines = found.get("expect", [])
    end = "" if "no-newline" in found or not lines else "\n"
    stdin = found.get("stdin", [])
    return Program(
        source,
        about,
        "\n".join(lines) + end,
        int(one("expect-exit", "0")),
        tuple(shlex.split(one("flags", ""))),
        tuple(shlex.split(one("args", ""))),
        "\n".join(stdin) + ("\n" if stdin else ""),
        dict(e.split("=", 1) for e in found.get("env", [])),
        float(one("timeout", str(DEFAULT_TIMEOUT))),
        int(one("rebuild-every", "1")),
        int(one("move-every", "100")),
        one("forbid-move", ""),
        int(one("roam-every", one("move-every", "100"))),
        one("forbid-roam", ""),
    )


def all_programs() -> list[Program]:
    """Every program of the folder, by name."""
    return [load(p) for p in sorted(PROGRAMS.glob("*.c"))]


@dataclass(frozen=True)
class Mode:
    """One way to run a program."""

    name: str
    options: tuple[str, ...]  # of popcorn run
    slower: float = 1.0  # times the program's timeout
    moves: bool = False
    may_say: str = "(?!)"  # a pattern of lines on stderr that are no fault of the program's

    def command(self, program: Program, executable: Path) -> list[str]:
        """The command line that runs `executable` this way."""
        numbers = {
            "REBUILD": str(program.rebuild_every),
            "MOVE": str(program.move_every),
            "ROAM": str(program.roam_every),
        }
        options = [numbers.get(o, o) for o in self.options]
        return [*popcorn(), "run", *options, str(executable), *program.args]


def _slower(isa: Isa) -> float:
    """How many times longer an ISA's programs may take here: those of others run under an emulator."""
    return 1 if platform.machine() in isa.machine_names else 2


MODES = (
    *(Mode(name, ("--on", name), _slower(isa)) for name, isa in ISAS.items()),
    *(
        Mode(f"{name}-rebuilt", ("--on", name, "--rebuild-every", "REBUILD"), 2 * _slower(isa))
        for name, isa in ISAS.items()
    ),
    # from each ISA to the next
    Mode("moved", ("--on", next(iter(ISAS)), "--move-every", "MOVE"), 2 * len(ISAS), moves=True),
)


@dataclass(frozen=True)
class Outcome:
    """What a process left behind. `status` is negative for a signal, None when it was killed for time."""

    command: tuple[str, ...]
    stdout: str
    stderr: str
    status: int | None


def popcc() -> list[str]:
    """The compiler's command line: the installed script, or the module when it isn't installed."""
    return _tool("popcc", "popcc.driver")


def popcorn() -> list[str]:
    """As `popcc`, for the popcorn command."""
    return _tool("popcorn", "popcc.runtime.popcorn.cli")


def _tool(script: str, module: str) -> list[str]:
    installed = Path(sys.executable).with_name(script)
    return [str(installed)] if installed.exists() else [sys.executable, "-m", module]


def run(
    command: Sequence[str],
    timeout: float,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Outcome:
    """`run_bytes` for text."""
    with tempfile.TemporaryFile() as given:
        given.write(stdin.encode())
        given.seek(0)
        out = run_bytes(command, timeout, given, env, cwd)
    return Outcome(tuple(command), _text(out.stdout), _text(out.stderr), out.status)


def _text(data: bytes) -> str:
    return data.decode(errors="backslashreplace")


@dataclass(frozen=True)
class RawOutcome:
    """`Outcome` in bytes."""

    stdout: bytes
    stderr: bytes
    status: int | None


def run_bytes(
    command: Sequence[str],
    timeout: float,
    stdin: IO[bytes],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> RawOutcome:
    """Runs `command` in a session of its own and leaves no process of it behind, whatever happens.

    Output goes to files, so that a grandchild that keeps a pipe open can't hold us up.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=out,
            stderr=err,
            start_new_session=True,
            env={**os.environ, **(env or {})},
            cwd=cwd,
        )
        status: int | None = None
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _end_session(process)
        out.seek(0)
        err.seek(0)
        return RawOutcome(out.read(), err.read(), status)


def _end_session(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock file: pytest-xdist's workers share one folder of compiled programs."""
    with path.open("w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def compiled(source: Path, flags: Sequence[str], folder: Path) -> Path:
    """The executable made from `source`, compiled once per session. Raises `AssertionError` with clang's words."""
    if not any(f.startswith("-O") for f in flags):
        flags = ("-O2", *flags)
    key = hashlib.sha1("\0".join((str(source), *flags)).encode()).hexdigest()[:8]
    executable = folder / f"{source.stem}-{key}"
    failure = executable.with_suffix(".failed")
    with locked(executable.with_suffix(".lock")):
        if failure.exists():
            raise AssertionError(failure.read_text())
        if not executable.exists():
            made = run([*popcc(), *flags, str(source), "-o", str(executable), "-lm"], COMPILE_TIMEOUT)
            if made.status != 0 or made.stderr:
                executable.unlink(missing_ok=True)
                failure.write_text(f"popcc failed with {made.status}\n{shlex.join(made.command)}\n{made.stderr}")
                raise AssertionError(failure.read_text())
    return executable


def check(program: Program, mode: Mode, folder: Path, env: Mapping[str, str] | None = None) -> None:
    """Runs `program` in `mode` and compares. Raises `AssertionError` with the first difference and how to replay it."""
    executable = compiled(program.source, program.flags, folder)
    refused = program.forbid_move if mode.moves else ""
    with counted_runners() as runners:
        command = mode.command(program, executable)
        environment = {**program.env, **(env or {}), **runners.environment}
        outcome = run(command, program.timeout * mode.slower, program.stdin, environment)
        outcome = replace(outcome, stderr=re.sub(f"(?m)^(?:{mode.may_say})\n", "", outcome.stderr))
        crossings = runners.count()
    problem = difference(program, outcome, refused)
    if not problem and mode.moves and not refused and crossings < MIN_CROSSINGS:
        problem = f"moved to another ISA only {crossings} times; make its move-every smaller"
    if problem:
        raise AssertionError(f"{program.name}[{mode.name}]: {problem}\nreplay: {replay(program, outcome)}")


@dataclass(frozen=True)
class Runners:
    """Emulators that note each start in a file, which is how moves to another ISA are seen from outside."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Puts them first in PATH, where popcorn looks."""
        return {"PATH": f"{self.folder}:{os.environ['PATH']}"}

    def count(self) -> int:
        """How often one was started."""
        log = self.folder / "log"
        return len(log.read_text()) if log.exists() else 0


@contextmanager
def counted_runners() -> Iterator[Runners]:
    """`Runners` for every ISA that needs an emulator here."""
    with tempfile.TemporaryDirectory(prefix="popcc-") as name:
        folder = Path(name)
        for isa in ISAS:
            runner = runner_for(isa)
            if runner:
                script = folder / Path(runner).name
                script.write_text(f'#!/bin/sh\nprintf . >>{folder}/log\nexec {runner} "$@"\n')
                script.chmod(0o755)
        yield Runners(folder)


def difference(program: Program, outcome: Outcome, refused: str = "") -> str:
    """What is wrong with an outcome; "" if nothing is. `refused` must be on stderr, else nothing may be."""
    if program.status < 0:  # qemu says so when a signal ends the program
        outcome = replace(outcome, stderr=_EMULATOR.sub("", outcome.stderr))
    stderr = f"\nstderr: {outcome.stderr[-2000:]}" if outcome.stderr else ""
    if outcome.status is None:
        return f"still running after the timeout, with output {outcome.stdout[-300:]!r}{stderr}"
    # popcorn run says 128 + N for signal N where it stays the parent, and is the program where it does not
    wanted = {program.status} if program.status >= 0 else {program.status, 128 - program.status}
    if outcome.status not in wanted:
        return f"exit status {outcome.status}, expected {program.status}; output {outcome.stdout[-300:]!r}{stderr}"
    if outcome.stdout != program.expected:
        got, expected = outcome.stdout.split("\n"), program.expected.split("\n")
        for k, (a, b) in enumerate(zip(got, expected, strict=False), 1):
            if a != b:
                return f"line {k} is {a!r}, expected {b!r}{stderr}"
        return f"{len(got)} lines, expected {len(expected)}: {outcome.stdout[-300:]!r}{stderr}"
    if refused:
        return "" if refused in outcome.stderr else f"no refusal '{refused}' on stderr but: {outcome.stderr[-2000:]}"
    return f"unexpected words on stderr: {outcome.stderr[-2000:]}" if outcome.stderr else ""


def replay(program: Program, outcome: Outcome) -> str:
    """A shell command that does the same again."""
    flags = shlex.join(program.flags or ("-O2",))
    executable = next(a for a in outcome.command if f"/{program.name}-" in a)
    command = outcome.command[outcome.command.index("run") :]
    words = ["/tmp/" + program.name if a == executable else a for a in command]
    env = "".join(f"{k}={shlex.quote(v)} " for k, v in program.env.items())
    stdin = f"printf %s {shlex.quote(program.stdin)} | " if program.stdin else ""
    return (
        f"popcc {flags} {program.source} -o /tmp/{program.name} -lm && "
        f"{stdin}{env}popcorn {shlex.join(words)}; echo status $?"
    )
