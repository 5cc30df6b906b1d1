"""A few random programs, the same every time; and the judge notices what it is there to notice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fuzz import csmith, forked, generate
from fuzz.cases import case
from fuzz.judge import Case, Runner, Status, judge
from harness import MODES, Mode, Outcome

TESTSUITE = Path(__file__).parent
SEED = 20
PROGRAM = Case("p", "own", '#include <stdio.h>\nint main(void) { puts("right"); return 0; }\n')


@pytest.fixture(scope="module")
def prepared(program_folder: Path) -> Iterator[None]:
    """Imports and the C library, once; the environment that children find it by is as it was afterwards."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("POPCC_LIBC", "")
        forked.prepare()
        yield


@pytest.mark.parametrize("number", [0, 1, 3, 4, 5])
@pytest.mark.parametrize("kind", ["own", "csmith"])
def test_random_programs(prepared: None, tmp_path: Path, kind: str, number: int) -> None:
    """All modes agree with the host's compiler."""
    verdict = judge(case(SEED, number, [kind]), tmp_path)
    assert verdict.status is Status.OK, f"{verdict.problem}\n{verdict.command}"
    assert verdict.modes == tuple(mode.name for mode in MODES)


def test_a_seed_is_a_program() -> None:
    """The text depends on the seed, and on nothing else."""
    assert generate.generate("1-1") == generate.generate("1-1") != generate.generate("1-2")
    assert csmith.generate("1-1") == csmith.generate("1-1") != csmith.generate("1-2")


def test_an_index_has_no_index_of_its_own() -> None:
    """But a number: else there are seeds whose program never ends, one in some thousands."""
    for seed in range(20):
        depth = deepest = 0
        for letter in generate.generate(f"index-{seed}"):
            depth += (letter == "[") - (letter == "]")
            deepest = max(deepest, depth)
        assert deepest <= 2, seed


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"stdout": "wrong\n"}, "line 1 is 'wrong', expected 'right'"),
        ({"status": 1}, "exit status 1, expected 0"),
        ({"status": -11}, "exit status -11"),
        ({"status": None}, "still running"),
        ({"stderr": "popcorn: p: can't move by itself: no room"}, "can't move by itself"),
    ],
)
@pytest.mark.parametrize("mode", MODES, ids=lambda m: m.name)
def test_a_planted_mismatch_is_noticed(tmp_path: Path, mode: Mode, wrong: dict[str, Any], words: str) -> None:
    """In each mode, whatever is wrong; and it is said how to see it again."""
    verdict = judge(PROGRAM, tmp_path, _planted(**wrong), modes=(mode,))
    assert (verdict.status, verdict.mode) == (Status.FAILED, mode.name)
    assert words in verdict.problem
    assert "popcorn run" in verdict.command
    assert judge(PROGRAM, tmp_path, _planted(), modes=(mode,)).status is Status.OK


@pytest.mark.parametrize(
    ("popcc", "status", "words"),
    [
        ({"stderr": "popcc: warning: p.c in f [aarch64]: …"}, Status.FAILED, "popcc: warning"),
        (
            {"stdout": "  f: 1 site\n      1 x the slot at CFA-8 is read after the call [x86_64]\n"},
            Status.FAILED,
            "CFA-8",
        ),
        ({"stdout": "  f: 1 site\n      1 x its call is not in the code for aarch64 [x86_64]\n"}, Status.OK, ""),
        ({"stderr": "popcc: error: internal error: …", "status": 1}, Status.FAILED, "ended with 1"),
        ({"stderr": "Traceback", "status": 1}, Status.FAILED, "Traceback"),
        ({"status": None}, Status.FAILED, "still compiling"),
        ({"stderr": "popcc: error: p.c:1: asm goto can't run on every ISA; …\n", "status": 1}, Status.REFUSED, "ISA"),
    ],
)
def test_how_popcc_ended_is_judged(tmp_path: Path, popcc: dict[str, Any], status: Status, words: str) -> None:
    """A refusal in known words is none of its faults; whatever else it says is."""
    verdict = judge(PROGRAM, tmp_path, _planted(popcc))
    assert verdict.status is status
    assert words in verdict.problem


def _planted(popcc: dict[str, Any] | None = None, **wrong: Any) -> Runner:
    """Runs nothing: popcc and the program end as told, and otherwise as they should."""

    def run(
        command: forked.Command, arguments: Sequence[str], timeout: float, environment: Mapping[str, str]
    ) -> Outcome:
        words = (command.__name__, *arguments)
        if command is forked.popcc:
            return replace(Outcome(words, "", "", 0), **(popcc or {}))
        return replace(Outcome(words, "right\n", "", 0), **wrong)

    return run


@pytest.mark.parametrize("so_far", ["rig", "wrong"])
def test_what_takes_too_long_is_rebuilt_less_often(tmp_path: Path, so_far: str) -> None:
    """But not when what it has printed is wrong."""

    def run(
        command: forked.Command, arguments: Sequence[str], timeout: float, environment: Mapping[str, str]
    ) -> Outcome:
        slow = "--rebuild-every 1 " in " ".join(arguments)
        wrong: dict[str, Any] = {"status": None, "stdout": so_far} if slow else {}
        return _planted(**wrong)(command, arguments, timeout, environment)

    verdict = judge(PROGRAM, tmp_path, run)
    assert verdict.status is (Status.OK if so_far == "rig" else Status.FAILED), verdict.problem


def test_a_program_without_reference_is_dropped(tmp_path: Path) -> None:
    """What the host's compiler refuses, or what does not end, can't be judged."""
    verdict = judge(replace(PROGRAM, text="int main(void) { return no_such_thing; }"), tmp_path, _planted())
    assert verdict.status is Status.DROPPED


def test_interrupted_leaves_nothing(tmp_path: Path) -> None:
    """SIGTERM ends workers and programs, and their files are gone."""
    command = [
        sys.executable,
        "-m",
        "fuzz",
        "--kinds",
        "own",
        "--seed",
        str(SEED),
        "--jobs",
        "1",
        "--reduce",
        "0",
        "--keep",
        str(tmp_path / "k"),
    ]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(TESTSUITE), "TMPDIR": str(scratch)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, start_new_session=True) as process:
        end = time.monotonic() + 60
        while not list(scratch.glob("popcc-fuzz-*/0/*")) and time.monotonic() < end:
            time.sleep(0.05)
        assert list(scratch.glob("popcc-fuzz-*/0/*")), "no worker began"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
    assert not list(scratch.iterdir())
