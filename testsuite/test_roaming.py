"""Threads of one process on nodes of several ISAs, moving at random: each program does what it does on one node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import harness
import pytest
from popcorn_fixtures import built, needs_emulator, succeeds
from real import builds, runs
from roaming import FIVE, THREE, Roamed, mode, roamed

pytestmark = needs_emulator
PROGRAMS = harness.all_programs()
THREADED = [p for p in PROGRAMS if "-pthread" in p.flags]
# one memory is what these are about
HEAVY = "producer_consumer parallel_sort kmeans matrix_blocks hash_striped heat_barrier readers_writers".split()


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roamed]:
    """A node of each ISA."""
    with roamed(tmp_path_factory.mktemp("3"), THREE) as made:
        yield made


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roamed]:
    """Two nodes of two ISAs, one of the third."""
    with roamed(tmp_path_factory.mktemp("5"), FIVE) as made:
        yield made


@pytest.mark.parametrize("program", [p for p in PROGRAMS if not p.forbid_roam], ids=lambda p: p.name)
def test_every_program(program: harness.Program, three: Roamed, program_folder: Path) -> None:
    """Output and exit status are what they are on one node, and threads were on others."""
    visited = three.check(program, program_folder)
    wanted = three.others if program.name in HEAVY else set()
    assert visited and visited >= wanted, f"was on {sorted(visited)}; make its roam-every smaller"


@pytest.mark.parametrize("program", THREADED, ids=lambda p: p.name)
def test_threads_on_five_nodes(program: harness.Program, five: Roamed, program_folder: Path) -> None:
    """As above; pages go between nodes of one ISA, too."""
    visited = five.check(program, program_folder)
    assert visited >= five.others if program.name in HEAVY else visited


def test_pages_whose_mapping_changes(three: Roamed, program_folder: Path) -> None:
    """Whichever node has them, whichever changes it, whichever uses them then."""
    shown = succeeds("run", "--machine", built("remapped", program_folder), env=three.made.env)
    assert shown.splitlines() == [f"tried {5 * len(THREE) ** 3}"]


def test_threads_are_where_they_say(three: Roamed, program_folder: Path) -> None:
    """Each of five threads is three times at every node; and what main is refused then, wherever it is."""
    spread = built("spread", program_folder)
    for node, _ in enumerate(THREE):
        before = three.replicas(spread)
        shown = succeeds("run", "--machine", spread, node, env=three.made.env).splitlines()
        assert shown == [
            "nodes 15 15 15, lost 0",
            "shared file: ENODEV",
            "private file: done",
            "shared memory: done",
            "fork: done",
            "posix_spawn: done",
            "system: done",
            "popen: done",
        ]
        assert three.replicas(spread) - before == dict.fromkeys(three.others, 1)


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p.forbid_roam], ids=lambda p: p.name)
def test_what_is_refused_shows(program: harness.Program, three: Roamed, program_folder: Path) -> None:
    """A program is left out above only as long as it does fail."""
    assert program.forbid_roam == "shared file", program.source
    with pytest.raises(AssertionError, match=program.name):  # some wait in vain
        three.check(replace(program, timeout=8), program_folder)


def test_xz_compresses(three: Roamed, program_folder: Path, tmp_path: Path) -> None:
    """Its threads compress blocks of one file on all nodes, byte for byte what they make of it on one."""
    ours, theirs = builds.pair(builds.XZ, program_folder)
    data = tmp_path / "data"
    data.write_bytes(runs.compressible(program_folder).read_bytes()[-1_000_000:])
    arguments = ("-c", "-0", "-T3", "--block-size=128KiB")
    command = mode().command(replace(PROGRAMS[0], roam_every=150_000, args=arguments), ours)
    with data.open("rb") as given:
        packed = harness.run_bytes(command, runs.TIMEOUT, given, three.made.env)
    assert (packed.status, packed.stderr) == (0, b""), command
    assert packed.stdout == runs.plain(theirs, arguments, data)
    (tmp_path / "packed").write_bytes(packed.stdout)
    assert runs.plain(theirs, ("-dc",), tmp_path / "packed") == data.read_bytes()
    assert set(three.replicas(ours)) == three.others
