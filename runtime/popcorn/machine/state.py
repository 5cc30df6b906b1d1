"""A machine's description, and where it lies: a folder that only its user can enter.

    $XDG_RUNTIME_DIR/popcorn/MACHINE or /tmp/popcorn-UID/MACHINE
        machine.json     the nodes in their order, what lies between them, and which other hosts there are
        NODE.socket      where programs, commands and other nodes reach a node
        NODE.log         what the node has to say, and the standard output and error of its replicas
        NUMBER.far       where they reach a node of another host, by way of this host's gate (hosts/gate.py)
        gate             where this host's nodes tell the gate that they are up
        gate-log         what the gate has to say

A program is in a machine if POPCORN_MACHINE in its environment names the socket of its node.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from popcc.errors import PopccError
from popcc.isa import ISAS
from popcc.runtime.popcorn.hosts import host_isa
from popcc.runtime.popcorn.machine.interconnect import Interconnect
from popcc.schema.machines import MACHINE_MOST

DEFAULT = "default"  # the machine that is meant when none is named
VARIABLE = "POPCORN_MACHINE"
REPLICA = "POPCORN_REPLICA"  # FD:NUMBER:KEY:CLOCKS, by which a program knows that it is one
_VERSION = 2
_FILE = "machine.json"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")
_ADDRESS = 107  # bytes of a Unix socket's path


class Node(Struct, frozen=True):
    """One kernel of a machine: a process that starts replicas on its ISA."""

    number: int
    name: str
    isa: str
    socket: Path
    pid: int = 0  # 0: not started yet, or another host's
    host: str = ""  # which other host's it is; "": this one's
    how: str = ""  # "native" or "emulated", as its own host has it

    @property
    def emulated(self) -> bool:
        return self.how == "emulated" if self.how else self.isa != host_isa().name

    @property
    def log(self) -> Path:
        return self.socket.with_suffix(".log")


class Hosts(Struct, frozen=True):
    """What makes a machine one of several hosts."""

    listens: bool  # it is the one that others join
    address: str  # HOST:PORT, where that one listens


class Machine(Struct, frozen=True):
    """Nodes, in the order of their numbers, and what lies between them. Numbers of nodes that left are free."""

    name: str
    directory: Path
    nodes: tuple[Node, ...]
    wire: Interconnect
    hosts: Hosts | None = None

    @property
    def own(self) -> tuple[Node, ...]:
        """The nodes of this host."""
        return tuple(n for n in self.nodes if not n.host)

    @property
    def gate(self) -> Path:
        """The socket of the gate; no node's name makes this one."""
        return self.directory / "gate"

    @property
    def gate_log(self) -> Path:
        return self.directory / "gate-log"

    def numbered(self, number: int) -> Node | None:
        """The node with this number, if there is one."""
        return next((n for n in self.nodes if n.number == number), None)

    def node(self, named: str) -> Node:
        """By name or by number. Raises `PopccError` naming those there are."""
        for node in self.nodes:
            if named in (node.name, str(node.number)):
                return node
        known = ", ".join(f"{n.name} ({n.isa})" for n in self.nodes) or "none"
        raise PopccError(f"machine '{self.name}' has no node '{named}'; its nodes are {known}")


def check_name(what: str, name: str) -> None:
    """Raises `PopccError` for what can be no file's name, or is hard to tell from a number."""
    if not _NAME.fullmatch(name) or name.isdigit():
        raise PopccError(
            f"'{name}' can't be the name of a {what}: letters, digits, '_', '.', '-', at most 32, no number"
        )


def plan(name: str, wanted: list[tuple[str, str]], wire: Interconnect, hosts: Hosts | None = None) -> Machine:
    """A machine of nodes (name, ISA), none of them started. Raises `PopccError` when they can't be one machine."""
    check_name("machine", name)
    if len(wanted) > MACHINE_MOST:
        raise PopccError(f"a machine has at most {MACHINE_MOST} nodes, not {len(wanted)}")
    directory = base() / name
    nodes: list[Node] = []
    for number, (node, isa) in enumerate(wanted):
        check_node(node, isa)
        if any(n.name == node for n in nodes):
            raise PopccError(f"two nodes are called '{node}'; give them names: --node NAME:{isa}")
        socket = directory / f"{node}.socket"
        if len(os.fsencode(socket)) > _ADDRESS:
            raise PopccError(f"'{socket}' is too long for a socket's name; choose a shorter $XDG_RUNTIME_DIR or names")
        nodes.append(Node(number, node, isa, socket))
    return Machine(name, directory, tuple(nodes), wire, hosts)


def check_node(name: str, isa: str) -> None:
    """Raises `PopccError` when a node of `isa` can't be called so."""
    check_name("node", name)
    if name in ISAS and name != isa:
        raise PopccError(f"a node of {isa} can't be called '{name}', which is another ISA")


def base() -> Path:
    """The folder of this user's machines, which need not be there."""
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    with suppress(OSError):
        if given.startswith("/") and Path(given).stat().st_uid == os.geteuid():
            return Path(given) / "popcorn"
    return Path(f"/tmp/popcorn-{os.geteuid()}")


@contextmanager
def locked() -> Iterator[Path]:
    """The folder of machines, which nobody else changes meanwhile; it is gone afterwards if nothing is in it.

    Raises `PopccError` when the folder is not this user's alone.
    """
    folder = base()
    fd, made = -1, not folder.exists()
    try:  # which begins first: an interrupt may come behind any line
        while True:
            try:
                folder.mkdir(mode=0o700, exist_ok=True)
            except OSError as e:
                raise PopccError(f"cannot make '{folder}': {e.strerror}") from None
            with suppress(FileNotFoundError):  # whoever had it last took it away
                check_private(folder)
                fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
                fcntl.flock(fd, fcntl.LOCK_EX)
                if folder.exists() and os.path.samestat(os.fstat(fd), folder.lstat()):
                    break
                os.close(fd)
                fd = -1
        yield folder
    finally:
        with suppress(OSError):
            if fd < 0 and made:
                fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            if fd >= 0:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it is another's to remove if another has it
                folder.rmdir()
        if fd >= 0:
            os.close(fd)


def check_private(folder: Path) -> None:
    """Raises `PopccError` when others could have put something there."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PopccError(f"'{folder}' is not a folder that only you can enter; remove it, or set XDG_RUNTIME_DIR")


def write_machine(machine: Machine) -> None:
    """Into its folder, whole or not at all."""
    nodes = [
        {
            "number": n.number, "name": n.name, "isa": n.isa, "pid": n.pid, "socket": str(n.socket), "host": n.host,
            "how": n.how,
        }
        for n in machine.nodes
    ]  # fmt: skip
    hosts = None if machine.hosts is None else {"listens": machine.hosts.listens, "address": machine.hosts.address}
    described = {
        "version": _VERSION, "name": machine.name, "latency": machine.wire.latency,
        "bandwidth": machine.wire.bandwidth, "hosts": hosts, "nodes": nodes,
    }  # fmt: skip
    written = machine.directory / f".{_FILE}"
    written.write_text(json.dumps(described, indent=2) + "\n")
    written.replace(machine.directory / _FILE)


def change_machine(directory: Path, change: Callable[[Machine], Machine]) -> Machine:
    """Describes it anew; nobody else does so meanwhile. Raises as `read_machine`, and `OSError`."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        write_machine(changed := change(read_machine(directory)))
    finally:
        os.close(fd)
    return changed


def read_machine(directory: Path) -> Machine:
    """The machine of a folder. Raises `FileNotFoundError` when it is none, `PopccError` when that can't be read."""
    path = directory / _FILE
    try:
        j = json.loads(path.read_text())
        if j["version"] != _VERSION:
            raise PopccError(f"{path}: made by another popcorn; put the machine down with that one")
        nodes = tuple(
            Node(
                int(n["number"]), str(n["name"]), str(n["isa"]), Path(n["socket"]), int(n["pid"]), str(n["host"]),
                str(n["how"]),
            )
            for n in j["nodes"]
        )  # fmt: skip
        wire = Interconnect(float(j["latency"]), float(j["bandwidth"]))
        hosts = j["hosts"] and Hosts(bool(j["hosts"]["listens"]), str(j["hosts"]["address"]))
        return Machine(str(j["name"]), directory, nodes, wire, hosts or None)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(str(path)) from None
    except OSError as e:
        raise PopccError(f"cannot read '{path}': {e.strerror}") from None
    except (ValueError, KeyError, TypeError) as e:
        raise PopccError(
            f"{path}: is damaged ({e}); end the machine: popcorn machine down --name {directory.name}"
        ) from None


def find_machine(name: str) -> Machine:
    """The machine of that name. Raises `PopccError` when there is none."""
    check_name("machine", name)
    directory = base() / name
    try:
        check_private(directory.parent)
        return read_machine(directory)
    except FileNotFoundError:
        option = "" if name == DEFAULT else f" --name {name}"
        raise PopccError(f"there is no machine '{name}'; start it: popcorn machine up{option}") from None


def all_machines() -> list[str]:
    """The names of this user's machines."""
    try:
        return sorted(p.name for p in base().iterdir() if (p / _FILE).exists())
    except OSError:
        return []


def machine_at(socket: str) -> tuple[Machine, Node] | None:
    """The machine and the node that a program was started on, of its POPCORN_MACHINE; None when it is gone."""
    try:
        machine = read_machine(Path(socket).parent)
    except (FileNotFoundError, PopccError):
        return None
    return next(((machine, node) for node in machine.nodes if str(node.socket) == socket), None)


def remove(directory: Path) -> None:
    """All that a machine has left."""
    shutil.rmtree(directory, ignore_errors=True)
