"""What the kernel keeps for a process goes along: files, directory, umask, handlers, masks, pending signals, alarm."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from popcorn_fixtures import (
    HERE,
    OTHERS,
    PATIENCE,
    THERE,
    Running,
    built,
    eventually,
    files,
    needs_emulator,
    popcorn,
    refused,
    restoring,
    started,
    succeeds,
)

pytestmark = needs_emulator

REPORT = """\
ready
in: offset 6, mode 0, cloexec 0, size 17
out: offset 4, mode 2, cloexec 1, size 10
add: offset 6, mode 1 append nonblock, cloexec 0, size 6
copy moves out to 6
next of in: ghij
rest of stream: bcdefghijklmnopdirectory: work, made 1
umask 027
handler 1 flags 11 masks TERM 1
SIGPIPE ignored 1
blocked USR2 1 RT3 1 USR1 0, pending USR2 1
USR2 delivered 1
alarm pending
"""


def holding(program_folder: Path, tmp_path: Path) -> tuple[list[object], Path]:
    """The command that takes hold of everything in the directory `work`."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "in").write_text("abcdefghijklmnop\n")
    (work / "add").write_text("old")
    return [built("state", program_folder), work], work


def check(output: str, work: Path) -> None:
    assert output == REPORT
    contents = {p.name: p.read_text() for p in work.iterdir()}
    assert contents == {"in": "abcdefghijklmnop\n", "add": "oldaddEND", "out": "012345AB89", "made": ""}
    assert (work / "made").stat().st_mode & 0o777 == 0o640


def test_unmoved(program_folder: Path, tmp_path: Path) -> None:
    """The control: the program says the same when nothing happens to it."""
    command, work = holding(program_folder, tmp_path)
    with started(command, tmp_path, wait_for="ready") as running:
        check(running.end(), work)


@pytest.mark.parametrize("way", [(THERE,), (*OTHERS, HERE)])
def test_moved(way: tuple[str, ...], program_folder: Path, tmp_path: Path) -> None:
    command, work = holding(program_folder, tmp_path)
    with started(command, tmp_path, wait_for="ready") as running:
        for isa in way:
            succeeds("migrate", running.pid, "--to", isa)
        check(running.end(), work)


@pytest.mark.parametrize("isa", [HERE, *OTHERS])
def test_saved_and_restored(isa: str, program_folder: Path, tmp_path: Path) -> None:
    command, work = holding(program_folder, tmp_path)
    with started(command, tmp_path, wait_for="ready") as running:
        succeeds("checkpoint", running.pid, "-o", tmp_path / "image")
        assert running.process.wait(PATIENCE) == -signal.SIGKILL
    # what it wrote behind its offset, and what it would have made, is its own to write again
    assert files(work) == {"in", "add", "out"}
    with restoring(tmp_path / "image", isa, tmp_path) as running:
        answers(running)
        output = running.end()
        check("ready\n" + output, work)


def answers(running: Running) -> None:
    """Until it is restored. What emulates it catches signals before that, but only a program at work can be saved."""
    save = ("checkpoint", running.pid, "-o", running.directory / "again", "--leave-running")
    eventually(lambda: popcorn(*save).status == 0, "a program that can be saved")


NO_FILE = r"can't open .*/work/in for descriptor \d+ again"
NO_DIRECTORY = "can't change to its current directory .*/work"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda work: (work / "in").unlink(), NO_FILE),
        (lambda work: (work / "in").rename(work / "in2"), NO_FILE),
        (lambda work: work.rename(work.parent / "other"), NO_DIRECTORY),
    ],
    ids=["removed", "renamed", "directory"],
)
def test_a_file_that_is_gone_is_named(
    change: Callable[[Path], object], message: str, program_folder: Path, tmp_path: Path
) -> None:
    command, work = holding(program_folder, tmp_path)
    with started(command, tmp_path, wait_for="ready") as running:
        succeeds("checkpoint", running.pid, "-o", tmp_path / "image")
    change(work)
    for isa in (HERE, *OTHERS):
        text = refused("restore", tmp_path / "image", "--on", isa, status=125)
        assert re.fullmatch(f"popcorn: can't restore: {message}: no such file or directory", text), text


def test_a_file_that_is_shorter_now_is_named(program_folder: Path, tmp_path: Path) -> None:
    """An offset behind the end would read nothing, or write a hole: somebody has changed the file."""
    command, work = holding(program_folder, tmp_path)
    with started(command, tmp_path, wait_for="ready") as running:
        succeeds("checkpoint", running.pid, "-o", tmp_path / "image")
    (work / "in").write_text("abc")
    text = refused("restore", tmp_path / "image", status=125)
    sizes = "has 3 bytes and had 17 when the image was made; put the file back"
    assert text == f"popcorn: can't restore: {work / 'in'} {sizes}"
