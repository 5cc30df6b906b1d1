"""One program through the host's compiler and through popcc in every mode; what it prints must be the same.

What counts as failure: another output or exit status, words on standard error, a refused move, a hang, popcc ending in
any way but with a program or one of the refusals it is known for, a site that could not be proved.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

import harness
from harness import MODES, Mode, Outcome, Program

from fuzz import forked

GCC = ("gcc", "-O1", "-fwrapv", "-ffp-contract=off", "-w")
COMPILE = "compile"  # the mode that comes before the others
REFERENCE_TIMEOUT = 3.0  # a program that takes longer would take minutes where it is moved
GCC_TIMEOUT = 60.0
COMPILE_TIMEOUT = 120.0
RUN_TIMEOUT = 15.0
ENOUGH_CROSSINGS = 3
# popcc's own words for what no ISA-independent compiler could do
_REFUSED = re.compile(r"popcc: error: .*(can't run on every ISA|would be lost; pass its address)")
_CAUSE = re.compile(r"^ +\d+ x .*", re.MULTILINE)  # in the report on sites
_UNREACHABLE = re.compile(r"its call is not in the code")  # one ISA's code generator saw that control never gets there
# --move-every of a program whose migration points nobody has counted: from rare to often, until it has moved enough
_REBUILD_EVERY = (1, 101, 10_007)
_MOVE_EVERY = (40_009, 8_009, 1_601, 331, 67, 13, 3, 1)


class Status(Enum):
    """What came of a program."""

    OK = "ok"
    REFUSED = "refused"  # by popcc, in words it is known for
    DROPPED = "dropped"  # the host's compiler can't say what is right: too slow, say
    FAILED = "failed"


@dataclass(frozen=True)
class Case:
    """A program and how to compile it."""

    name: str
    kind: str
    text: str = field(repr=False)
    optimisation: str = "-O2"
    points: str = "auto"
    include: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The name of its source file."""
        return f"{self.name}.c"

    @property
    def flags(self) -> tuple[str, ...]:
        """popcc's."""
        return (self.optimisation, f"--migration-points={self.points}", "-w", *self.include)


@dataclass(frozen=True)
class Verdict:
    """What came of a case; where it failed, in which mode and how, and a shell command that shows it again."""

    case: Case
    status: Status
    mode: str = ""
    problem: str = ""
    command: str = ""
    modes: tuple[str, ...] = ()  # those that it was run in without a mismatch
    crossings: int = 0


# Runs popcc or popcorn; forked, unless a test plants something else.
Runner = Callable[[forked.Command, Sequence[str], float, Mapping[str, str]], Outcome]


def judge(case: Case, folder: Path, run: Runner = forked.run, modes: Sequence[Mode] = MODES) -> Verdict:
    """Compiles and runs `case` with all files in `folder`."""
    source = folder / case.file
    source.write_text(case.text)
    expected = _reference(source, case)
    if expected is None:
        return Verdict(case, Status.DROPPED, "gcc", "does not compile, or takes too long")
    program = Program(source, "", expected.stdout, expected.status or 0, case.flags, timeout=RUN_TIMEOUT)
    executable = folder / f"{case.name}-popcc"
    arguments = [*case.flags, "--sites-report", str(source), "-o", str(executable), "-lm"]
    compiled = run(forked.popcc, arguments, COMPILE_TIMEOUT, {})
    if _is_refused(compiled):
        return Verdict(case, Status.REFUSED, COMPILE, compiled.stderr)
    words = f"popcc {shlex.join(arguments)}"
    if compiled.status != 0:
        how = f"popcc ended with {compiled.status}" if compiled.status else "popcc was still compiling"
        return Verdict(case, Status.FAILED, COMPILE, f"{how}: {compiled.stderr[-3000:]}", words)
    done: list[str] = []
    crossings = 0
    for mode in modes:
        if mode.moves:
            outcome, program, crossings, problem = _moved(program, mode, executable, run)
        else:
            outcome = _run(program, mode, executable, run)
            problem = harness.difference(program, outcome)
        if problem:
            return Verdict(case, Status.FAILED, mode.name, problem, harness.replay(program, outcome), tuple(done))
        done.append(mode.name)
    if problem := _unproved(compiled):  # no reason not to run it first: a wrong result is worse
        return Verdict(case, Status.FAILED, COMPILE, problem, words, tuple(done), crossings)
    return Verdict(case, Status.OK, modes=tuple(done), crossings=crossings)


def _reference(source: Path, case: Case) -> Outcome | None:
    """What the host's compiler makes of the program, if it ends by itself and in time."""
    executable = source.with_name(f"{case.name}-gcc")
    made = harness.run([*GCC, *case.include, str(source), "-o", str(executable), "-lm"], GCC_TIMEOUT)
    if made.status != 0:
        return None
    outcome = harness.run([str(executable)], REFERENCE_TIMEOUT)
    return outcome if outcome.status is not None and outcome.status >= 0 and not outcome.stderr else None


def _is_refused(compiled: Outcome) -> bool:
    lines = compiled.stderr.splitlines()
    return compiled.status == 1 and bool(lines) and all(_REFUSED.match(line) for line in lines)


def _unproved(compiled: Outcome) -> str:
    """What popcc warns of, or the causes of refused sites in its report."""
    causes = "\n".join(m.group() for m in _CAUSE.finditer(compiled.stdout) if not _UNREACHABLE.search(m.group()))
    return f"unproved: {compiled.stderr[-3000:]}{causes[-3000:]}" if compiled.stderr or causes else ""


def _run(program: Program, mode: Mode, executable: Path, run: Runner) -> Outcome:
    """Rebuilt at every point, unless that takes too long and what there is of the output is right."""
    for every in _REBUILD_EVERY:
        command = mode.command(replace(program, rebuild_every=every), executable)
        outcome = run(forked.popcorn, command[command.index("run") :], program.timeout * mode.slower, {})
        slow = outcome.status is None and program.expected.startswith(outcome.stdout) and not outcome.stderr
        if not slow or "REBUILD" not in mode.options:
            break
    return outcome


def _moved(program: Program, mode: Mode, executable: Path, run: Runner) -> tuple[Outcome, Program, int, str]:
    """Moves oftener and oftener until that is often enough, or cannot be oftener; every such run is judged."""
    crossings = 0
    with harness.counted_runners() as runners:
        for every in _MOVE_EVERY:
            program = replace(program, move_every=every)
            command = mode.command(program, executable)
            words = command[command.index("run") :]
            outcome = run(forked.popcorn, words, program.timeout * mode.slower, runners.environment)
            count, crossings = runners.count() - crossings, runners.count()
            if (problem := harness.difference(program, outcome)) or count >= ENOUGH_CROSSINGS:
                break
    return outcome, program, crossings, problem
