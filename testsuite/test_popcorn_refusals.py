"""What can't follow into a checkpoint file is named, nothing is left behind, and the program goes on unharmed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import harness
import pytest
from popcorn_fixtures import (
    HERE,
    OTHERS,
    THERE,
    Running,
    built,
    copied,
    files,
    needs_emulator,
    refused,
    started,
    succeeds,
)

pytestmark = needs_emulator


def unharmed(running: Running) -> None:
    """Nothing is left in its directory, it goes on, and can be moved still."""
    assert files(running.directory) <= {"out.txt", "err.txt", "image"}
    running.goes_on()


@pytest.mark.parametrize(
    ("what", "named"),
    [
        ("pipe", r"open files that can't follow into an image: 3: a pipe \(pipe:\[\d+\]\); 4: a pipe \(.*\); "
                 r"5: a socket \(socket:\[\d+\]\); 6: a socket \(.*\); `popcorn migrate` keeps them open"),
        ("unlinked", r"open files that can't follow into an image: 3: a deleted or replaced file "
                     r"\(.*/gone \(deleted\)\); `popcorn migrate` keeps them open"),
        ("clock", "a timer of another thread's or process's processor time can't follow"),
        ("shared", r"memory shared with other processes at 0x\w+ can't follow"),
    ],
    ids=["pipe", "unlinked", "clock", "shared"],
)  # fmt: skip
def test_what_cannot_follow_is_named(what: str, named: str, program_folder: Path, tmp_path: Path) -> None:
    with started([built("plumbing", program_folder), what], tmp_path, wait_for="byte 2") as running:
        for options in ((), ("--leave-running",)):
            text = refused("checkpoint", running.pid, "-o", tmp_path / "image", *options)
            assert re.fullmatch(f"process {running.pid}: {named}", text), text
            unharmed(running)
            assert not (tmp_path / "image").exists()
        running.end()


def test_an_image_that_is_there_survives_a_refusal(program_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "image").write_text("old")
    with started([built("plumbing", program_folder)], tmp_path, wait_for="byte 2") as running:
        refused("checkpoint", running.pid, "-o", tmp_path / "image")
        assert (tmp_path / "image").read_text() == "old"
        running.end()


def test_it_is_named_on_the_other_isa_too(program_folder: Path, tmp_path: Path) -> None:
    with started([built("plumbing", program_folder)], tmp_path, wait_for="byte 2") as running:
        succeeds("migrate", running.pid, "--to", THERE)
        assert "3: a pipe (pipe:[" in refused("checkpoint", running.pid, "-o", tmp_path / "image")
        unharmed(running)
        running.end()


def test_inspection_is_possible_all_the_same(program_folder: Path, tmp_path: Path) -> None:
    with started([built("plumbing", program_folder)], tmp_path, wait_for="byte 2") as running:
        assert "file      3: stays pipe:[" in succeeds("inspect", running.pid)
        unharmed(running)
        running.end()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("nowhere/image", "No such file or directory"),
        ("out.txt/image", "Not a directory"),
        ("/proc/image", "No such file or directory"),
    ],
)
def test_a_target_that_cannot_be_written(where: str, message: str, program_folder: Path, tmp_path: Path) -> None:
    with started([built("ticks", program_folder)], tmp_path, wait_for="tick 2") as running:
        target = tmp_path / where
        assert refused("checkpoint", running.pid, "-o", target) == f"cannot write '{target}': {message}"
        assert refused("checkpoint", running.pid, "-o", tmp_path) == f"'{tmp_path}' is a directory"
        unharmed(running)
        running.end(7)


def test_an_image_of_another_build(program_folder: Path, tmp_path: Path) -> None:
    program = copied("ticks", program_folder, tmp_path / "program")
    with started([program], tmp_path, wait_for="tick 2") as running:
        succeeds("checkpoint", running.pid, "-o", tmp_path / "image")
    program.write_bytes(built("team", program_folder).read_bytes())
    for isa in (HERE, *OTHERS):
        text = refused("restore", tmp_path / "image", "--on", isa)
        builds = r"\(image \w{12}, program \w{12}\)"
        assert re.fullmatch(rf"{tmp_path}/image: the image was made by another build of '{program}' {builds}", text)


def test_a_program_that_was_built_again_cannot_be_moved_and_goes_on(program_folder: Path, tmp_path: Path) -> None:
    program, other = copied("ticks", program_folder, tmp_path / "program"), built("team", program_folder)
    with started([program], tmp_path, wait_for="tick 2") as running:
        program.unlink()
        program.write_bytes(other.read_bytes())
        for more in ((), ("--program", other)):
            text = refused("migrate", running.pid, "--to", THERE, *more)
            path = other if more else program
            assert text == f"process {running.pid}: {path} has been built again since the program started"
        running.goes_on()
        running.end(7)


@pytest.mark.parametrize("where", [0.02, 0.3, 0.9])
def test_damaged_images(where: float, program_folder: Path, tmp_path: Path) -> None:
    """One byte altered, or the end cut off; test_image.py tries hundreds of places."""
    image, damaged = tmp_path / "image", tmp_path / "damaged"
    with started([built("ticks", program_folder)], tmp_path, wait_for="tick 2") as running:
        succeeds("checkpoint", running.pid, "-o", image)
    data = bytearray(image.read_bytes())
    damaged.write_bytes(data[: int(len(data) * where)])
    for command in ("restore", "inspect"):
        assert re.fullmatch(rf"{damaged}: the image is damaged \(.*\)", refused(command, damaged))
    data[int(len(data) * where)] ^= 1
    damaged.write_bytes(data)
    for command in ("restore", "inspect"):
        assert re.fullmatch(rf"{damaged}: the image is damaged \(.*\)", refused(command, damaged))
    damaged.write_bytes(b"")
    assert refused("restore", damaged) == f"{damaged}: not an image made by popcorn"


def test_a_closed_standard_stream_at_restore(program_folder: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with started(["sh", "-c", f"exec {built('ticks', program_folder)} >{fifo}"], tmp_path) as running, fifo.open() as r:
        r.readline()
        succeeds("checkpoint", running.pid, "-o", tmp_path / "image")
    closed = subprocess.run(
        ["sh", "-c", f"exec {harness.popcorn()[0]} restore {tmp_path / 'image'} >&-"], capture_output=True, timeout=60
    )
    assert closed.returncode == 125
    message = b"popcorn: can't restore: standard stream 1 is closed here; the program had it open\n"
    assert closed.stderr == message


def test_a_program_in_a_signal_handler_says_so(program_folder: Path, tmp_path: Path) -> None:
    """It can't be stopped there; the request is given up after a while, and another one may work."""
    with started([built("handler", program_folder)], tmp_path, wait_for="idle") as running:
        running.process.send_signal(signal.SIGUSR2)
        running.wait_for("handling")
        text = refused("migrate", running.pid, "--to", THERE)
        where = f"could not stop thread {running.pid}: it is in a signal handler; try again"
        assert text == f"process {running.pid}: {where}"
        running.process.send_signal(signal.SIGUSR1)
        running.wait_for("left")
        succeeds("migrate", running.pid, "--to", THERE)
        running.goes_on()
