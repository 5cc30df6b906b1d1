"""Threads of one process on nodes of several ISAs, moving at random: each program does what it does on one node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import harness
import pytest
from machine_fixtures import machine
from popcorn_fixtures import needs_emulator
from roaming import FIVE, THREE, Roamed, options

pytestmark = needs_emulator
PROGRAMS = harness.all_programs()
THREADED = [p for p in PROGRAMS if "-pthread" in p.flags]
# one memory is what these are about
HEAVY = "producer_consumer parallel_sort kmeans matrix_blocks hash_striped heat_barrier readers_writers".split()


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roamed]:
    """A node of each ISA."""
    with machine(tmp_path_factory.mktemp("3"), *options(THREE)) as made:
        yield Roamed(made, THREE)


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roamed]:
    """Two nodes of two ISAs, one of the third."""
    with machine(tmp_path_factory.mktemp("5"), *options(FIVE)) as made:
        yield Roamed(made, FIVE)


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
