"""Signals that come at a bad moment end the command all the same."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from popcc.errors import PopccError
from popcc.temporary import temporary_folder

LOST = """
import os, signal, time, weakref
from popcc.interrupts import Interrupts, as_in_a_new_program, end_by

class Thing:
    pass

interrupts = Interrupts()
try:
    thing = Thing()
    weak = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.{name}))
    del thing  # Python drops what its callback raises
    {then}
except KeyboardInterrupt:
    end_by(interrupts.signal)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("then", ["time.sleep(60)", "with as_in_a_new_program(): os.execlp('sleep', 'sleep', '60')"])
def test_a_signal_in_a_callback(name: str, then: str) -> None:
    program = LOST.format(name=name, then=then)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.Signals[name], "", "")


LOADING = """
import os, signal, sys
from popcc.runtime.popcorn import entry

class Finder:
    @staticmethod
    def find_spec(name, path, target=None):
        if name == "popcc.runtime.popcorn.cli":
            os.kill(os.getpid(), signal.{name})

sys.meta_path.insert(0, Finder)
entry.main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_while_the_command_is_loaded(name: str) -> None:
    program = LOADING.format(name=name)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.Signals[name], "", "")


IMPORTED = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "msgspec._core":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
try:
    import popcc
except KeyboardInterrupt:
    import msgspec
    print(sorted(msgspec.to_builtins({"a": (1,)})))
"""


def test_a_signal_while_msgspec_is_imported() -> None:
    """It comes when the import is done."""
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "['a']\n", "")


@pytest.mark.parametrize("error", [None, PopccError("no")])
def test_a_signal_while_a_temporary_folder_is_removed(
    error: PopccError | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = shutil.rmtree

    def interrupted(path: str, ignore_errors: bool) -> None:
        monkeypatch.setattr(shutil, "rmtree", remove)
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt), temporary_folder("x", tmp_path) as folder:
        (folder / "file").touch()
        if error:
            raise error
    assert not list(tmp_path.iterdir())


def test_a_temporary_folder_may_be_renamed(tmp_path: Path) -> None:
    with temporary_folder("x", tmp_path) as folder:
        folder.rename(tmp_path / "kept")
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]
