"""Hosts that are folders of this one, joined over its loopback, and a wire between them that tests cut and heal."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from machine_fixtures import Emulated, machine
from popcorn_fixtures import eventually, succeeds

from popcc.runtime.popcorn.machine import control
from popcc.runtime.popcorn.machine.control import NodeState
from popcc.runtime.popcorn.machine.hosts.address import parse_address
from popcc.runtime.popcorn.machine.state import read_machine

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: the other side sees a cut, not an end


class Wire:
    """A port before another one. What it carries can be cut, and nobody gets through until it heals."""

    def __init__(self, target: str) -> None:
        self.target = parse_address(target)
        loopback = target.rpartition(":")[0]
        self.family = socket.AF_INET6 if ":" in loopback else socket.AF_INET
        self.listener = socket.create_server((self.target[0], 0), family=self.family)
        self.address = f"{loopback}:{self.listener.getsockname()[1]}"
        self.whole = True
        self.carried = 0  # connections so far
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """All connections, and those that are tried from now on."""
        with self._lock:
            self.whole = False
            for end in self._ends:
                with suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    end.shutdown(socket.SHUT_RDWR)

    def heal(self) -> None:
        with self._lock:
            self.whole = True

    def close(self) -> None:
        self.cut()
        self.listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.socket(self.family)
                with self._lock:
                    if not self.whole:
                        near.close()
                        continue
                    self.carried += 1
                    self._ends |= {near, far}
                try:
                    far.connect(self.target)
                except OSError:
                    self._forget(near, far)
                    continue
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        self._forget(source, target)

    def _forget(self, *ends: socket.socket) -> None:
        with self._lock:
            for end in ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
                self._ends.discard(end)


@dataclass(frozen=True)
class Hosts:
    """A machine of several hosts, the one that listens first."""

    each: tuple[Emulated, ...]
    key: Path
    address: str  # where the first one listens
    wire: Wire  # between it and all others

    def log(self, host: int) -> str:
        """What its gate has said."""
        return self.each[host].machine.gate_log.read_text()

    def gate(self, host: int) -> int:
        """The pid of its gate."""
        folder = bytes(self.each[host].machine.directory)
        for proc in Path("/proc").iterdir():
            with suppress(OSError):
                words = (proc / "cmdline").read_bytes().split(b"\0") if proc.name.isdigit() else []
                if b"popcc.runtime.popcorn.machine.hosts.gate" in words and folder in words:
                    return int(proc.name)
        raise AssertionError(f"no gate for {folder!r}")

    def all_up(self) -> None:
        """Until every host sees every node up."""
        for host in self.each:
            eventually(partial(_up, host), "all nodes to be up")


def looked_at(host: Emulated) -> list[NodeState]:
    """What `popcorn nodes` would show, without its start."""
    return control.look(read_machine(host.machine.directory))


def states(host: Emulated) -> dict[str, str]:
    """Of each node by name."""
    return {n.node.name: "up" if n.up else "down" for n in looked_at(host)}


def _up(host: Emulated) -> bool:
    return set(states(host).values()) == {"up"}


@contextmanager
def hosts(folder: Path, *nodes: Sequence[str], loopback: str = "127.0.0.1") -> Iterator[Hosts]:
    """A host for each list of nodes; nothing of any is left afterwards."""
    key = folder / "key"
    succeeds("machine", "key", key)
    with ExitStack() as stack:
        first, *others = (options(each) for each in nodes)
        made = [stack.enter_context(machine(folder / "host0", "--listen", f"{loopback}:0", "--key", str(key), *first))]
        assert made[0].machine.hosts is not None
        address = made[0].machine.hosts.address
        wire = Wire(address)
        stack.callback(wire.close)
        for n, each in enumerate(others, 1):
            made.append(
                stack.enter_context(machine(folder / f"host{n}", "--join", wire.address, "--key", str(key), *each))
            )
        yield Hosts(tuple(made), key, address, wire)


def options(nodes: Sequence[str]) -> list[str]:
    """What makes `popcorn machine up` start these."""
    return [word for node in nodes for word in ("--node", node)]
