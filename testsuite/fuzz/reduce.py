"""A failing program made small: by C-Vise or C-Reduce, with a test that keeps the failure and the program defined."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import harness

from fuzz import forked
from fuzz.judge import COMPILE, GCC, GCC_TIMEOUT, REFERENCE_TIMEOUT, Case, Status, Verdict, judge

_TESTSUITE = Path(__file__).resolve().parents[1]
# What the reducers like to introduce and what would make a program mean something else to another compiler
_ERRORS = (
    "uninitialized", "maybe-uninitialized", "return-type", "implicit-function-declaration", "implicit-int", "format",
    "int-conversion", "incompatible-pointer-types", "array-bounds", "sequence-point", "strict-aliasing",
    "return-local-addr", "overflow", "shift-count-overflow", "div-by-zero",
)  # fmt: skip
_SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fsanitize-address-use-after-scope")


def tool() -> list[str]:
    """The reducer's command line, [] when there is none: apt install cvise or creduce."""
    if shutil.which("cvise"):
        return ["cvise", "--tidy", "--no-timing"]
    return ["creduce", "--tidy"] if shutil.which("creduce") else []


def reduced(verdict: Verdict, seconds: float) -> str:
    """The smaller program, or the program itself when nothing could be taken away in time."""
    command = tool()
    with tempfile.TemporaryDirectory(prefix="popcc-reduce-") as name:
        folder = Path(name)
        case = replace(verdict.case, text=_without_includes(verdict.case, folder), include=())
        if signature(judge(case, folder)) != signature(verdict):
            case = verdict.case
        source = folder / "reduced.c"
        source.write_text(case.text)
        script = folder / "interesting.sh"
        words = [
            sys.executable, "-m", "fuzz.reduce", source.name, case.kind, case.optimisation, case.points,
            signature(verdict), *case.include,
        ]  # fmt: skip
        script.write_text(f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(_TESTSUITE))} exec {shlex.join(words)}\n")
        script.chmod(0o755)
        harness.run([*command, "--n", "1", str(script), source.name], seconds, env={"TMPDIR": name}, cwd=folder)
        return source.read_text()


def signature(verdict: Verdict) -> str:
    """What must stay the same while a program gets smaller: the mode, and roughly what was wrong."""
    if verdict.status is not Status.FAILED:
        return str(verdict.status.value)
    words = [w for w in verdict.problem.split() if w.rstrip(":").isalpha()]
    rough = " ".join(words[:5] if verdict.mode == COMPILE else words[:1])
    return f"{verdict.mode}: {rough}"


def interesting(case: Case, wanted: str, folder: Path) -> bool:
    """Whether a program still fails as it did, and is still a program that means one thing."""
    source = folder / case.file
    source.write_text(case.text)
    with _in(folder):
        return _defined(source, case) and signature(judge(case, folder)) == wanted


def _defined(source: Path, case: Case) -> bool:
    """No diagnostics that matter, no sanitizer's complaint, and no output that depends on what was never set."""
    errors = [f"-Werror={e}" for e in _ERRORS]
    base = [a for a in GCC if a != "-w"]
    outputs = set()
    for n, extra in enumerate((errors, _SANITIZED, ("-ftrivial-auto-var-init=pattern",), ("-O0",))):
        executable = source.with_name(f"defined{n}")
        made = harness.run([*base, *extra, *case.include, str(source), "-o", str(executable), "-lm"], GCC_TIMEOUT)
        if made.status != 0:
            return False
        outcome = harness.run([str(executable)], REFERENCE_TIMEOUT * 3, env={"ASAN_OPTIONS": "detect_leaks=0"})
        if outcome.status is None or outcome.status < 0 or outcome.stderr:
            return False
        outputs.add((outcome.stdout, outcome.status))
    return len(outputs) == 1


def _without_includes(case: Case, folder: Path) -> str:
    """The preprocessed text, which reducers can work on."""
    source = folder / case.file
    source.write_text(case.text)
    return harness.run(["gcc", "-E", "-P", *case.include, str(source)], GCC_TIMEOUT).stdout


@contextmanager
def _in(folder: Path) -> Iterator[None]:
    """Temporary files of all commands go to `folder`, which somebody removes."""
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = None
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before


def main() -> None:
    """What the reducer calls: exit status 0 if the file is still of interest."""
    source, kind, optimisation, points, wanted, *include = sys.argv[1:]
    case = Case("reduced", kind, Path(source).read_text(errors="replace"), optimisation, points, tuple(include))
    forked.prepare()
    with tempfile.TemporaryDirectory(prefix="popcc-interesting-") as folder:
        sys.exit(0 if interesting(case, wanted, Path(folder)) else 1)


if __name__ == "__main__":
    main()
