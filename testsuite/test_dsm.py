"""The coherence protocol: 10^5 schedules of a simulated machine, all states of small ones, mistakes that must show."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from dsm.__main__ import SIZES, STATES, replay_command
from dsm.library import Size, Violation, library
from dsm.mutants import MUTANTS, Mutant

TESTSUITE = Path(__file__).parent
PART = 12_500


@pytest.mark.parametrize("part", range(8))
def test_schedules(part: int) -> None:
    """Nobody sees an old value, there is one owner, and everything ends: in 10^5 orders of events."""
    well, _ = library().simulate(part * PART, PART)
    if well < PART:
        seed = part * PART + well
        pytest.fail(f"seed {seed}: {library().replay(seed, trace=False)}\n{replay_command(seed)}")


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_state(size: Size) -> None:
    """No order of messages, no moment of a crash or of a new mapping does harm, and from all there is a way on."""
    assert library().search(size, STATES) > 100_000


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mistake_is_noticed(mutant: Mutant, capfd: pytest.CaptureFixture[str]) -> None:
    """By the simulator, and by the search if its model has what it takes; then the way there is told."""
    assert mutant.schedules() is not None
    if mutant.modelled:
        assert mutant.found_in() is not None
        assert "steps:" in capfd.readouterr().out


def test_a_seed_is_a_schedule() -> None:
    """The same steps each time, and others for another seed."""
    assert library().simulate(5, 1) == library().simulate(5, 1) != library().simulate(6, 1)


@pytest.fixture(scope="module")
def told() -> str:
    """All that happens in some schedules."""
    seeds = range(400)
    command = [sys.executable, "-c", f"from dsm.library import library\nfor s in {seeds}: library().replay(s)"]
    return subprocess.run(command, cwd=TESTSUITE, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "event",
    [
        r"-> [1-9] GRANT page \d to write$",  # an upgrade
        r"-> \d GRANT page \d to write, with bytes",
        r"old (READ|WRITE|GRANT)",  # on a new connection
        r"old (ACK|DATA)",
        r"old (INVALIDATE|SHARE|TAKE)",
        r"is cut, [1-9]\d* and [1-9]\d* bytes are lost",
        r"-> \d PREFETCH",
        r"is denied page \d: not mapped so",
        r"is denied page \d: lost",
        r"is denied page \d: busy",
        r"pages \d to \d are recalled, dropped",
        r"page \d is gone with node",
        r"node \d goes mad",
        r"node \d ends",
        r"calls REQUEUE",
        r"has slept enough",
    ],
)
def test_the_rare_happens(told: str, event: str) -> None:
    """The oracle sees nothing where nothing happens."""
    assert len(re.findall(event, told, re.MULTILINE)) >= 5


def test_a_failure_can_be_replayed() -> None:
    """By the command that is printed with it, which tells how it came to that."""
    mutant = MUTANTS[0]
    seed = (mutant.schedules() or 0) - 1
    command = [sys.executable, "-m", "dsm", "--seed", str(seed), "--mutant", mutant.name]
    assert replay_command(seed, mutant.name).split()[2:5] == [*command[1:3], "--seed"]
    done = subprocess.run(command, cwd=TESTSUITE, capture_output=True, text=True)
    assert done.returncode == 1
    assert "VIOLATION" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"seed {seed}: ")


def test_the_bound_on_states_is_told() -> None:
    """A search that was cut short proves nothing."""
    with pytest.raises(Violation, match="states"):
        library().search(SIZES[0], 1000)
