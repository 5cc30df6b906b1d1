"""Connections of a node: messages and descriptors that travel over Unix sockets in the event loop."""

from __future__ import annotations

import asyncio
import os
import socket
import struct

from msgspec import Struct

from popcc.errors import PopccError
from popcc.runtime.popcorn.machine.protocol import Answered
from popcc.runtime.popcorn.machine.relay import readable, writable
from popcc.runtime.popcorn.machine.state import Node
from popcc.schema.machines import MACHINE_MAGIC, MACHINE_VERSION, MachineReply, MachineRequest
from popcc.schema.requests import TEXT_MAX, Status

ANSWER_SECONDS = 60.0  # in which another node has started a replica, however loaded the host is
_DESCRIPTORS = 4  # that are taken from one message; all but the first are closed
_HEAD = struct.Struct("<II")


class Garbage(Exception):
    """What came is no request, or the connection ended in the middle of one."""


class OtherVersion(PopccError):
    """A request in words that this node does not know."""


class Asked(Struct, frozen=True):
    """A request, with what came along."""

    request: MachineRequest
    text: bytes
    descriptor: int | None


class Channel:
    """A connection in the event loop, over which descriptors travel."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.connection.setblocking(False)
        self._descriptors: list[int] = []

    async def asked(self) -> Asked | None:
        """The next request; None when there are no more. Raises `Garbage` or `OtherVersion`."""
        head = await self._receive(_HEAD.size, may_end=True)
        if not head:
            return None
        magic, version = _HEAD.unpack(head)
        if magic != MACHINE_MAGIC:
            raise Garbage("no request")
        if version != MACHINE_VERSION:
            raise OtherVersion(f"the program speaks version {version} with its node, which speaks {MACHINE_VERSION}")
        asked = MachineRequest.unpack(head + await self._receive(MachineRequest.size() - len(head)))
        if asked.text_bytes > TEXT_MAX:
            raise Garbage("more text than there can be")
        text = await self._receive(asked.text_bytes)
        return Asked(asked, text, self._descriptor())

    async def answered(self) -> Answered:
        """The reply to what was sent. Raises `Garbage`."""
        answer = MachineReply.unpack(await self._receive(MachineReply.size()))
        if (answer.magic, answer.version) != (MACHINE_MAGIC, MACHINE_VERSION) or answer.text_bytes > TEXT_MAX:
            raise Garbage("no reply")
        return Answered(answer, await self._receive(answer.text_bytes), self._descriptor())

    async def send(self, message: MachineRequest | MachineReply, text: bytes, descriptor: int | None) -> None:
        """All of it, the descriptor with the first byte."""
        data = memoryview(message.pack() + text)
        along = [] if descriptor is None else [descriptor]
        while True:
            try:
                sent = socket.send_fds(self.connection, [data], along)
                break
            except BlockingIOError:
                await writable(self.connection.fileno())
        await asyncio.get_running_loop().sock_sendall(self.connection, data[sent:])

    def close(self) -> None:
        self.connection.close()
        while (fd := self._descriptor()) is not None:
            os.close(fd)

    def _descriptor(self) -> int | None:
        """The one that came, which is the caller's now; further ones nobody asked for."""
        first = self._descriptors.pop(0) if self._descriptors else None
        for fd in self._descriptors:
            os.close(fd)
        self._descriptors = []
        return first

    async def _receive(self, n: int, may_end: bool = False) -> bytes:
        data = b""
        while len(data) < n:
            try:
                part, fds, _, _ = socket.recv_fds(self.connection, n - len(data), _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                await readable(self.connection.fileno())
                continue
            self._descriptors += fds
            if not part:
                if may_end and not data:
                    return b""
                raise Garbage("the connection ended")
            data += part
        return data


async def connected(node: Node) -> socket.socket:
    """Raises `OSError` when the node is down."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, str(node.socket))
    except OSError:
        connection.close()
        raise
    return connection


async def is_up(node: Node) -> bool:
    """Whether it takes connections."""
    try:
        (await connected(node)).close()
    except BlockingIOError:
        return True  # so many ask it that it takes nobody now
    except OSError:
        return False
    return True


async def passed_on(target: Node, asked: Asked) -> Answered:
    """What the target node answers, whose descriptor is the caller's. Raises `PopccError` with its words."""
    try:
        channel = Channel(await connected(target))
    except OSError:
        raise PopccError(f"node '{target.name}' is down") from None
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await channel.send(asked.request, asked.text, asked.descriptor)
            answered = await channel.answered()
    except TimeoutError:
        raise PopccError(f"node '{target.name}' did not answer within {ANSWER_SECONDS:.0f} s") from None
    except (OSError, Garbage):
        raise PopccError(f"node '{target.name}' went down meanwhile") from None
    finally:
        channel.close()
    if answered.reply.status != Status.DONE:
        raise PopccError(answered.text.decode(errors="replace"))
    return answered


def link(target: Node, answered: Answered) -> socket.socket:
    """What an answer to ATTACH has to bring. Raises `PopccError`."""
    if answered.descriptor is None:
        raise PopccError(f"node '{target.name}' gave no link")
    return socket.socket(fileno=answered.descriptor)
