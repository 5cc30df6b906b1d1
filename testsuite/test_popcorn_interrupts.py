"""Ctrl-C at any moment, of popcorn and of popcc: a quiet end, no stale file, no process left, the program unharmed.

The moments are random. A failure prints the seed; POPCC_SEED=N replays it, POPCC_MOMENTS=N tries more.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path

import harness
import pytest
from popcorn_fixtures import (
    BEYOND,
    HERE,
    NEXT,
    OTHERS,
    PATIENCE,
    THERE,
    built,
    eventually,
    files,
    needs_emulator,
    started,
    succeeds,
)

pytestmark = needs_emulator
SEED = int(os.environ.get("POPCC_SEED", random.randrange(10**6)))
MOMENTS = int(os.environ.get("POPCC_MOMENTS", "8"))


def moments(longest: float, name: str) -> list[float]:
    """Seconds after the start; as many at the beginning as in all the rest."""
    choose = random.Random(f"{SEED} {name}")
    return [choose.uniform(0, longest) * choose.choice((0.3, 1)) for _ in range(MOMENTS)]


@contextmanager
def replayable(moment: float) -> Iterator[None]:
    try:
        yield
    except BaseException as e:
        e.add_note(f"interrupted after {moment:.3f} s; replay with POPCC_SEED={SEED} POPCC_MOMENTS={MOMENTS}")
        raise


def interrupted(command: Sequence[object], moment: float, directory: Path, number: int = signal.SIGINT) -> int:
    """Runs `command` as a shell's foreground job would run, and ends it after `moment`. Returns its exit status.

    SIGINT goes to the whole job, as a terminal sends it; what is sent otherwise, to the command alone.
    Nothing of the job may be left, and nothing but the program's own words may be said.
    """
    with subprocess.Popen(
        list(map(str, command)), cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        with suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        send = os.killpg if number == signal.SIGINT else os.kill
        with suppress(ProcessLookupError):
            send(process.pid, number)
        try:
            words = _last_words(process, lambda: send(process.pid, number))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    # Python itself is interrupted while it starts or ends, before and after any code of ours
    early = starting(words)
    assert early or words.strip() == "", words  # click ends the terminal's line
    eventually(lambda: not session(process.pid), "the end of all its processes")
    return 128 + number if early else process.returncode


def _last_words(process: subprocess.Popen[str], again: Callable[[], None]) -> str:
    """What it says until its end. Python may lose a signal in a callback of an import, before any code of ours, and
    says so; who sees nothing happen sends it `again`."""
    try:
        return process.communicate(timeout=PATIENCE)[1]
    except subprocess.TimeoutExpired:
        again()
        words = process.communicate(timeout=PATIENCE)[1]
        assert "_get_module_lock" in words and "KeyboardInterrupt" in words, f"the first signal was lost: {words}"
        return words


def starting(words: str) -> bool:
    """Interrupted among the imports: Python's traceback, none of our functions at work, or no traceback yet."""
    return words.strip() == "KeyboardInterrupt" or (
        "KeyboardInterrupt" in words and ("in <module>" in words or "<frozen" in words)
    )


def session(leader: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            fields = stat.read_text().rsplit(")", 1)[1].split()
            if int(fields[3]) == leader and fields[0] not in "ZX":
                found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize("program", ["team", "memory"])
def test_migrating(program: str, program_folder: Path, tmp_path: Path) -> None:
    with started([built(program, program_folder)], tmp_path, wait_for=" 2") as running:
        for moment in moments(0.6, "migrate"):
            with replayable(moment):
                target = NEXT[running.isa]
                status = interrupted([*harness.popcorn(), "migrate", running.pid, "--to", target], moment, tmp_path)
                assert status in (0, 130, -signal.SIGINT)
                running.goes_on()
                assert status != 0 or running.isa == target
        succeeds("checkpoint", running.pid, "--leave-running", "-o", tmp_path / "image")
        running.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_saving(number: int, program_folder: Path, tmp_path: Path) -> None:
    """While it is saved to go on, it goes on; the image is the old one or the new one, and whole."""
    image = tmp_path / "image"
    with started([built("memory", program_folder)], tmp_path, wait_for="beat 2") as running:
        command = [*harness.popcorn(), "checkpoint", running.pid, "--leave-running", "-o", image]
        for moment in moments(0.6, "checkpoint"):
            with replayable(moment):
                status = interrupted(command, moment, tmp_path, number)
                assert status in (0, 128 + number, -number)
                assert files(tmp_path) <= {"out.txt", "err.txt", "image"}
                assert status != 0 or image.exists()
                running.goes_on()
                if image.exists():
                    succeeds("inspect", image)
        running.end()


def test_saving_for_good(program_folder: Path, tmp_path: Path) -> None:
    """Either it goes on, or its image is there: never neither."""
    image, program = tmp_path / "image", built("memory", program_folder)
    for moment in moments(0.6, "checkpoint for good"):
        image.unlink(missing_ok=True)
        with replayable(moment), started([program], tmp_path, wait_for="beat 2") as running:
            status = interrupted([*harness.popcorn(), "checkpoint", running.pid, "-o", image], moment, tmp_path)
            assert files(tmp_path) <= {"out.txt", "err.txt", "image"}
            if status == 0:
                assert running.process.wait(PATIENCE) == -signal.SIGKILL
            if running.ended or not image.exists():
                assert image.exists() == running.ended
            if image.exists():
                succeeds("inspect", image)
            else:
                running.goes_on()


def test_running(program_folder: Path, tmp_path: Path) -> None:
    """The program has no handler for SIGINT, so that ends it and popcorn, wherever it is on its way."""
    command = [*harness.popcorn(), "run", "--at", f"0.2s:{THERE}", "--at", f"0.6s:{HERE}", "--at", f"0.9s:{BEYOND}"]
    for moment in moments(1.5, "run"):
        with replayable(moment):
            status = interrupted([*command, built("memory", program_folder)], moment, tmp_path)
            assert status in (128 + signal.SIGINT, -signal.SIGINT)
            assert not files(tmp_path)


@pytest.mark.parametrize("isas", [[HERE], OTHERS], ids=["here", "there"])
def test_restoring(isas: list[str], program_folder: Path, tmp_path: Path) -> None:
    """SIGINT ends popcorn, or the program that it became; the image stays as it was."""
    image, work = tmp_path / "image", tmp_path / "work"
    work.mkdir()
    with started([built("memory", program_folder)], tmp_path, wait_for="beat 2") as running:
        succeeds("checkpoint", running.pid, "-o", image)
    before = image.read_bytes()
    for isa, moment in zip(cycle(isas), moments(1.0, f"restore {isas[0]}"), strict=False):
        with replayable(moment):
            status = interrupted([*harness.popcorn(), "restore", image, "--on", isa], moment, work)
            assert status in (128 + signal.SIGINT, -signal.SIGINT)
            assert not files(work) and image.read_bytes() == before


@pytest.mark.parametrize("command", ["migrate", "checkpoint", "inspect"])
def test_the_program_is_killed_meanwhile(command: str, program_folder: Path, tmp_path: Path) -> None:
    """At any moment: popcorn was done before, or says in one line that the program is gone."""
    image = str(tmp_path / "image")
    more = {"migrate": ["--to", THERE], "checkpoint": ["--leave-running", "-o", image]}.get(command, [])
    for moment in moments(0.6, f"killed {command}"):
        (tmp_path / "image").unlink(missing_ok=True)
        with replayable(moment), started([built("team", program_folder)], tmp_path, wait_for=" 2") as running:
            words = list(map(str, [*harness.popcorn(), command, running.pid, *more]))
            with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as asking:
                time.sleep(moment)
                running.process.kill()
                _, said = asking.communicate(timeout=PATIENCE)
            gone = rf"popcorn: error: (lost the connection to |no )?process {running.pid}\b.*\n"
            assert (asking.returncode, said) == (0, "") or re.fullmatch(gone, said), said
            assert files(tmp_path) <= {"out.txt", "err.txt", "image"}
            if (tmp_path / "image").exists():
                succeeds("inspect", tmp_path / "image")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_building_the_libc(number: int, tmp_path: Path) -> None:
    """The first link builds for minutes: nothing half built stays, no process goes on, and nobody waits."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "a.c").write_text("int main(void) { return 0; }\n")
    command = ["env", f"POPCC_CACHE={tmp_path}/cache", f"TMPDIR={tmp_path}/tmp", *harness.popcc(), "a.c", "-o", "a"]
    for moment in moments(12.0, "libc")[:3]:
        with replayable(moment):
            began = time.monotonic()
            status = interrupted(command, moment, tmp_path, number)
            assert status in (128 + number, -number)
            assert time.monotonic() - began < moment + 20
            parts = {n for n in files(tmp_path) if re.match(r"cache/((maps|runtime|helpers)-|[^.].*\.lock$)", n)}
            assert files(tmp_path) - parts <= {"cache", "tmp", "a.c"}


@pytest.mark.parametrize(
    "arguments",
    [["-c"], ["-o", "program"], ["-r", "-o", "both.o", "../project/sums.c"]],
    ids=["compile", "link", "several"],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_compiling(arguments: list[str], number: int, tmp_path: Path) -> None:
    """No output, or all of it; nothing beside it and nothing in the temporary directory."""
    sources = Path(__file__).parent / "commands"
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    arguments = [str(sources / a) if a.endswith(".c") else a for a in arguments]
    command = ["env", f"TMPDIR={temporary}", *harness.popcc(), "-O2", *arguments, sources / "state.c"]
    began = time.monotonic()
    subprocess.run(list(map(str, command)), cwd=tmp_path, check=True)
    longest = time.monotonic() - began
    whole = {name: (tmp_path / name).read_bytes() for name in files(tmp_path) - {"tmp"}}
    for moment in moments(longest, "compile"):
        for name in whole:
            (tmp_path / name).unlink(missing_ok=True)
        with replayable(moment):
            status = interrupted(command, moment, tmp_path, number)
            assert status in (0, 128 + number, -number)
            made = files(tmp_path) - {"tmp"}
            assert made in (set(), set(whole)) and (made or status)
            assert all((tmp_path / name).read_bytes() == whole[name] for name in made)
