"""A wire between two replicas, with the latency and bandwidth of the machine's interconnect.

Without those nothing stands between two replicas but a pair of sockets. A relay reads what one side writes, keeps it
for as long as the wire would take, and writes it to the other side:

    the wire is free -> len * 8 / bandwidth -> the wire is free again
                                            -> latency -> the other side has the last byte
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from popcc.runtime.popcorn.machine.interconnect import Interconnect

_CHUNK = 64 << 10
_HELD = 4 << 20  # bytes on their way in one direction; who writes more has to wait, as on a wire
_CLOCK_MONOTONIC, _TFD_TIMER_ABSTIME = 1, 1
_TFD_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC
_libc = ctypes.CDLL(None, use_errno=True)


async def relay(left: socket.socket, right: socket.socket, wire: Interconnect) -> None:
    """Carries bytes both ways until one side closes. What it has sent arrives; then both are closed."""
    for end in (left, right):
        end.setblocking(False)
    lanes = [asyncio.create_task(_Lane(left, right, wire).run()), asyncio.create_task(_Lane(right, left, wire).run())]
    try:
        await asyncio.wait(lanes, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        left.close()
        right.close()


class _Lane:
    """One direction of a wire."""

    def __init__(self, source: socket.socket, target: socket.socket, wire: Interconnect) -> None:
        self.source, self.target, self.wire = source, target, wire
        self.underway: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()  # when it arrives; no bytes: the end
        self.held = 0
        self.drained = asyncio.Event()
        self.free = 0.0  # when the wire has taken what was written so far

    async def run(self) -> None:
        reader = asyncio.create_task(self._read())
        try:
            await self._write()
        except OSError:
            pass  # the other side is gone
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)  # it must not watch a number that is another's soon

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while self.held > _HELD:
                self.drained.clear()
                await self.drained.wait()
            data = b""
            with suppress(OSError):
                data = await loop.sock_recv(self.source, _CHUNK)
            begin = max(time.monotonic(), self.free)
            self.free = begin + (len(data) * 8 / self.wire.bandwidth if self.wire.bandwidth else 0.0)
            self.held += len(data)
            self.underway.put_nowait((self.free + self.wire.latency, data))
            if not data:
                return

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        timer = _Timer()
        try:
            while True:
                arrives, data = await self.underway.get()
                await timer.until(arrives)
                if not data:
                    return
                await loop.sock_sendall(self.target, data)
                self.held -= len(data)
                self.drained.set()
        finally:
            timer.close()


class _Timer:
    """Waits to the microsecond: an event loop's own timers are rounded up to milliseconds."""

    def __init__(self) -> None:
        self.fd = _libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_FLAGS)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "no timer")

    async def until(self, moment: float) -> None:
        """`moment` is one of `time.monotonic`."""
        if moment <= time.monotonic():
            return
        seconds, fraction = divmod(moment, 1.0)
        value = (ctypes.c_long * 4)(0, 0, int(seconds), int(fraction * 1e9) + 1)
        _libc.timerfd_settime(self.fd, _TFD_TIMER_ABSTIME, value, None)
        await readable(self.fd)
        os.read(self.fd, 8)

    def close(self) -> None:
        os.close(self.fd)


async def readable(fd: int) -> None:
    """Until there is something to read."""
    loop = asyncio.get_running_loop()
    await _until(fd, loop.add_reader, loop.remove_reader)


async def writable(fd: int) -> None:
    """Until there is room to write."""
    loop = asyncio.get_running_loop()
    await _until(fd, loop.add_writer, loop.remove_writer)


async def _until(fd: int, add: Callable[..., None], remove: Callable[[int], bool]) -> None:
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    add(fd, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        remove(fd)
