"""checkpoint, restore and inspect on real programs, on every ISA."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import harness
import pytest
from popcorn_fixtures import (
    HERE,
    OTHERS,
    PATIENCE,
    THERE,
    Running,
    built,
    copied,
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


def test_a_program_ends_when_it_is_saved_and_goes_on_on_every_isa(program_folder: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    with started([built("ticks", program_folder), 5], tmp_path, wait_for="tick 3") as running:
        assert succeeds("checkpoint", running.pid, "-o", image) == ""
        assert running.process.wait(PATIENCE) == -signal.SIGKILL
        saved = running.output
        assert running.errors == ""
    assert files(tmp_path) == {"image", "out.txt", "err.txt"}
    assert image.stat().st_mode & 0o777 == 0o600
    for isa in (HERE, *OTHERS):
        (tmp_path / "out.txt").write_text(saved)
        with started([*harness.popcorn(), "restore", image, "--on", isa], tmp_path) as running:
            running.goes_on()
            assert running.isa == isa
            lines = running.end(7).splitlines()
        assert lines == [f"tick {n} 32" for n in range(1, len(lines) + 1)]
        assert len(lines) > len(saved.splitlines())


def test_a_program_may_go_on_and_be_saved_again(program_folder: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    with started([built("ticks", program_folder)], tmp_path, wait_for="tick 3") as running:
        succeeds("checkpoint", running.pid, "-o", image, "--leave-running")
        first = image.read_bytes()
        running.goes_on()
        succeeds("migrate", running.pid, "--to", THERE)
        succeeds("checkpoint", running.pid, "-o", image, "--leave-running")
        assert image.read_bytes() != first
        running.goes_on()
        running.end(7)
    assert files(tmp_path) == {"image", "out.txt", "err.txt"}


def test_many_threads_are_saved_together(program_folder: Path, tmp_path: Path) -> None:
    with started([built("team", program_folder)], tmp_path, wait_for="round") as running:
        succeeds("checkpoint", running.pid, "-o", tmp_path / "image")
        running.process.wait(PATIENCE)
    for isa in (*OTHERS, HERE):
        with restoring(tmp_path / "image", isa, tmp_path) as running:
            running.goes_on()
            succeeds("migrate", running.pid, "--to", THERE if isa == HERE else HERE)
            running.goes_on()
            assert running.end().endswith("\nsums agree, thread-locals agree\n")


def test_timers_go_on_in_a_restored_program(program_folder: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    with started([built("clockwork", program_folder)], tmp_path, wait_for="thread 3") as running:
        succeeds("migrate", running.pid, "--to", THERE)
        for what in ("handler", "thread"):
            goes_on(running, what)
        succeeds("checkpoint", running.pid, "-o", image, "--leave-running")
        for what in ("handler", "thread"):
            goes_on(running, what)
        running.end(7)
    inspected = json.loads(succeeds("inspect", image, "--json"))
    assert [t["interval"] for t in inspected["posix_timers"]] == [0.02, 0.03, 3600]
    assert {t["name"] for t in inspected["threads"]} == {built("clockwork", program_folder).name[:15]}
    for isa in (HERE, *OTHERS):
        with restoring(image, isa, tmp_path) as running:
            for what in ("handler", "thread"):
                goes_on(running, what)
            running.end(7)


def goes_on(running: Running, what: str) -> None:
    """It says more of something than it has by now."""
    before = running.output.count(what)
    eventually(lambda: running.output.count(what) > before + 2 or running.ended, what)
    assert not running.ended, running.errors


def test_a_restored_program_knows_its_old_pid_and_answers_under_the_new(program_folder: Path, tmp_path: Path) -> None:
    with started([built("ticks", program_folder)], tmp_path, wait_for="tick 3") as running:
        old = running.pid
        succeeds("checkpoint", old, "-o", tmp_path / "image")
    with restoring(tmp_path / "image", HERE, tmp_path) as running:
        running.goes_on()
        succeeds("checkpoint", running.pid, "-o", tmp_path / "again")
        assert json.loads(succeeds("inspect", tmp_path / "again", "--json"))["pid"] == old
        assert running.process.wait(PATIENCE) == -signal.SIGKILL


def test_standard_streams_that_are_pipes_are_given_anew(program_folder: Path, tmp_path: Path) -> None:
    program = built("ticks", program_folder)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with started(["sh", "-c", f"exec {program} >{fifo} 2>&1"], tmp_path) as running, fifo.open() as reader:
        assert reader.readline() == "tick 1 128\n"
        succeeds("checkpoint", running.pid, "-o", tmp_path / "image")
        shown = json.loads(succeeds("inspect", tmp_path / "image", "--json"))
    kinds = {f["fd"]: f["kind"] for f in shown["files"]}
    assert kinds == {0: "standard", 1: "standard", 2: "duplicate"}
    with restoring(tmp_path / "image", THERE, tmp_path) as running:
        running.wait_for("tick")
        running.end(7)


def test_inspect_names_frames_values_and_files(program_folder: Path, tmp_path: Path) -> None:
    program = built("ticks", program_folder)
    with started([program, 4], tmp_path, wait_for="tick 3") as running:
        succeeds("checkpoint", running.pid, "-o", tmp_path / "image", "--leave-running")
        live = json.loads(succeeds("inspect", running.pid, "--json"))
        running.goes_on()
        running.end(7)
    saved = json.loads(succeeds("inspect", tmp_path / "image", "--json"))
    for shown in (live, saved):
        assert (shown["program"], shown["isa"], shown["cwd"]) == (str(program), HERE, str(tmp_path))
        (thread,) = shown["threads"]
        own = [f for f in thread["frames"] if f["file"].endswith("ticks.c")]
        assert [f["function"] for f in own[:5]] == ["deeper"] * 5
        lines = (Path(__file__).parent / "commands" / "ticks.c").read_text().splitlines()
        assert "deeper(depth - 1" in lines[own[1]["line"] - 1]
        assert {"SIGUSR1"} <= shown["handlers"].keys()
        assert [f["path"] for f in shown["files"] if f["fd"] == 1] == [str(tmp_path / "out.txt")]
    assert saved["memory_bytes"] > 0
    scales = [v["value"] for f in saved["threads"][0]["frames"] for v in f["values"] if v["type"] == "double"]
    assert "64.0" in scales
    text = succeeds("inspect", tmp_path / "image")
    assert f"program   {program}" in text
    assert "deeper at " in text and "ticks.c:" in text and "scale = 64.0" in text


def test_inspect_works_without_the_program(program_folder: Path, tmp_path: Path) -> None:
    program = copied("ticks", program_folder, tmp_path / "mine")
    with started([program], tmp_path, wait_for="tick 3") as running:
        succeeds("checkpoint", running.pid, "-o", tmp_path / "image")
    program.rename(tmp_path / "elsewhere")
    outcome = popcorn("inspect", tmp_path / "image")
    assert outcome.status == 0
    assert outcome.stderr.startswith(
        f"popcorn: warning: without names: {tmp_path / 'image'} needs its program: cannot read"
    )
    assert "site " in outcome.stdout
    assert "deeper" in succeeds("inspect", tmp_path / "image", "--program", tmp_path / "elsewhere")
    text = refused("restore", tmp_path / "image")
    assert text.startswith(f"{tmp_path / 'image'} needs its program: cannot read '{program}'")
    assert text.endswith("give its place with --program")
    with restoring(tmp_path / "image", HERE, tmp_path, "--program", tmp_path / "elsewhere") as running:
        running.goes_on()
        assert running.isa == HERE
        succeeds("migrate", running.pid, "--to", THERE)
        running.end(7)


@pytest.mark.parametrize("isa", [HERE, *OTHERS])
def test_sites_and_extract(isa: str, program_folder: Path, tmp_path: Path) -> None:
    program = built("ticks", program_folder)
    rows = [row.split("\t") for row in succeeds("sites", program).splitlines()]
    (deeper,) = (row for row in rows if row[0] == "deeper")
    assert deeper[1].endswith("ticks.c") and deeper[2] in ("register", "memory") and int(deeper[3]) >= 3
    shown = json.loads(succeeds("sites", program, "--json"))
    assert set(shown["isas"]) == {HERE, *OTHERS}
    assert shown["sites"] == sum(f["sites"] for f in shown["functions"])
    alone = tmp_path / "alone"
    assert succeeds("extract", program, "--isa", isa, "-o", alone) == ""
    with started([*harness.popcorn(), "run", "--on", isa, alone], tmp_path, wait_for="tick 3") as running:
        running.end(7)
    other = THERE if isa == HERE else HERE
    assert refused("run", "--on", other, alone) == f"{alone}: has no executable for {other}, only for {isa}"
    assert refused("sites", alone) == f"{alone}: is the executable of {isa} alone; give the file that popcc linked"
