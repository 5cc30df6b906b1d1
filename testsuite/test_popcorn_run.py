"""popcorn run: exit statuses, signals, moves at given times, options."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import harness
import pytest
from popcorn_fixtures import (
    HERE,
    OTHERS,
    PATIENCE,
    THERE,
    built,
    children,
    eventually,
    needs_emulator,
    popcorn,
    refused,
    started,
)

pytestmark = needs_emulator


@pytest.mark.parametrize("isa", [HERE, *OTHERS])
def test_the_program_gets_its_arguments_and_gives_its_status(isa: str, program_folder: Path) -> None:
    program = built("speak", program_folder)
    outcome = popcorn("run", "--on", isa, program, "exit", "42", "--on", "-h", "a b")
    assert (outcome.status, outcome.stdout, outcome.stderr) == (42, "--on|-h|a b|\n", "")


@pytest.mark.parametrize("isa", [HERE, *OTHERS])
@pytest.mark.parametrize("moves", [(), ("--at", f"600s:{THERE}")], ids=["became", "parent"])
def test_a_signal_that_ends_the_program(isa: str, moves: tuple[str, ...], program_folder: Path) -> None:
    outcome = popcorn("run", "--on", isa, *moves, built("speak", program_folder), "signal", signal.SIGTERM.value)
    status = 128 + signal.SIGTERM if moves else -signal.SIGTERM
    assert (outcome.status, outcome.stdout, outcome.stderr) == (status, "", "")


def test_it_is_found_along_the_path(program_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "spoken").symlink_to(built("speak", program_folder))
    outcome = popcorn("run", "spoken", "exit", 3, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert outcome.status == 3


@pytest.mark.parametrize("units", ["0.4s:{}", "400ms:{}", "0.4:{}"])
def test_moves_at_given_times(units: str, program_folder: Path, tmp_path: Path) -> None:
    command = [*harness.popcorn(), "run", "--at", units.format(THERE), "--at", f"1.5s:{HERE}"]
    with started([*command, built("ticks", program_folder)], tmp_path, wait_for="tick") as parent:
        (child,) = children(parent.pid)
        exe = Path(f"/proc/{child}/exe")
        eventually(lambda: "qemu" in str(exe.readlink()), f"the program on {THERE}")
        eventually(lambda: "qemu" not in str(exe.readlink()), f"the program on {HERE}")
        parent.goes_on()
        assert parent.end(7).startswith("tick 1 128\n")  # SIGUSR1 is passed on to the program, and its status back
        assert not Path(f"/proc/{child}").exists()


def test_ctrl_c_is_the_programs_to_handle(program_folder: Path, tmp_path: Path) -> None:
    """As a terminal sends it, to popcorn and the program alike."""
    command = [*harness.popcorn(), "run", "--at", f"0.2s:{THERE}", "--at", f"600s:{HERE}"]
    with started([*command, built("ticks", program_folder)], tmp_path, wait_for="tick") as parent:
        (child,) = children(parent.pid)
        exe = Path(f"/proc/{child}/exe")
        eventually(lambda: "qemu" in str(exe.readlink()), f"the program on {THERE}")
        parent.goes_on()
        os.killpg(parent.pid, signal.SIGINT)
        assert parent.process.wait(PATIENCE) == 128 + signal.SIGINT
        assert parent.errors == ""
        assert not Path(f"/proc/{child}").exists()


def test_a_move_that_fails_is_a_warning(program_folder: Path, tmp_path: Path) -> None:
    command = [*harness.popcorn(), "run", "--at", f"0s:{THERE}", built("plumbing", program_folder), "clock"]
    with started(command, tmp_path, wait_for="byte") as parent:
        eventually(lambda: "warning" in parent.errors, "the warning")
        parent.goes_on()
        (child,) = children(parent.pid)
        words = f"process {child}: a timer of another thread's or process's processor time can't follow"
        assert parent.errors == f"popcorn: warning: not moved to {THERE}: {words}\n"
        parent.process.send_signal(signal.SIGUSR1)
        assert parent.process.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--on", "vax"], "Invalid value for '--on': unknown ISA 'vax'; known are x86_64, aarch64, riscv64"),
        (["--at", "5"], "Invalid value for '--at': '5' is not TIME:ISA, for example 1.5s:aarch64"),
        (["--at", "1h:aarch64"], "Invalid value for '--at': '1h:aarch64' is not TIME:ISA"),
        (["--at", "1:vax"], "Invalid value for '--at': unknown ISA 'vax'"),
        (["--at", f"{'9' * 400}s:{HERE}"], "is more than ten years"),
        (["--move-every", "0"], "Invalid value for '--move-every': 0 is not in the range"),
        (["--move-every", "9" * 19], "Invalid value for '--move-every': 9999999999999999999 is not in the range"),
        (["--rebuild-every", "-1"], "Invalid value for '--rebuild-every': -1 is not in the range"),
        (["--seed", "9" * 30], "Invalid value for '--seed': 999999999999999999999999999999 is not in the range"),
        (["--frobnicate"], "No such option"),
        ([], "Missing argument 'PROGRAM'"),
    ],
)
def test_options_that_make_no_sense(arguments: list[str], message: str) -> None:
    program = ["/bin/true"] if arguments else []
    assert message in refused("run", *arguments, *program, status=2)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("/nowhere", "cannot read '/nowhere': No such file or directory"),
        ("no-such-program", "no program 'no-such-program' here or in PATH"),
        ("/bin/sh", "/bin/sh: not a program that popcc linked (no section .popcorn.note)"),
        ("/etc/passwd", "/etc/passwd: not a program that popcc linked (not an ELF file)"),
        ("/etc", "'/etc' is a directory"),
    ],
)
@pytest.mark.parametrize("command", ["run", "sites", "extract"])
def test_what_is_no_program(command: str, program: str, message: str, tmp_path: Path) -> None:
    more = ["--isa", HERE, "-o", tmp_path / "x"] if command == "extract" else []
    assert refused(command, program, *more, cwd=tmp_path) == message
    assert not list(tmp_path.iterdir())


def test_a_program_that_may_not_be_executed(program_folder: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(built("ticks", program_folder).read_bytes())
    for moves in ((), ("--at", f"1s:{THERE}")):
        assert refused("run", *moves, program) == f"cannot start '{program}': Permission denied"


def test_a_missing_emulator_is_named_with_its_package(program_folder: Path, tmp_path: Path) -> None:
    program = built("ticks", program_folder)
    tools = {"PATH": str(tmp_path)}
    text = f"qemu-{THERE}-static is needed to run {THERE} programs here; install it: apt install qemu-user-static"
    assert refused("run", "--on", THERE, program, env=tools) == text
    with started([program], tmp_path, wait_for="tick 2") as running:
        assert refused("migrate", running.pid, "--to", THERE, env=tools) == text
        running.goes_on()
        done = popcorn("checkpoint", running.pid, "-o", tmp_path / "image", env=tools)
        assert done.status == 0
    assert refused("restore", tmp_path / "image", "--on", THERE, env=tools) == text


@pytest.mark.parametrize("command", [["ps", "--json"], ["ps"], ["--help"], ["sites", "PROGRAM"]])
def test_output_that_cannot_be_written(command: list[str], program_folder: Path, tmp_path: Path) -> None:
    program = built("ticks", program_folder)
    shell = " ".join([*harness.popcorn(), *command]).replace("PROGRAM", str(program))
    with started([program], tmp_path, wait_for="tick"):  # so that `ps` has something to say
        full = subprocess.run(["sh", "-c", f"{shell} >/dev/full"], capture_output=True, text=True, timeout=60)
        gone = subprocess.run(["sh", "-c", f"{shell} | :"], capture_output=True, text=True, timeout=60)
    assert full.returncode == 1
    assert full.stderr == "popcorn: error: cannot write to standard output: No space left on device\n"
    assert gone.stderr == ""
