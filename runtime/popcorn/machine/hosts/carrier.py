"""A stream between two hosts: what a process and its replica say to each other, over one connection after the other.

    process - socket pair - gate = TLS = gate - socket pair - replica

Each gate counts the bytes that it has delivered, and keeps what it has sent until the other says that it has been. A
connection that is cut is made again: both begin with their counts, and go on behind them. So a process knows of no cut
that heals in time. A side whose socket has come to its end says END, and is done when the other says so, too.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import IntEnum

from popcc.runtime.popcorn.machine.channel import Garbage
from popcc.runtime.popcorn.machine.hosts.secure import HANDSHAKE_SECONDS, Broken, Secure
from popcc.runtime.popcorn.machine.relay import readable, writable

_CHUNK = 64 << 10
_HELD = 4 << 20  # bytes that are kept; then the process has to wait, as on any link that is full
_TELL_EVERY = 256 << 10  # bytes delivered, until the other side is told
_HEAD = struct.Struct("<BQ")


class Kind(IntEnum):
    """Of what comes over a connection; each has a number behind it."""

    COUNT = 1  # first: bytes that were delivered so far; later the same
    DATA = 2  # so many bytes follow
    END = 3
    UNKNOWN = 4  # instead of the first COUNT: there is no such stream any more


Again = Callable[[], Awaitable[Secure | None]]


async def say_unknown(connection: Secure) -> None:
    """The answer to who resumes what is over."""
    await connection.send(_HEAD.pack(Kind.UNKNOWN, 0))


class Carrier:
    """One end of a stream. `again` makes the next connection, or says with None that there will be none."""

    def __init__(self, end: socket.socket, again: Again) -> None:
        self.end, self.again = end, again
        self.end.setblocking(False)
        self.kept = bytearray()
        self.first = self.total = 0  # which bytes of the stream are kept
        self.sent = 0  # up to here they have gone into this connection
        self.delivered = self.told = 0
        self.ended = False  # the socket has come to its end
        self.room = asyncio.Event()
        self.connection: Secure | None = None  # what carries it now

    async def run(self, connection: Secure | None) -> None:
        """Until one side ends, or no connection is made again. The socket is closed then."""
        try:
            while connection is not None:
                self.connection = connection
                try:
                    if await self._carry(connection):
                        return
                finally:
                    self.connection = None
                    connection.close()
                connection = await self.again()
        finally:
            self.end.close()

    def cut(self) -> None:
        """The other side has made another connection, or soon will."""
        if self.connection is not None:
            self.connection.cut()

    async def _carry(self, connection: Secure) -> bool:
        """Whether the stream is over, not only the connection. Raises `Garbage`."""
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await connection.send(_HEAD.pack(Kind.COUNT, self.delivered))
                kind, count = _HEAD.unpack(await connection.exactly(_HEAD.size))
        except (Broken, TimeoutError):
            return False
        if kind == Kind.UNKNOWN:
            return True
        if kind != Kind.COUNT:
            raise Garbage("no stream of a machine")
        self._forget(count)
        self.sent = self.first
        self.told = self.delivered
        tasks = [asyncio.create_task(self._send(connection)), asyncio.create_task(self._receive(connection))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            with suppress(Broken):
                return task.result()
        return False

    async def _send(self, connection: Secure) -> bool:
        """What the socket has, and again what an earlier connection may have lost. Ends with the connection."""
        while True:
            while self.sent < self.total:
                at = self.sent - self.first
                data = bytes(self.kept[at : at + _CHUNK])
                await connection.send(_HEAD.pack(Kind.DATA, len(data)) + data)
                self.sent += len(data)
            if self.ended:
                await connection.send(_HEAD.pack(Kind.END, 0))
                await asyncio.get_running_loop().create_future()  # the answer is for `_receive`
            if self.total - self.first > _HELD:
                self.room.clear()
                await self.room.wait()
                continue
            try:
                data = self.end.recv(_CHUNK)
            except BlockingIOError:
                await readable(self.end.fileno())
                continue
            except OSError:
                data = b""
            self.ended = not data
            self.kept += data
            self.total += len(data)

    async def _receive(self, connection: Secure) -> bool:
        """What the other side has, into the socket. True: the stream is over. Raises `Broken`, or `Garbage`."""
        buffer = bytearray()
        while True:
            while len(buffer) < _HEAD.size:
                buffer += await connection.some(_CHUNK)
            kind, number = _HEAD.unpack_from(buffer)
            del buffer[: _HEAD.size]
            if kind == Kind.DATA:
                while number:
                    buffer = buffer or bytearray(await connection.some(_CHUNK))
                    piece = buffer[:number]
                    await self._deliver(piece)
                    del buffer[: len(piece)]
                    number -= len(piece)
                if self.delivered - self.told >= _TELL_EVERY:
                    self.told = self.delivered
                    await connection.send(_HEAD.pack(Kind.COUNT, self.delivered))
            elif kind == Kind.COUNT:
                self._forget(number)
                self.room.set()
            elif kind == Kind.END:
                if not self.ended:
                    await connection.send(_HEAD.pack(Kind.END, 0))
                return True
            else:
                raise Garbage("no stream of a machine")

    async def _deliver(self, piece: bytearray) -> None:
        """All of it, counted as it goes: whatever interrupts this, what was not counted comes again. Where nobody reads
        any more it goes nowhere; the socket has come to its end then."""
        left = memoryview(piece)
        while left:
            try:
                n = self.end.send(left)
            except BlockingIOError:
                await writable(self.end.fileno())
                continue
            except OSError:
                n = len(left)
            self.delivered += n
            left = left[n:]

    def _forget(self, count: int) -> None:
        """The other side has delivered so many."""
        if not self.first <= count <= self.total:
            raise Garbage("a count of what never was in the stream")
        del self.kept[: count - self.first]
        self.first = count
