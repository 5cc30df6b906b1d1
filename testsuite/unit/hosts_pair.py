"""Two ends of a connection between hosts, in one event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from popcc.errors import PopccError
from popcc.runtime.popcorn.machine.hosts import secure
from popcc.runtime.popcorn.machine.hosts.certificate import contexts
from popcc.runtime.popcorn.machine.hosts.secure import Secure, WrongKey

KEY = bytes(range(32))


def run(work: Coroutine[Any, Any, None]) -> None:
    """In an event loop, for so long at most."""

    async def bounded() -> None:
        async with asyncio.timeout(60):
            await work

    asyncio.run(bounded())


@asynccontextmanager
async def pair(ours: bytes = KEY, theirs: bytes = KEY) -> AsyncIterator[tuple[Secure, Secure]]:
    """Two ends of a connection, of who listens and of who dials."""
    listener = secure.listen("127.0.0.1:0")
    with listener:
        serving = asyncio.create_task(accepted(listener, ours))
        try:
            dialled = await secure.dial(secure.address_of(listener), contexts(theirs))
        except PopccError:
            with pytest.raises((WrongKey, OSError)):
                await serving
            raise
        served = await serving
        yield served, dialled
        served.close()
        dialled.close()


async def accepted(listener: socket.socket, key: bytes) -> Secure:
    connection, _ = await asyncio.get_running_loop().sock_accept(listener)
    return await secure.secured(connection, contexts(key), serves=True)
