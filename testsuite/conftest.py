"""What all tests share: one folder per session for compiled programs, whichever xdist worker compiles them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from popcc.isa import ISAS
from popcc.runtime.libc import build

# importlib mode puts no test directory on the path
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "unit")]


@pytest.fixture(scope="session")
def program_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of compiled programs."""
    base = tmp_path_factory.getbasetemp()
    if base.name.startswith("popen-"):  # a worker's own, below the session's
        base = base.parent
    folder = base / "programs"
    folder.mkdir(exist_ok=True)
    build.library(tuple(ISAS))  # takes minutes after a change of the compiler: not in some program's time
    return folder
