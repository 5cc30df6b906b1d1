"""What all tests share: one folder per session for compiled programs, whichever xdist worker compiles them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from popcc.cache import cache_dir
from popcc.isa import ISAS
from popcc.runtime.libc.library import library

# importlib mode puts no test directory on the path
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "unit")]

# a shell's background jobs ignore these, and so would every program of the tests
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

# nor may each of the thousands of commands that tests run translate popcc's modules anew: half of a small link's time
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    os.environ["PYTHONPYCACHEPREFIX"] = str(cache_dir() / "bytecode")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """SQLite takes minutes to compile: begun last, all would wait for it."""
    items.sort(key=lambda item: item.path.name != "test_sqlite.py")


@pytest.fixture(scope="session")
def program_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of compiled programs."""
    base = tmp_path_factory.getbasetemp()
    if base.name.startswith("popen-"):  # a worker's own, below the session's
        base = base.parent
    folder = base / "programs"
    folder.mkdir(exist_ok=True)
    library(tuple(ISAS))  # takes minutes after a change of the compiler: not in some program's time
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A directory that holds only so much."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs root and the right to mount")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)
