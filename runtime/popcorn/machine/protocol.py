"""The messages of popcc/schema/machines.py on a node's socket, and popcorn's own requests.

program, command or other node        node
struct popcorn_machine_request, text, descriptor ->
        <- struct popcorn_machine_reply, text, descriptor
... and so on, on the same connection
"""

from __future__ import annotations

import socket
import struct
from enum import IntEnum
from pathlib import Path

from msgspec import Struct

from popcc.errors import PopccError
from popcc.schema.machines import MACHINE_MAGIC, MACHINE_MOST, MACHINE_VERSION, MachineReply, MachineRequest
from popcc.schema.requests import TEXT_MAX, Status

NODE_SECONDS = 10.0  # in which a node answers popcorn; it does nothing that takes long


class CommandOp(IntEnum):
    """What only popcorn asks of a node, in the same message as programs do."""

    REPLICAS = 256  # text: a JSON list of the replicas that run on the node


class Answered(Struct, frozen=True):
    """A reply, with what came along."""

    reply: MachineReply
    text: bytes
    descriptor: int | None


def request(op: int, **fields: int | bytes) -> MachineRequest:
    """A request; what is not given is 0."""
    values: dict[str, int | bytes] = {
        "node": 0,
        "number": 0,
        "pid": 0,
        "key": 0,
        "clocks": 0,
        "build_id": bytes(20),
        "text_bytes": 0,
    }
    return MachineRequest(MACHINE_MAGIC, MACHINE_VERSION, op, **(values | fields))  # type: ignore[arg-type]


def reply(status: Status, node: int, isas: list[int], text: bytes) -> MachineReply:
    """A reply of `node`; `isas` by the nodes' numbers, 0 for one that is down or was never there."""
    known = bytes(isas) + bytes(MACHINE_MOST - len(isas))
    return MachineReply(MACHINE_MAGIC, MACHINE_VERSION, status, node, len(isas), len(text), known)


def peer(connection: socket.socket) -> tuple[int, int]:
    """Process and user at the other end."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid, uid, _ = struct.unpack("iII", raw)
    return pid, uid


def ask(address: Path, op: int) -> Answered:
    """One request of popcorn to a node. Raises `OSError` when it is down, `PopccError` when it refuses."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(NODE_SECONDS)
        connection.connect(str(address))
        connection.sendall(request(op).pack())
        answer = MachineReply.unpack(_all(connection, MachineReply.size()))
        if (answer.magic, answer.version) != (MACHINE_MAGIC, MACHINE_VERSION) or answer.text_bytes > TEXT_MAX:
            raise PopccError(f"{address}: a node of another popcorn; put the machine down with that one")
        text = _all(connection, answer.text_bytes)
    if answer.status != Status.DONE:
        raise PopccError(text.decode(errors="replace"))
    return Answered(answer, text, None)


def _all(connection: socket.socket, n: int) -> bytes:
    data = b""
    while len(data) < n:
        part = connection.recv(n - len(data))
        if not part:
            raise ConnectionResetError("the node closed the connection")
        data += part
    return data
