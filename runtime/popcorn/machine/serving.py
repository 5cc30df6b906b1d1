"""What serves requests over Unix sockets: who asks is looked at, and whatever comes, the server goes on."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress

from popcc.runtime.popcorn.machine.channel import Asked, Channel, Garbage, OtherVersion
from popcc.runtime.popcorn.machine.protocol import peer, reply
from popcc.schema.requests import TEXT_MAX, Status

BACKLOG = 128  # of the sockets that servers listen on
_NO_ROOM_SECONDS = 0.5  # until a server that has run out of descriptors looks again

Serve = Callable[[Channel, Asked], Awaitable[None]]
Meet = Callable[[socket.socket], Coroutine[None, None, None]]


class Server:
    """A process in an event loop. Its standard error is its log."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tasks: set[asyncio.Task[None]] = set()
        self.ended = asyncio.Event()

    async def accept(
        self, listener: socket.socket, meet: Callable[[socket.socket], Coroutine[None, None, None]]
    ) -> None:
        """Each connection has a task of its own."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as e:
                self.log(f"cannot take a connection: {e.strerror}")
                await asyncio.sleep(_NO_ROOM_SECONDS)
                continue
            self.task(meet(connection))

    async def converse(self, connection: socket.socket, number: int, serve: Serve) -> None:
        """All requests of one connection to the node with this number. Whatever comes, the server goes on."""
        channel = Channel(connection)
        pid, uid = peer(connection)
        try:
            if uid not in (0, os.geteuid()):
                self.log(f"process {pid} of user {uid} is not served")
                return
            while (asked := await channel.asked()) is not None:
                try:
                    await serve(channel, asked)
                finally:
                    if asked.descriptor is not None:
                        os.close(asked.descriptor)
        except OtherVersion as e:
            self.log(f"process {pid}: {e}")
            with suppress(OSError):
                await self.refuse(channel, number, str(e), [])
        except Garbage as e:
            self.log(f"process {pid}: {e}")
        except OSError:
            pass  # it has gone
        except Exception:
            self.log(f"process {pid}: {traceback.format_exc()}")
        finally:
            channel.close()

    async def refuse(self, channel: Channel, number: int, why: str, isas: list[int]) -> None:
        """The answer to who asks for what can't be."""
        self.log(f"refused: {why}")
        text = why.encode(errors="replace")[:TEXT_MAX]
        await channel.send(reply(Status.REFUSED, number, isas, text), text, None)

    def task(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Goes on beside the others; an error that it ends with is logged."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (e := task.exception()) is not None:
            self.log("".join(traceback.format_exception(e)))

    def log(self, text: str) -> None:
        with suppress(OSError):  # a full disk stops no server
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {self.name}: {text}", file=sys.stderr, flush=True)
