"""Machines that tests start, and a program that asks its node as libpopcorn does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from popcorn_fixtures import eventually, popcorn, succeeds

from popcc.linker.program import read_program
from popcc.runtime.popcorn.machine.protocol import request
from popcc.runtime.popcorn.machine.state import Machine, read_machine
from popcc.schema.machines import MachineOp, MachineReply, MachineRequest
from popcc.schema.requests import Status

KEY = 2**63 + 12345


@dataclass(frozen=True)
class Emulated:
    """A machine in a folder of the test's own."""

    machine: Machine
    env: dict[str, str]

    def nodes(self) -> list[dict[str, Any]]:
        """As `popcorn nodes` shows them."""
        found: list[dict[str, Any]] = json.loads(succeeds("nodes", "--json", env=self.env))["nodes"]
        return found

    def states(self) -> list[str]:
        return [n["state"] for n in self.nodes()]

    def connection(self, node: int = 0) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(60)
        made.connect(str(self.machine.nodes[node].socket))
        return made

    def pid(self, node: int) -> int:
        return int(self.nodes()[node]["pid"])


@contextmanager
def machine(folder: Path, *options: str, name: str = "default") -> Iterator[Emulated]:
    """`popcorn machine up`, and whatever happens, down. Nothing of it is left then."""
    folder.mkdir(exist_ok=True)
    env = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    try:
        succeeds("machine", "up", "--name", name, *options, env=env)
        yield Emulated(read_machine(folder / "popcorn" / name), env)
    finally:
        popcorn("machine", "down", "--name", name, env=env)
    assert not list(folder.iterdir()), list(folder.rglob("*"))
    eventually(lambda: not left_of(folder), "the end of all processes of the machine")


def environ(pid: int) -> dict[str, str]:
    words = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(w.split("=", 1) for w in words if "=" in w)


def left_of(folder: Path) -> list[str]:
    """Processes that have to do with machines in `folder`."""
    found = []
    for proc in Path("/proc").iterdir():
        with suppress(OSError):
            if proc.name.isdigit() and int(proc.name) != os.getpid():
                words = (proc / "cmdline").read_bytes().split(b"\0")
                if os.fsencode(folder / "popcorn") in b" ".join(
                    words
                ) and b"popcc.runtime.popcorn.machine" in b" ".join(words):
                    found.append(f"node or gate {proc.name}")
                if f"POPCORN_MACHINE={folder}/".encode() in (proc / "environ").read_bytes():
                    found.append(f"replica {proc.name}")
    return found


@dataclass(frozen=True)
class Told:
    """What a node replied."""

    reply: MachineReply
    words: str
    link: socket.socket | None


def attach(program: Path, node: int, **changed: int | bytes) -> MachineRequest:
    """The request of a process of `program`."""
    fields: dict[str, int | bytes] = {
        "node": node, "number": 1, "pid": os.getpid(), "key": KEY,
        "build_id": bytes.fromhex(read_program(program).build_id), "text_bytes": len(os.fsencode(program)),
    }  # fmt: skip
    return request(MachineOp.ATTACH, **(fields | changed))


def tell(connection: socket.socket, asked: MachineRequest, program: Path | None = None) -> Told:
    """Sends a request, with the program's path and a descriptor of it, and takes the reply."""
    if program is None:
        connection.sendall(asked.pack())
    else:
        with program.open("rb") as file:
            socket.send_fds(connection, [asked.pack()], [file.fileno()])
        connection.sendall(os.fsencode(program))
    return heard(connection)


def heard(connection: socket.socket) -> Told:
    size = MachineReply.size()
    data, fds, _, _ = socket.recv_fds(connection, size, 4)
    while len(data) < size:
        part = connection.recv(size - len(data))
        assert part, "the node closed the connection"
        data += part
    reply = MachineReply.unpack(data)
    words = b""
    while len(words) < reply.text_bytes:
        words += connection.recv(reply.text_bytes - len(words))
    assert len(fds) <= 1 and (not fds or reply.status == Status.DONE)
    link = socket.socket(fileno=fds[0]) if fds else None
    if link:
        link.settimeout(60)
    return Told(reply, words.decode(), link)


def heard_by_another_user(address: Path) -> bytes:
    """What a Unix socket says to a user who is not this one, with the way to it open to all; needs root."""
    modes = {p: p.stat().st_mode for p in (address, *address.parents)}
    for path, mode in modes.items():
        path.chmod(mode | (0o777 if path.is_socket() else 0o711))
    script = (
        "import os, socket, sys; os.setgid(65534); os.setuid(65534); s = socket.socket(socket.AF_UNIX);"
        f"s.connect({str(address)!r}); sys.stdout.buffer.write(s.recv(9))"
    )
    try:
        return subprocess.run(["python3", "-c", script], stdout=subprocess.PIPE, check=True).stdout
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
