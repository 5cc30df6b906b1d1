"""Real nodes: a process each, of any ISA, natively or emulated, joined by sockets."""

from __future__ import annotations

import os
import select
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dsm.library import ENGINE
from popcc.isa import ISAS
from popcc.runtime.popcorn.hosts import runner_for

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "replicas"
LIBRARY = ROOT / "runtime" / "lib"
FLAGS = ("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-static", "-pthread")


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="popcc-replicas-")


@cache
def built(program: str, isa: str) -> Path:
    """The executable of ``replicas/PROGRAM.c``, with the node and the engine, for one ISA."""
    output = Path(_folder().name) / f"{program}-{isa}"
    command = [
        sys.executable, "-m", "ziglang", "cc", "-target", f"{isa}-linux-musl", *FLAGS,
        f"-I{LIBRARY}", f"-I{LIBRARY / 'arch' / isa}", f"-I{ENGINE}",
        *map(str, sorted(ENGINE.glob("*.c"))), str(LIBRARY / "mem.c"), str(PROGRAMS / "host.c"),
        str(PROGRAMS / f"{program}.c"), "-o", str(output),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"
    return output


@dataclass(frozen=True)
class Node:
    """One of the processes."""

    isa: str
    process: subprocess.Popen[str]

    def end(self, timeout: float = 120) -> tuple[int, str, str]:
        """Waits for it: exit status, output, messages."""
        out, words = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, words


class Relay:
    """A link that passes through our hands: late, or cut and made again, which loses what is on its way."""

    def __init__(self, delay: float = 0) -> None:
        self._delay = delay
        self._ends: list[socket.socket] = []

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """A new connection's ends."""
        pairs = socket.socketpair(), socket.socketpair()
        (one, ours), (other, theirs) = pairs
        self._ends = [ours, theirs]
        threading.Thread(target=self._pass_on, args=(ours, theirs), daemon=True).start()
        return one, other

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        """Until either end is gone; nobody else may close what this thread reads from."""
        with one, other, suppress(OSError):
            while True:
                for source in select.select([one, other], [], [])[0]:
                    data = source.recv(1 << 16)
                    if not data:
                        return
                    time.sleep(self._delay)
                    (other if source is one else one).sendall(data)

    def cut(self) -> None:
        """Both nodes find their connections closed."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def machine_with_relays(
    program: str, isas: Sequence[str], arguments: Sequence[int], grace: float, delay: float = 0
) -> Iterator[tuple[list[Node], list[Relay], Callable[[int], None]]]:
    """As `machine`. The links are relays, by remote; the function connects one, anew if it was cut."""
    controls = [socket.socketpair() for _ in isas]
    relays = [Relay(delay) for _ in isas[1:]]

    def connect(remote: int) -> None:
        ends = relays[remote - 1].connect()
        for control, peer, end in ((controls[0][0], remote, ends[0]), (controls[remote][0], 0, ends[1])):
            with suppress(BrokenPipeError):  # it is no more
                socket.send_fds(control, [bytes([peer])], [end.fileno()])
            end.close()

    nodes: list[Node] = []
    try:
        for number, isa in enumerate(isas):
            control = controls[number][1]
            settings = {"REPLICAS_GRACE": str(int(grace * 1e9)), "REPLICAS_CONTROL": str(control.fileno())}
            nodes.append(_started(program, isa, [number, len(isas), *arguments, 0], [control.fileno()], settings))
            control.close()
        for remote in range(1, len(isas)):
            connect(remote)
        yield nodes, relays, connect
    finally:
        _end(nodes)
        for control, _ in controls:
            control.close()


@contextmanager
def machine(program: str, isas: Sequence[str], arguments: Sequence[int], lanes: int = 1) -> Iterator[list[Node]]:
    """Starts a node per entry of `isas`, the origin first, with `lanes` sockets between it and each other one.

    None outlives the body.
    """
    pairs = [[socket.socketpair() for _ in range(lanes)] for _ in isas[1:]]
    nodes: list[Node] = []
    try:
        for number, isa in enumerate(isas):
            ends = [pair[0] for lane in pairs for pair in lane] if number == 0 else [p[1] for p in pairs[number - 1]]
            fds = [end.fileno() for end in ends]
            nodes.append(_started(program, isa, [number, len(isas), *arguments, *fds], fds, {}))
        for end in (end for lane in pairs for pair in lane for end in pair):
            end.close()
        yield nodes
    finally:
        _end(nodes)


def _started(program: str, isa: str, arguments: Sequence[int], fds: Sequence[int], settings: Mapping[str, str]) -> Node:
    runner = runner_for(isa)
    command = [*([runner] if runner else []), str(built(program, isa)), *map(str, arguments)]
    pipe = subprocess.PIPE
    environment = {**os.environ, **settings}
    process = subprocess.Popen(
        command, env=environment, pass_fds=fds, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
    )
    return Node(isa, process)


def _end(nodes: Sequence[Node]) -> None:
    for node in nodes:
        node.process.kill()
        node.process.wait()


def every_isa() -> list[str]:
    """The ISAs, this host's first."""
    return sorted(ISAS, key=lambda isa: runner_for(isa) != "")
