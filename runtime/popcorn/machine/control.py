"""A machine as a whole: its nodes are started, looked at and ended."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from popcc.errors import PopccError
from popcc.interrupts import held
from popcc.isa import isa_named
from popcc.runtime.popcorn.hosts import available_runners, host_isa, runner_for
from popcc.runtime.popcorn.machine import state
from popcc.runtime.popcorn.machine.interconnect import Interconnect
from popcc.runtime.popcorn.machine.protocol import CommandOp, ask
from popcc.runtime.popcorn.machine.state import REPLICA, VARIABLE, Machine, Node

START_SECONDS = 60.0  # in which a node answers for the first time; a loaded host is slow
_END_SECONDS = 5.0  # between asking a node to end and killing it
_MODULE = "popcc.runtime.popcorn.machine.daemon"
_PROC = Path("/proc")


@dataclass(frozen=True)
class NodeState:
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


def up(name: str, wanted: list[tuple[str, str]], wire: Interconnect) -> Machine:
    """Starts a machine, all of whose nodes answer then. Raises `PopccError`, and nothing is left, when one does not."""
    for _, isa in wanted:
        runner_for(isa)
    machine = state.plan(name, wanted, wire)
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
            machine = replace(machine, nodes=tuple(_started(machine)))
            state.write_machine(machine)
        except BaseException as e:
            _end(machine.directory)
            if isinstance(e, OSError):
                raise PopccError(f"cannot start machine '{name}': {e.strerror or e}") from None
            raise
    return machine


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


def is_up(node: Node) -> bool:
    """Whether it answers."""
    return _look(node).up


def _look(node: Node) -> NodeState:
    try:
        answered = ask(node.socket, CommandOp.REPLICAS)
        return NodeState(node, True, tuple(json.loads(answered.text)))
    except (OSError, PopccError):
        return NodeState(node, False, ())


def _started(machine: Machine) -> list[Node]:
    """All nodes at once; each has said that it listens."""
    starting = [_start(machine, node) for node in machine.nodes]
    nodes = []
    try:
        for node, process, ready in starting:
            if not select.select([ready], [], [], START_SECONDS)[0]:
                raise PopccError(f"node '{node.name}' did not start within {START_SECONDS:.0f} s")
            if not os.read(ready, 1):
                raise PopccError(f"node '{node.name}' did not start: {_last_line(node.log)}")
            nodes.append(replace(node, pid=process.pid))
            process.returncode = 0  # nobody here waits for it
    finally:
        for _, _, ready in starting:
            os.close(ready)
    return nodes


def _start(machine: Machine, node: Node) -> tuple[Node, subprocess.Popen[bytes], int]:
    ready, told = os.pipe()
    try:
        with node.log.open("ab") as log, held():
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", _MODULE, str(machine.directory), str(node.number), str(told)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True, pass_fds=[told],
                env={k: v for k, v in os.environ.items() if not k.startswith("POPCORN_")} | _import_path(),
            )  # fmt: skip
    finally:
        os.close(told)
    return node, process, ready


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
    """The processes of a machine's nodes, found by what they execute: no file can name a wrong one."""
    found = []
    for pid in _own_processes():
        words = _read(pid, "cmdline")
        if len(words) >= 4 and os.fsencode(_MODULE) in words and os.fsencode(directory) in words:
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
