"""libpopcorn's unwinding, rebuilding, setjmp and moves, on a hand-written program: no compiler involved.

The program (testsuite/unit/state) passes LIMIT migration points three frames deep, longjmps out of every fifth,
and ends with 0 only if every value and recipe was where its code expects it.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from popcc.isa import ISAS, Isa

HERE = Path(__file__).parent


def _load() -> object:
    spec = importlib.util.spec_from_file_location("state_program", HERE / "state_program.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["state_program"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def hand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = _load().build_program(tmp_path_factory.mktemp("hand"))  # type: ignore[attr-defined]
    return path


def _runner(isa: Isa) -> str:
    """What runs an ISA's programs; "" for this host."""
    if os.uname().machine in isa.machine_names:
        return ""
    qemu = shutil.which(isa.qemu)
    if not qemu:
        pytest.skip(f"needs {isa.qemu_package}")
    return qemu


def _run(hand: Path, isa: str, **environment: object) -> dict[str, int]:
    runners = {i.number: _runner(i) for i in ISAS.values()}
    variables = {"PROGRAM": hand, **{f"RUNNER{n}": runner for n, runner in runners.items()}, **environment}
    result = subprocess.run(
        [*filter(None, [runners[ISAS[isa].number]]), str(hand.parent / f"{isa}.exe")],
        env={**os.environ, **{k: str(v) for k, v in variables.items()}},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 0, (result.returncode, result.stdout, result.stderr)
    assert not result.stderr
    words = re.findall(r"(\w+) (\d+)", result.stdout)
    return {k: int(v) for k, v in words}


@pytest.mark.parametrize("isa", ISAS)
def test_without_moves(hand: Path, isa: str) -> None:
    assert _run(hand, isa, LIMIT=100) == {"points": 0, "generation": 0, "isa": ISAS[isa].number, "bits": 20}


@pytest.mark.parametrize("isa", ISAS)
def test_rebuilt_in_place_at_every_point_with_poison(hand: Path, isa: str) -> None:
    out = _run(hand, isa, LIMIT=5000, POPCORN_REBUILD=1)
    assert out == {"points": 5000, "generation": 5000, "isa": ISAS[isa].number, "bits": 1000}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("every", [1, 3])
def test_moves_from_isa_to_isa(hand: Path, isa: str, every: int) -> None:
    out = _run(hand, isa, LIMIT=61, POPCORN_MOVE=every)
    moves = 61 // every
    assert (out["points"], out["generation"], out["bits"]) == (61, moves, 12)
    names = list(ISAS)
    assert out["isa"] == ISAS[names[(names.index(isa) + moves) % len(names)]].number


def test_moves_and_rebuilds_together(hand: Path) -> None:
    out = _run(hand, "x86_64", LIMIT=50, POPCORN_MOVE=4, POPCORN_REBUILD=1)
    assert (out["points"], out["bits"]) == (50, 10)


@pytest.mark.parametrize("kind", ["value", "recipe", "saved"])
def test_a_map_that_lacks_something_is_noticed(hand: Path, tmp_path: Path, kind: str) -> None:
    """The control: poison makes an incomplete map fail (law 4)."""
    import state_program

    good = state_program.MAPS["x86_64"]
    (middle,) = good[1]
    bad = {
        "value": state_program.Map(2, middle.label, middle.frame, (), middle.saved, middle.recipes),
        "recipe": state_program.Map(2, middle.label, middle.frame, middle.values, middle.saved, middle.recipes[1:]),
        "saved": state_program.Map(2, middle.label, middle.frame, middle.values, middle.saved[1:], middle.recipes),
    }[kind]
    state_program.MAPS["x86_64"] = (good[0], (bad,), good[2])
    try:
        state_program.build("x86_64", tmp_path)
    finally:
        state_program.MAPS["x86_64"] = good
    result = subprocess.run(
        [str(tmp_path / "x86_64.exe")],
        env={"LIMIT": "10", "POPCORN_REBUILD": "1"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert result.returncode != 0
