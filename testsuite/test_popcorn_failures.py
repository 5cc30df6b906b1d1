"""Disks fill up, processes die, users differ: one message, nothing left, the program goes on or is cleanly gone."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import harness
import pytest
from popcorn_fixtures import (
    HERE,
    OTHERS,
    PATIENCE,
    THERE,
    built,
    eventually,
    files,
    needs_emulator,
    popcorn,
    refused,
    started,
    succeeds,
)

from popcc.errors import PopccError
from popcc.runtime.popcorn import actions, request

pytestmark = needs_emulator
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
NOBODY = 65534


@pytest.mark.parametrize("command", ["migrate", "checkpoint", "inspect"])
@pytest.mark.parametrize(
    ("pid", "message"),
    [
        ("DEAD", r"no process \d+"),
        ("4194999", "no process 4194999"),  # larger than any pid
        ("9" * 25, "no process 9+"),
        ("OTHER", r"process \d+ does not run a program that popcc linked"),
    ],
)
def test_no_such_process(command: str, pid: str, message: str, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as other:
        dead = subprocess.Popen(["true"])
        dead.wait()
        words = {"DEAD": str(dead.pid), "OTHER": str(other.pid)}
        more = {"migrate": ["--to", THERE], "checkpoint": ["-o", str(tmp_path / "image")]}.get(command, [])
        text = refused(command, words.get(pid, pid), *more, cwd=tmp_path)
        assert re.fullmatch(message, text), text
        assert other.poll() is None
        other.kill()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("pid", ["0", "-1", "many", "1.5"])
def test_what_is_no_pid(pid: str) -> None:
    assert "Invalid value for 'PID[/TID]'" in refused("migrate", "--to", HERE, "--", pid, status=2)
    assert "Invalid value for 'PID'" in refused("checkpoint", "-o", "image", "--", pid, status=2)


def test_a_zombie(program_folder: Path, tmp_path: Path) -> None:
    with subprocess.Popen([built("speak", program_folder), "exit", "0"], stdout=subprocess.DEVNULL) as process:
        status = Path(f"/proc/{process.pid}/status")
        eventually(lambda: "State:\tZ" in status.read_text(), "its end")
        text = refused("migrate", process.pid, "--to", THERE)
        assert text in (f"no process {process.pid}", f"process {process.pid} does not run a program that popcc linked")


@pytest.mark.parametrize("leave", [(), ("--leave-running",)], ids=["end", "leave"])
def test_a_full_disk(leave: tuple[str, ...], small_disk: Path, program_folder: Path, tmp_path: Path) -> None:
    with started([built("memory", program_folder)], tmp_path, wait_for="beat 2") as running:
        for isa in (*OTHERS, HERE):
            text = refused("checkpoint", running.pid, "-o", small_disk / "image", *leave)
            assert text == f"process {running.pid}: can't write the image: no space left on device"
            assert not list(small_disk.iterdir())
            running.goes_on()
            succeeds("migrate", running.pid, "--to", isa)
        running.end()


def test_a_file_size_limit_of_the_program(program_folder: Path, tmp_path: Path) -> None:
    """The program writes the image itself, so its RLIMIT_FSIZE counts; SIGXFSZ must not end it."""
    with started(["sh", "-c", f"ulimit -f 64; exec {built('memory', program_folder)}"], tmp_path) as running:
        running.wait_for("beat 2")
        text = refused("checkpoint", running.pid, "-o", tmp_path / "image")
        assert text == f"process {running.pid}: can't write the image: file too large"
        assert files(tmp_path) == {"out.txt", "err.txt"}
        running.goes_on()
        running.end()


@pytest.fixture
def unprivileged(tmp_path: Path) -> list[str]:
    """How to run a command as nobody, who may search the temporary directories."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv")
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if subprocess.run([*user, sys.executable, "-c", "import popcc.runtime.popcorn.cli"], cwd="/").returncode:
        pytest.skip("nobody can't run this Python")
    return user


@needs_root
def test_another_users_process(unprivileged: list[str], program_folder: Path, tmp_path: Path) -> None:
    with started([built("ticks", program_folder)], tmp_path, wait_for="tick 2") as running:
        commands = (["migrate", str(running.pid), "--to", THERE], ["checkpoint", str(running.pid), "-o", "/tmp/image"])
        for command in (*commands, ["inspect", str(running.pid)]):
            tried = harness.run([*unprivileged, *harness.popcorn(), *command], PATIENCE)
            message = f"process {running.pid} belongs to root; run popcorn as that user or as root"
            assert (tried.status, tried.stderr) == (1, f"popcorn: error: {message}\n")
        running.goes_on()
        running.end(7)
    assert not Path("/tmp/image").exists()


@needs_root
def test_root_may_move_another_users_process(unprivileged: list[str], program_folder: Path, tmp_path: Path) -> None:
    program = tmp_path / "ticks"
    shutil.copy(built("ticks", program_folder), program)
    with started([*unprivileged, program], tmp_path, wait_for="tick 2") as running:
        succeeds("migrate", running.pid, "--to", THERE)
        assert running.isa == THERE
        running.goes_on()
        succeeds("checkpoint", running.pid, "-o", tmp_path / "image", "--leave-running")
        running.end(7)


@needs_root
def test_a_directory_that_may_not_be_written(unprivileged: list[str], program_folder: Path, tmp_path: Path) -> None:
    program, place = tmp_path / "ticks", tmp_path / "place"
    shutil.copy(built("ticks", program_folder), program)
    place.mkdir()
    with started([*unprivileged, program], tmp_path, wait_for="tick 2") as running:
        command = [*unprivileged, *harness.popcorn(), "checkpoint", str(running.pid), "-o", str(place / "image")]
        tried = harness.run(command, PATIENCE)
        assert (tried.status, tried.stderr) == (1, f"popcorn: error: cannot write '{place}/image': Permission denied\n")
        running.goes_on()
        running.end(7)


@pytest.mark.parametrize("command", ["migrate", "checkpoint"])
def test_a_program_that_is_killed_meanwhile(command: str, program_folder: Path, tmp_path: Path) -> None:
    with started([built("ticks", program_folder)], tmp_path, wait_for="tick 2") as running:
        running.process.send_signal(signal.SIGSTOP)  # so that it can't answer before it is killed
        status = Path(f"/proc/{running.pid}/status")
        eventually(lambda: "State:\tT" in status.read_text(), "its stop")
        more = {"migrate": ["--to", THERE], "checkpoint": ["-o", str(tmp_path / "image")]}[command]
        code = "from popcc.runtime.popcorn import cli, request; request.is_stopped = lambda pid: False; cli.main()"
        words = [sys.executable, "-c", code, command, str(running.pid), *more]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as asking:
            waiting = f"popcorn-{running.pid}-{asking.pid}"
            eventually(lambda: waiting in Path("/proc/net/unix").read_text(), "the request")
            running.process.kill()
            assert asking.wait(PATIENCE) == 1
            assert asking.stderr
            assert asking.stderr.read() == f"popcorn: error: process {running.pid} ended before it could answer\n"
    assert files(tmp_path) == {"out.txt", "err.txt"}


def test_a_program_that_never_answers(
    program_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(request, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(request, "is_stopped", lambda pid: False)
    with started([built("ticks", program_folder)], tmp_path, wait_for="tick 2") as running:
        running.process.send_signal(signal.SIGSTOP)
        with pytest.raises(PopccError, match=rf"^process {running.pid} did not answer within 0 s: it computes without"):
            actions.migrate(running.pid, THERE)
        running.process.send_signal(signal.SIGCONT)
        running.goes_on()
        succeeds("migrate", running.pid, "--to", THERE)
        running.end(7)


def test_two_requests_at_once(program_folder: Path, tmp_path: Path) -> None:
    """One is served first, the other then, or refused in so many words; the program survives either way."""
    with started([built("memory", program_folder)], tmp_path, wait_for="beat 2") as running:
        words = [*harness.popcorn(), "checkpoint", str(running.pid), "--leave-running", "-o"]
        both = [
            subprocess.Popen([*words, str(tmp_path / n)], stderr=subprocess.PIPE, text=True) for n in ("one", "two")
        ]
        for name, asking in zip(("one", "two"), both, strict=True):
            _, text = asking.communicate(timeout=PATIENCE)
            assert (asking.returncode, text) == (0, "")
            assert popcorn("inspect", tmp_path / name).status == 0
        running.goes_on()
        running.end()
