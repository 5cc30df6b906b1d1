"""The wire between two replicas: every byte once and in order, not before its time, and an end at both sides."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from popcc.runtime.popcorn.machine import relay as module
from popcc.runtime.popcorn.machine.interconnect import Interconnect
from popcc.runtime.popcorn.machine.relay import relay

LARGE = 12 << 20  # more than a wire holds


@contextmanager
def wired(wire: Interconnect) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a wire; the relay ends by itself when they are closed, and leaves no descriptor open."""
    before = descriptors()
    near, left = socket.socketpair()
    far, right = socket.socketpair()
    for end in (near, far):
        end.settimeout(60)
    thread = threading.Thread(target=lambda: asyncio.run(relay(left, right, wire)))
    thread.start()
    try:
        yield near, far
    finally:
        near.close()
        far.close()
        thread.join(60)
    assert not thread.is_alive() and descriptors() == before


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def received(end: socket.socket, n: int, pause: float = 0.0) -> bytes:
    data = bytearray()
    while len(data) < n:
        part = end.recv(min(n - len(data), 1 << 20))
        assert part, "the wire ended"
        data += part
        time.sleep(pause)
    return bytes(data)


@pytest.mark.parametrize("wire", [Interconnect(0.005), Interconnect(0.0, 2e9), Interconnect(20e-6, 10e9)])
def test_every_byte_comes_once_and_in_order(wire: Interconnect) -> None:
    seed = random.randrange(2**32)
    data = {name: random.Random(f"{seed} {name}").randbytes(LARGE) for name in ("there", "back")}

    def send(end: socket.socket, name: str) -> None:
        sizes, at = random.Random(f"{seed} {name} sizes"), 0
        while at < LARGE:
            n = sizes.choice((1, 100, 4096, 70000, 1 << 20))
            end.sendall(data[name][at : at + n])
            at += n

    with wired(wire) as (near, far):
        senders = [threading.Thread(target=send, args=a) for a in ((near, "there"), (far, "back"))]
        for sender in senders:
            sender.start()
        assert received(far, LARGE, 0.001) == data["there"], f"seed {seed}"
        assert received(near, LARGE) == data["back"], f"seed {seed}"
        for sender in senders:
            sender.join()


@pytest.mark.parametrize("latency", [20e-6, 0.0005, 0.0133])
def test_nothing_comes_before_its_time(latency: float) -> None:
    with wired(Interconnect(latency)) as (near, far):
        for source, target in ((near, far), (far, near)) * 20:
            began = time.monotonic()
            source.sendall(b"x")
            assert target.recv(1) == b"x"
            assert time.monotonic() - began >= latency


def test_each_of_several_messages_takes_its_time() -> None:
    with wired(Interconnect(0.2)) as (near, far):
        sent = []
        for _ in range(20):
            sent.append(time.monotonic())
            near.sendall(b"x")
            time.sleep(0.005)
        for began in sent:
            assert far.recv(1) == b"x"
            assert time.monotonic() - began >= 0.2


def test_the_end_comes_last() -> None:
    with wired(Interconnect(0.05)) as (near, far):
        near.sendall(b"last words")
        near.close()
        assert received(far, 10) == b"last words" and far.recv(1) == b""


def test_a_side_that_ends_without_reading() -> None:
    with wired(Interconnect(0.001)) as (near, far):
        near.sendall(b"x" * 1000)
        far.close()
        assert near.recv(1) == b""


def test_a_wire_holds_only_so_much() -> None:
    """Who writes and is not read has to wait."""
    with wired(Interconnect(0.001)) as (near, far):
        near.settimeout(0.5)
        with pytest.raises(TimeoutError):
            for _ in range(1000):
                near.sendall(bytes(1 << 20))
        assert far.recv(1) == b"\0"


def test_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Libc:
        @staticmethod
        def timerfd_create(clock: int, flags: int) -> int:
            return -1

    monkeypatch.setattr(module, "_libc", Libc)
    with wired(Interconnect(0.001)) as (near, far):
        assert (near.recv(1), far.recv(1)) == (b"", b"")  # both are told at once
