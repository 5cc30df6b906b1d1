"""A machine as a whole: its nodes are started, looked at and ended."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from popcc.errors import PopccError
from popcc.interrupts import held
from popcc.isa import isa_named
from popcc.runtime.popcorn.hosts import available_runners, host_isa, runner_for
from popcc.runtime.popcorn.machine import state
from popcc.runtime.popcorn.machine.interconnect import Interconnect
from popcc.runtime.popcorn.machine.protocol import CommandOp, ask
from popcc.runtime.popcorn.machine.state import REPLICA, VARIABLE, Hosts, Machine, Node

START_SECONDS = 60.0  # in which a node answers for the first time; a loaded host is slow
_END_SECONDS = 5.0  # between asking a node to end and killing it
_NODE = "popcc.runtime.popcorn.machine.daemon"
_GATE = "popcc.runtime.popcorn.machine.hosts.gate"
_SAID_MOST = 4096
_PROC = Path("/proc")


class NodeState(Struct, frozen=True):
    """A node as it is now."""

    node: Node
    up: bool
    replicas: tuple[dict[str, Any], ...]  # as replicas.Replica.json


def default_nodes() -> list[tuple[str, str]]:
    """One per ISA that can run here, the host's first, each called after its ISA."""
    here = host_isa().name
    return [(isa, isa) for isa in (here, *(i for i in available_runners() if i != here))]


def parse_node(text: str) -> tuple[str, str]:
    """NAME:ISA, or an ISA that is the name, too. Raises `PopccError`."""
    name, colon, isa = text.rpartition(":")
    return (name, isa_named(isa).name) if colon else (text, isa_named(text).name)


def up(
    name: str,
    wanted: list[tuple[str, str]],
    wire: Interconnect,
    hosts: Hosts | None = None,
    key: bytes = b"",
    then: Callable[[Machine], None] = lambda machine: None,
) -> None:
    """Starts a machine, or this host's part of it, all of whose nodes answer then. Raises `PopccError`, and nothing is
    left, when one does not, or `then` fails."""
    for _, isa in wanted:
        runner_for(isa)
    machine = state.plan(name, wanted, wire, hosts)
    with state.locked():
        if machine.directory.exists():
            if _daemons(machine.directory):
                option = "" if name == state.DEFAULT else f" --name {name}"
                raise PopccError(
                    f"a machine '{name}' is up already; end it with 'popcorn machine down{option}', "
                    "or give another --name"
                )
            state.remove(machine.directory)  # the host went down with it
        try:  # which begins first: an interrupt may come behind any line
            machine.directory.mkdir(mode=0o700)
            state.write_machine(machine)
            if hosts is not None:
                _open_gate(machine, key)
                machine = state.read_machine(machine.directory)  # the nodes have their numbers now
            pids = _started(machine)
            then(state.change_machine(machine.directory, lambda m: _with_pids(m, pids)))
        except BaseException as e:
            _end(machine.directory)
            if isinstance(e, OSError):
                raise PopccError(f"cannot start machine '{name}': {e.strerror or e}") from None
            raise


def _with_pids(machine: Machine, pids: dict[str, int]) -> Machine:
    return replace(machine, nodes=tuple(n if n.host else replace(n, pid=pids[n.name]) for n in machine.nodes))


def down(name: str) -> None:
    """Ends a machine and the replicas of its nodes, whatever is left of it. Raises `PopccError` when there is none."""
    state.check_name("machine", name)
    directory = state.base() / name
    if not directory.exists() and not _daemons(directory):
        state.find_machine(name)
    with state.locked():
        _end(directory)


def look(machine: Machine) -> list[NodeState]:
    """The nodes as they are now."""
    return [_look(node) for node in machine.nodes]


def needs_up(node: Node) -> None:
    """Raises `PopccError` when the node does not answer."""
    if not _look(node).up:
        raise PopccError(f"node '{node.name}' is down; see {node.log}")


def _look(node: Node) -> NodeState:
    try:
        answered = ask(node.socket, CommandOp.REPLICAS)
        return NodeState(node, True, tuple(json.loads(answered.text)))
    except (OSError, PopccError):
        return NodeState(node, False, ())


class _Starting(Struct, frozen=True):
    """A process of the machine that has not said yet that it is there."""

    called: str
    process: subprocess.Popen[bytes]
    ready: int  # where it says so
    log: Path

    def wait(self) -> None:
        """Raises `PopccError` when it does not come."""
        if not select.select([self.ready], [], [], START_SECONDS)[0]:
            raise PopccError(f"{self.called} did not start within {START_SECONDS:.0f} s")
        said = os.read(self.ready, _SAID_MOST)
        if not said:
            raise PopccError(f"{self.called} did not start: {_last_line(self.log)}")
        if said != b"\n":
            raise PopccError(said.decode(errors="replace"))
        self.process.returncode = 0  # nobody here waits for it


def _open_gate(machine: Machine, key: bytes) -> None:
    """This host is one of the machine's hosts then."""
    given, keeper = os.pipe()
    try:
        os.write(keeper, key)
        starting = _start("the gate to the other hosts", machine.gate_log, _GATE, [str(machine.directory)], [given])
    finally:
        os.close(given)
        os.close(keeper)
    try:
        starting.wait()
    finally:
        os.close(starting.ready)


def _started(machine: Machine) -> dict[str, int]:
    """All nodes at once; each has said that it listens. Their processes by name."""
    starting: list[_Starting] = []
    try:
        for node in machine.own:
            words = [str(machine.directory), str(node.number)]
            starting.append(_start(f"node '{node.name}'", node.log, _NODE, words))
        for each in starting:
            each.wait()
    finally:
        for each in starting:
            os.close(each.ready)
    return {node.name: each.process.pid for node, each in zip(machine.own, starting, strict=True)}


def _start(called: str, log: Path, module: str, words: list[str], given: list[int] | None = None) -> _Starting:
    """A process of the machine, with words that say what it is, and behind them where to say that it is ready, and the
    descriptors that are given to it."""
    ready, told = os.pipe()
    inherited = [told, *(given or [])]
    try:
        with log.open("ab") as file, held():
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *words, *map(str, inherited)],
                stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd="/", start_new_session=True,
                pass_fds=inherited,
                env={k: v for k, v in os.environ.items() if not k.startswith("POPCORN_")} | _import_path(),
            )  # fmt: skip
    except BaseException:
        os.close(ready)
        raise
    finally:
        os.close(told)
    return _Starting(called, process, ready, log)


def _import_path() -> dict[str, str]:
    """A relative PYTHONPATH means another folder where the node runs."""
    given = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join(str(Path(p).absolute()) for p in given.split(os.pathsep))} if given else {}


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _end(directory: Path) -> None:
    """Ends the nodes of a folder and what they started, and removes it."""
    ending = []
    for pid in _daemons(directory):
        with suppress(ProcessLookupError):
            pidfd = os.pidfd_open(pid)
            if pid in _daemons(directory):  # still the same process
                signal.pidfd_send_signal(pidfd, signal.SIGTERM)
                signal.pidfd_send_signal(pidfd, signal.SIGCONT)
            ending.append(pidfd)
    deadline = time.monotonic() + _END_SECONDS
    for pidfd in ending:
        if not select.select([pidfd], [], [], max(0.0, deadline - time.monotonic()))[0]:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            select.select([pidfd], [], [], _END_SECONDS)
        os.close(pidfd)
    for pid in _replicas(directory):  # the kernel kills them with their node; it may just be about to
        with suppress(ProcessLookupError):
            pidfd = os.pidfd_open(pid)
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            select.select([pidfd], [], [], _END_SECONDS)
            os.close(pidfd)
    state.remove(directory)


def _daemons(directory: Path) -> list[int]:
    """The processes of a machine's nodes and its gate, found by what they execute: no file can name a wrong one. A gate
    that ends its machine is not among them."""
    found = []
    modules = {os.fsencode(m) for m in (_NODE, _GATE)}
    for pid in _own_processes():
        words = _read(pid, "cmdline")
        if pid != os.getpid() and len(words) >= 4 and modules & set(words) and os.fsencode(directory) in words:
            found.append(pid)
    return found


def _replicas(directory: Path) -> list[int]:
    mine, replica = f"{VARIABLE}={directory}/".encode(), f"{REPLICA}=".encode()
    found = []
    for pid in _own_processes():
        words = _read(pid, "environ")
        if any(w.startswith(mine) for w in words) and any(w.startswith(replica) for w in words):
            found.append(pid)
    return found


def _own_processes() -> list[int]:
    found = []
    for path in _PROC.iterdir():
        with suppress(OSError):
            if path.name.isdigit() and path.stat().st_uid == os.geteuid():
                found.append(int(path.name))
    return found


def _read(pid: int, name: str) -> list[bytes]:
    try:
        return (_PROC / str(pid) / name).read_bytes().split(b"\0")
    except OSError:
        return []
