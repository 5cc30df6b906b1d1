"""`popcorn run`: a program on an ISA, moved at given times.

Without ``--at`` popcorn becomes the program: its exit status, its terminal and its signals are the
program's by nature. With it popcorn stays as the parent, moves the child when its time has come, and passes
signals and the exit status on.
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Sequence
from types import FrameType

import click
from msgspec import Struct

from popcc.errors import PopccError
from popcc.isa import isa_named
from popcc.runtime.popcorn.actions import migrate
from popcc.runtime.popcorn.launch import Launch

_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT)
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?:(\w+)")
_LONGEST = 10 * 366 * 86400.0
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


class Move(Struct, frozen=True, order=True):
    """Go to `isa` so many seconds after the start."""

    after: float
    isa: str


def parse_move(text: str) -> Move:
    """TIME:ISA, say 1.5:aarch64 or 200ms:x86_64. Raises `ValueError` with what is expected."""
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError(f"'{text}' is not TIME:ISA, for example 1.5s:aarch64")
    number, unit, isa = match.groups()
    after = float(number) * _SECONDS[unit]
    if after > _LONGEST:
        raise ValueError(f"'{text}' is more than ten years")
    return Move(after, isa_named(isa).name)


def run_with_moves(launch: Launch, moves: Sequence[Move]) -> int:
    """Run to the end; the exit status as a shell would give it."""
    # from before the start, or a signal in between would leave the program without its parent
    early: list[int] = []
    children: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        if not children:
            early.append(number)
        elif number != signal.SIGINT:  # the terminal sends Ctrl-C to both of us: what it means is the program's to say
            children[0].send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in (*_PASSED_ON, signal.SIGINT)}
    try:
        child = subprocess.Popen(
            launch.argv, executable=launch.path, env=launch.environment, pass_fds=launch.descriptors
        )
        children.append(child)
        began = time.monotonic()
        for number in early:
            child.send_signal(number)
        for move in sorted(moves):
            try:
                child.wait(max(0.0, began + move.after - time.monotonic()))
                break
            except subprocess.TimeoutExpired:
                _move(child, move)
        status = child.wait()
    except OSError as e:
        raise PopccError(f"cannot start '{launch.path}': {e.strerror}") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 - status if status < 0 else status


def _move(child: subprocess.Popen[bytes], move: Move) -> None:
    try:
        migrate(child.pid, move.isa)
    except PopccError as e:
        if child.poll() is None:
            click.echo(f"popcorn: warning: not moved to {move.isa}: {e}", err=True)


def self_moves(
    rebuild_every: int | None, move_every: int | None, roam_every: int | None, seed: int | None
) -> dict[str, str]:
    """The environment that makes a program rebuild or move itself, or its threads go from node to node."""
    settings = {
        "POPCORN_REBUILD": rebuild_every, "POPCORN_MOVE": move_every, "POPCORN_ROAM": roam_every, "POPCORN_SEED": seed
    }  # fmt: skip
    return {name: str(value) for name, value in settings.items() if value is not None}
