"""migrate and ps on real programs: where they run, that they go on, and what they keep."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import harness
import pytest
from popcorn_fixtures import (
    HERE,
    OTHERS,
    THERE,
    built,
    copied,
    eventually,
    needs_emulator,
    refused,
    started,
    succeeds,
)

from popcc.isa import ISAS
from popcc.runtime.popcorn import processes
from popcc.runtime.popcorn.actions import migrate, snapshot
from popcc.runtime.popcorn.hosts import runner_for

pytestmark = needs_emulator


def test_a_program_started_without_popcorn_moves_there_and_back(program_folder: Path, tmp_path: Path) -> None:
    program = built("ticks", program_folder)
    with started([program, 20], tmp_path, wait_for="tick 3") as running:
        assert running.isa == HERE
        for isa in (*OTHERS, HERE):
            assert succeeds("migrate", running.pid, "--to", isa) == ""
            assert running.isa == isa
            running.goes_on()
        assert refused("migrate", running.pid, "--to", HERE) == f"process {running.pid} runs on {HERE} already"
        lines = running.end(7).splitlines()
    assert lines == [f"tick {n} {1024 / 2**20:g}" for n in range(1, len(lines) + 1)]


def test_it_keeps_its_name_parent_and_place(program_folder: Path, tmp_path: Path) -> None:
    program = built("ticks", program_folder)
    with started([program, 1], tmp_path, wait_for="tick 2") as running:
        proc = Path("/proc") / str(running.pid)
        before = (proc / "comm").read_text()
        succeeds("migrate", running.pid, "--to", THERE)
        (shown,) = (p for p in json.loads(succeeds("ps", "--json")) if p["pid"] == running.pid)
        assert shown == {
            "pid": running.pid, "user": "root" if os.geteuid() == 0 else shown["user"], "isa": THERE, "emulated": True,
            "machine": None, "node": None, "command": f"{program} 1", "program": str(program),
        }  # fmt: skip
        assert (proc / "comm").read_text() == before
        assert (proc / "cwd").readlink() == tmp_path
        assert re.search(rf"^PPid:\t{os.getpid()}$", (proc / "status").read_text(), re.M)
        rows = [row.split("\t") for row in succeeds("ps").splitlines()]
        assert [str(running.pid), shown["user"], THERE, "emulated", "-", f"{program} 1"] in rows
        running.end(7)


@pytest.mark.parametrize("name", ["ticks", "team"])
def test_moves_that_follow_at_once(name: str, program_folder: Path, tmp_path: Path) -> None:
    """The first as soon as the program exists, each next one while the program is still on its way out of the last."""
    with started([built(name, program_folder)], tmp_path) as running:
        for isa in (*OTHERS, HERE) * 6:
            migrate(running.pid, isa)
        running.goes_on()


def test_a_program_whose_emulator_is_only_starting_is_found(
    program_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits here until it was looked at once."""
    emulator = tmp_path / ISAS[THERE].qemu
    emulator.write_text(f"""#!/bin/sh
touch {tmp_path}/starts
until [ -e {tmp_path}/looked ]; do sleep 0.02; done
exec {runner_for(THERE)} "$@"
""")
    emulator.chmod(0o755)
    examine = processes._examine

    def looked(proc: Path, uid: int) -> processes.Process | None:
        found = examine(proc, uid)
        (tmp_path / "looked").touch()
        return found

    command = [*harness.popcorn(), "run", "--on", THERE, built("ticks", program_folder)]
    with started(command, tmp_path, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}) as running:
        eventually((tmp_path / "starts").exists, "the emulator's start")
        monkeypatch.setattr(processes, "_examine", looked)
        assert processes.find_process(running.pid).isa == THERE
        running.wait_for("tick")
        running.end(7)


def test_a_program_that_moved_since_it_was_found_is_asked(program_folder: Path, tmp_path: Path) -> None:
    """Emulators give the request's signal another number."""
    with started([built("ticks", program_folder)], tmp_path, wait_for="tick 2") as running:
        found = processes.find_process(running.pid)
        migrate(running.pid, THERE)
        assert snapshot(found).threads
        running.end(7)


def test_many_threads_move_together(program_folder: Path, tmp_path: Path) -> None:
    with started([built("team", program_folder)], tmp_path, wait_for="round") as running:
        for isa in (*OTHERS, HERE):
            succeeds("migrate", running.pid, "--to", isa)
            running.goes_on()
            assert len(list(Path(f"/proc/{running.pid}/task").iterdir())) >= 5
        assert running.end().endswith("\nsums agree, thread-locals agree\n")


def test_pipes_and_sockets_stay_open(program_folder: Path, tmp_path: Path) -> None:
    with started([built("plumbing", program_folder)], tmp_path, wait_for="byte 2") as running:
        succeeds("migrate", running.pid, "--to", THERE)
        running.goes_on()
        running.end()


def test_the_program_file_may_be_elsewhere(program_folder: Path, tmp_path: Path) -> None:
    """A build directory that was renamed while the program runs."""
    (tmp_path / "old").mkdir()
    program = copied("ticks", program_folder, tmp_path / "old" / "ticks")
    with started([program], tmp_path, wait_for="tick 2") as running:
        program.rename(tmp_path / "moved")
        program.write_text("something else")
        # the kernel knows the file by its new name
        succeeds("migrate", running.pid, "--to", THERE)
        (tmp_path / "moved").rename(tmp_path / "again")
        text = refused("migrate", running.pid, "--to", HERE)
        assert (
            text
            == f"cannot read '{tmp_path / 'moved'}': No such file or directory; give the program's file with --program"
        )
        assert "not a program that popcc linked" in refused("migrate", running.pid, "--to", HERE, "--program", program)
        succeeds("migrate", running.pid, "--to", HERE, "--program", tmp_path / "again")
        running.goes_on()
        running.end(7)


@pytest.mark.parametrize("what", ["clock", "shared"])
def test_what_cannot_follow_a_move_is_named(what: str, program_folder: Path, tmp_path: Path) -> None:
    with started([built("plumbing", program_folder), what], tmp_path, wait_for="byte 2") as running:
        text = refused("migrate", running.pid, "--to", THERE)
        named = r"(a timer of another thread's or process's processor time|memory shared with other processes at 0x\w+)"
        assert re.fullmatch(rf"process {running.pid}: {named} can't follow", text)
        running.goes_on()
        running.end()


def test_a_stopped_program_moves_when_it_is_continued(program_folder: Path, tmp_path: Path) -> None:
    """A request that nobody answers leaves a program that works as before."""
    with started([built("ticks", program_folder)], tmp_path, wait_for="tick 2") as running:
        running.process.send_signal(signal.SIGSTOP)
        text = refused("migrate", running.pid, "--to", THERE)
        assert text == f"process {running.pid} is stopped; let it go on first: kill -CONT {running.pid}"
        running.process.send_signal(signal.SIGCONT)
        running.goes_on()
        succeeds("migrate", running.pid, "--to", THERE)
        running.end(7)
