"""Streams between hosts are whole, however often their connections are cut."""

from __future__ import annotations

import asyncio
import random
import socket
from typing import Any

import pytest
from hosts_pair import KEY, pair, run

from popcc.runtime.popcorn.machine.channel import Garbage
from popcc.runtime.popcorn.machine.hosts import carrier, secure
from popcc.runtime.popcorn.machine.hosts.carrier import Carrier
from popcc.runtime.popcorn.machine.hosts.certificate import contexts
from popcc.runtime.popcorn.machine.hosts.secure import Secure


@pytest.mark.parametrize("seed", range(6))
def test_a_stream_is_whole_however_often_it_is_cut(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes go both ways in pieces of all sizes, and are read at any pace."""
    draw = random.Random(seed)
    monkeypatch.setattr(carrier, "_HELD", 300_000)
    monkeypatch.setattr(carrier, "_TELL_EVERY", 50_000)
    given = [draw.randbytes(draw.choice([1, 5_000, 2_000_000])) for _ in range(2)]
    cuts = 0

    async def work() -> None:
        nonlocal cuts
        loop = asyncio.get_running_loop()
        listener = secure.listen("127.0.0.1:0")
        certificate = contexts(KEY)
        waiting: asyncio.Queue[Secure] = asyncio.Queue()

        async def accept() -> None:
            while True:
                connection, _ = await loop.sock_accept(listener)
                waiting.put_nowait(await secure.secured(connection, certificate, serves=True))

        async def dial() -> Secure:
            return await secure.dial(secure.address_of(listener), certificate)

        accepting = asyncio.create_task(accept())
        outside, carriers, tasks = [], [], []
        for again in (waiting.get, dial):
            end, process = socket.socketpair()
            process.setblocking(False)
            outside.append(process)
            carriers.append(Carrier(end, again))
        for each, connect in zip(carriers, (waiting.get, dial), strict=True):
            tasks.append(asyncio.create_task(_begins(each, connect)))

        async def writes(n: int) -> None:
            at = 0
            while at < len(given[n]):
                size = draw.choice([1, 64, 4160, 100_000])
                await loop.sock_sendall(outside[n], given[n][at : at + size])
                at += size

        async def reads(n: int) -> bytes:
            data = b""
            while len(data) < len(given[1 - n]):
                data += await loop.sock_recv(outside[n], draw.choice([10, 70_000]) if seed % 2 else 1 << 17)
            return data

        async def cutting() -> None:
            nonlocal cuts
            while True:
                await asyncio.sleep(draw.random() * 0.03)
                carriers[draw.randrange(2)].cut()
                cuts += 1

        cutter = asyncio.create_task(cutting())
        _, _, first, second = await asyncio.gather(writes(0), writes(1), reads(0), reads(1))
        assert (first, second) == (given[1], given[0])
        cutter.cancel()
        outside[0].close()
        await asyncio.gather(*tasks)
        assert await loop.sock_recv(outside[1], 1) == b""
        outside[1].close()
        accepting.cancel()
        listener.close()

    run(work())


async def _begins(stream: Carrier, connect: Any) -> None:
    await stream.run(await connect())


def test_a_stream_that_is_no_stream() -> None:
    async def work() -> None:
        for data in (b"\1" + bytes(7) + b"\1", bytes(9), b"\1" + bytes(8) + b"\7" + bytes(8)):
            async with pair() as (served, dialled):
                end, process = socket.socketpair()
                await dialled.send(data)
                with process, pytest.raises(Garbage):
                    await Carrier(end, _never).run(served)
                process.close()

    run(work())


async def _never() -> Secure | None:
    return None


def test_a_stream_that_is_not_made_again_ends() -> None:
    async def work() -> None:
        async with pair() as (served, dialled):
            end, process = socket.socketpair()
            carried = asyncio.create_task(Carrier(end, _never).run(served))
            await dialled.exactly(9)
            await dialled.send(b"\1" + bytes(8))
            dialled.cut()
            await carried
            with process:
                assert process.recv(1) == b""

    run(work())
