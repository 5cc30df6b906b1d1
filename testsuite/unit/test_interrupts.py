"""Signals that come at a bad moment end the command all the same."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

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
