"""System calls and what the C library makes of them: every ISA answers as the host's own compiler's program does.

Each file of testsuite/syscalls prints a table of expressions with values and errno: numbers, flags, structures, what
bad arguments are told. The reference is the file built by gcc against the host's C library. A thread that goes from
node to node of a machine is told the same.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import harness
import pytest
from popcorn_fixtures import needs_emulator
from roaming import THREE, Roamed, mode, roamed

from popcc.runtime.popcorn.hosts import runner_for

FOLDER = Path(__file__).resolve().parent / "syscalls"
SOURCES = sorted(FOLDER.glob("*.c"))
FLAGS = ("-D_GNU_SOURCE", "-pthread", "-w")
MOVE_EVERY = "25"  # migration points; each check has one at least
TIMEOUT = 60.0

# What emulators answer otherwise, by the file and the beginning of the line, and why.
EMULATED = {
    ("events", "epoll_create1(3)"): "qemu 7.2 lets unknown flags pass",
    ("transfer", "pipe2(q, 0x8)"): "likewise",
    ("transfer", "preadv2("): "qemu 7.2 has no preadv2",
    ("transfer", "pwritev2("): "nor pwritev2",
    ("memory", "madvise(p + 4 * PAGE, PAGE, 999)"): "qemu 7.2 takes advice that it does not know",
    ("system", "prctl(PR_SET_CHILD_SUBREAPER"): "qemu 7.2 knows no subreapers",
    ("system", "prctl(PR_GET_CHILD_SUBREAPER"): "likewise",
}

# Why a program can't move everywhere, by the file; it goes on unharmed, which its answers show.
REFUSED = {"waiting": "a real-time signal that waits for thread"}

# Memory that others write to without the origin's knowledge is refused while a process is on several nodes.
AT_ONE_NODE = "shared"


def modes() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Those of the programs, without rebuilding under emulation, which moves do as well."""
    for m in harness.MODES:
        if not m.name.endswith("-rebuilt") or runner_for(m.name.removesuffix("-rebuilt")) == "":
            yield m.name, tuple({"REBUILD": "1", "MOVE": MOVE_EVERY}.get(o, o) for o in m.options)


def answers(command: list[str], folder: Path, refused: str = "", env: Mapping[str, str] | None = None) -> list[str]:
    """What a program prints, in an empty folder of its own; what matches `refused` is all that popcorn may say."""
    folder.mkdir()
    outcome = harness.run(command, TIMEOUT, cwd=folder, env=env)
    said = [line for line in outcome.stderr.splitlines() if not refused or not re.search(refused, line)]
    assert (outcome.status, said) == (0, []), outcome
    return outcome.stdout.splitlines()


def reference(source: Path, folder: Path) -> list[str]:
    """What the host's own compiler's program is told."""
    program = folder / "reference"
    subprocess.run(["gcc", "-O1", *FLAGS, source, "-o", program, "-lm", "-lrt"], check=True)
    return answers([str(program)], folder / "native")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roamed]:
    """A node of each ISA."""
    with roamed(tmp_path_factory.mktemp("3"), THREE) as made:
        yield made


@needs_emulator
@pytest.mark.parametrize("source", [s for s in SOURCES if s.stem != AT_ONE_NODE], ids=lambda p: p.stem)
def test_elsewhere(source: Path, three: Roamed, program_folder: Path, tmp_path: Path) -> None:
    """The origin answers, natively, whatever node the thread that asks is on."""
    expected = reference(source, tmp_path)
    program = harness.compiled(source, FLAGS, program_folder)
    before = three.replicas(program)
    chosen = mode()
    command = [*harness.popcorn(), "run", *(o.replace("ROAM", MOVE_EVERY) for o in chosen.options), str(program)]
    got = answers(command, tmp_path / "roaming", chosen.may_say, three.made.env)
    different = [f"{b}    instead of    {a}" for a, b in zip(expected, got, strict=False) if a != b]
    assert not different and len(got) == len(expected), "\n".join([" ".join(command), *different, *got[-1:]])
    assert set(three.replicas(program) - before) == three.others, "it was not everywhere; make MOVE_EVERY smaller"


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_system_calls(source: Path, program_folder: Path, tmp_path: Path) -> None:
    """All modes in one test, since one reference serves them; what differs is told of all of them."""
    expected = reference(source, tmp_path)
    program = harness.compiled(source, FLAGS, program_folder)
    found = []
    for name, options in modes():
        with harness.counted_runners() as runners:
            command = ["env", f"PATH={runners.environment['PATH']}", *harness.popcorn(), "run", *options, str(program)]
            got = answers(command, tmp_path / name, REFUSED.get(source.stem, "") if name == "moved" else "")
            emulated = runners.count()
        limits = [text for (file, text) in EMULATED if emulated and file == source.stem]
        left, right = ([x for x in lines if not x.startswith(tuple(limits))] for lines in (expected, got))
        found += [f"{name}: {b}    instead of    {a}" for a, b in zip(left, right, strict=False) if a != b]
        if len(left) != len(right):
            found.append(f"{name}: {len(right)} lines instead of {len(left)}")
        assert name != "moved" or emulated, "it did not move: make MOVE_EVERY smaller"
    assert not found, "\n".join(found)
