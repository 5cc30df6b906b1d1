"""A stream between two hosts: what a process and its replica say to each other, over one connection after the other.

    process - socket pair - gate = TLS = gate - socket pair - replica

Each gate counts the bytes that it has delivered, and keeps what it has sent until the other says that it has been. A
connection that is cut is made again: both begin with their counts, and go on behind them. So a process knows of no cut
that heals in time. A side whose socket has come to its end says END, and is done when the other says so, too.

Every page that a thread waits for passes here twice, there and back: so bytes go on in the callback in which they come,
and no task has to be woken.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from enum import IntEnum

from popcc.runtime.popcorn.machine.channel import Garbage
from popcc.runtime.popcorn.machine.hosts.secure import HANDSHAKE_SECONDS, Broken, Secure

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
        self.passage: _Passage | None = None  # over what carries it now

    async def run(self, connection: Secure | None) -> None:
        """Until one side ends, or no connection is made again. The socket is closed then. Raises `Garbage`."""
        try:
            while connection is not None:
                try:
                    if await self._carry(connection):
                        return
                finally:
                    connection.close()
                connection = await self.again()
        finally:
            self.end.close()

    def cut(self) -> None:
        """The other side has made another connection."""
        if self.passage is not None:
            self.passage.connection.cut()

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
        self.forget(count)
        self.sent = self.first
        self.told = self.delivered
        self.passage = _Passage(self, connection)
        try:
            return await self.passage.over
        except Broken:
            return False
        finally:
            self.passage.stop()
            self.passage = None

    def forget(self, count: int) -> None:
        """The other side has delivered so many. Raises `Garbage` when there never were so many."""
        if not self.first <= count <= self.total:
            raise Garbage("a count of what never was in the stream")
        del self.kept[: count - self.first]
        self.first = count


class _Passage:
    """What a stream does while it has a connection."""

    def __init__(self, stream: Carrier, connection: Secure) -> None:
        self.stream, self.connection = stream, connection
        self.loop = asyncio.get_running_loop()
        self.over: asyncio.Future[bool] = self.loop.create_future()  # whether the stream is, too
        self.tls, self.end = connection.tls, stream.end
        self.out = b""  # a frame that the connection has not taken whole
        self.control = b""  # what is said next, before any data
        self.full = False  # it takes no more now
        self.said_end = False
        self.came = bytearray()  # of the connection, and not dealt with
        self.due = 0  # bytes of the frame of data that is under way
        self._act(self._start)

    def _act(self, what: Callable[[], None]) -> None:
        """Whatever goes wrong there ends the passage."""
        if self.over.done():
            return
        try:
            what()
        except (Broken, Garbage) as e:
            if not self.over.done():
                self.over.set_exception(e)

    def _start(self) -> None:
        self._listen_to_socket()
        self._listen_to_connection()
        self._write()
        self._read()  # TLS may hold something already

    def stop(self) -> None:
        """The loop watches none of the two any more."""
        for fd in (self.tls.fileno(), self.end.fileno()):
            if fd >= 0:
                self.loop.remove_reader(fd)
                self.loop.remove_writer(fd)
        if self.over.done() and not self.over.cancelled():
            self.over.exception()  # it has been seen

    def _listen_to_socket(self) -> None:
        if not self.stream.ended and self.stream.total - self.stream.first <= _HELD:
            self.loop.add_reader(self.end.fileno(), self._act, self._take)

    def _listen_to_connection(self) -> None:
        self.loop.add_reader(self.tls.fileno(), self._act, self._read)

    def _take(self) -> None:
        """What the socket has, into the connection."""
        stream = self.stream
        try:
            data = self.end.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        stream.kept += data
        stream.total += len(data)
        stream.ended = not data
        if stream.ended or stream.total - stream.first > _HELD:
            self.loop.remove_reader(self.end.fileno())
        self._write()

    def _write(self) -> None:
        """As much as the connection takes now; the rest when it takes more."""
        try:
            while self.out or self._next():
                self.out = self.out[self.tls.send(self.out) :]
        except ssl.SSLWantWriteError:
            if not self.full:
                self.full = True
                self.loop.add_writer(self.tls.fileno(), self._act, self._write)
            return
        except OSError as e:
            raise Broken(e.errno, e.strerror or str(e)) from e
        if self.full:
            self.full = False
            self.loop.remove_writer(self.tls.fileno())

    def _next(self) -> bool:
        """The next frame; whether there is one."""
        stream = self.stream
        if self.control:
            self.out, self.control = self.control, b""
        elif stream.sent < stream.total:
            at = stream.sent - stream.first
            data = stream.kept[at : at + _CHUNK]
            stream.sent += len(data)
            self.out = _HEAD.pack(Kind.DATA, len(data)) + data
        elif stream.ended and not self.said_end:
            self.said_end = True
            self.out = _HEAD.pack(Kind.END, 0)
        return bool(self.out)

    def _read(self) -> None:
        """What the connection has, into the socket."""
        while self._digest():
            try:
                data = self.tls.recv(_CHUNK)
            except ssl.SSLWantReadError:
                return
            except OSError as e:
                raise Broken(e.errno, e.strerror or str(e)) from e
            if not data:
                raise Broken(0, "the other side closed the connection")
            self.came += data
            if not self.tls.pending():  # what is still in the kernel calls again
                self._digest()
                return

    def _digest(self) -> bool:
        """What came is dealt with. False: the socket takes no more now, or the stream is over."""
        while not self.over.done():
            if self.due and not self._deliver():
                return False
            if self.due or len(self.came) < _HEAD.size:
                return True
            kind, number = _HEAD.unpack_from(self.came)
            del self.came[: _HEAD.size]
            self._heard(kind, number)
        return False

    def _heard(self, kind: int, number: int) -> None:
        if kind == Kind.DATA:
            self.due = number
        elif kind == Kind.COUNT:
            self.stream.forget(number)
            self._listen_to_socket()
        elif kind == Kind.END:
            self._say(Kind.END, 0)
            if not self.over.done():
                self.over.set_result(True)
        else:
            raise Garbage("no stream of a machine")

    def _deliver(self) -> bool:
        """What came of the data that is due, counted as it goes: what was not counted comes again over the next
        connection. Where nobody reads any more it goes nowhere; that socket has come to its end. Whether all went."""
        piece = self.came[: self.due]
        try:
            n = self.end.send(piece) if piece else 0
        except BlockingIOError:
            n = 0
        except OSError:
            n = len(piece)
        del self.came[:n]
        self.due -= n
        stream = self.stream
        stream.delivered += n
        if stream.delivered - stream.told >= _TELL_EVERY:
            stream.told = stream.delivered
            self._say(Kind.COUNT, stream.delivered)
        if n < len(piece):
            self.loop.remove_reader(self.tls.fileno())
            self.loop.add_writer(self.end.fileno(), self._act, self._room)
        return n == len(piece)

    def _room(self) -> None:
        """The socket takes more."""
        self.loop.remove_writer(self.end.fileno())
        self._listen_to_connection()
        self._read()

    def _say(self, kind: Kind, number: int) -> None:
        self.control += _HEAD.pack(kind, number)
        self._write()
