"""Connections between hosts: TLS over TCP in the event loop, by which both sides have proved the shared key."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
from contextlib import suppress

from popcc.errors import PopccError
from popcc.runtime.popcorn.machine.hosts.address import parse_address
from popcc.runtime.popcorn.machine.hosts.certificate import Contexts
from popcc.runtime.popcorn.machine.relay import readable, writable

HANDSHAKE_SECONDS = 10.0  # in which a connection is made, and both sides know each other
# A host that is gone without a word is noticed after this time; until then TCP itself heals a cut.
_UNHEARD_MS = 10_000
_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2), (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 5),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNHEARD_MS), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
)  # fmt: skip


class Broken(OSError):
    """The connection is over, however that came."""

    def __str__(self) -> str:
        return str(self.strerror)


class WrongKey(PopccError):
    """The other side has not proved the shared key."""


class Secure:
    """A connection after its handshake. One task may receive while others send."""

    def __init__(self, tls: ssl.SSLSocket) -> None:
        self.tls = tls
        self._sending = asyncio.Lock()

    async def some(self, most: int) -> bytes:
        """What has come, at least a byte. Raises `Broken`."""
        while True:
            try:
                data = self.tls.recv(most)
            except ssl.SSLWantReadError:
                await readable(self.tls.fileno())
                continue
            except OSError as e:
                raise Broken(e.errno, e.strerror or str(e)) from e
            if not data:
                raise Broken(0, "the other side closed the connection")
            return data

    async def exactly(self, n: int) -> bytes:
        """Raises `Broken`."""
        data = b""
        while len(data) < n:
            data += await self.some(n - len(data))
        return data

    async def send(self, data: bytes) -> None:
        """All of it. Raises `Broken`; a task that is cancelled here must send no more."""
        async with self._sending:
            left = memoryview(data)
            while left:
                try:
                    left = left[self.tls.send(left) :]
                except ssl.SSLWantWriteError:
                    await writable(self.tls.fileno())
                except OSError as e:
                    raise Broken(e.errno, e.strerror or str(e)) from e

    def cut(self) -> None:
        """Whoever uses it finds it broken."""
        with suppress(OSError):
            socket.socket.shutdown(self.tls, socket.SHUT_RDWR)  # the TLS of it is not asked

    def close(self) -> None:
        """No task uses it any more."""
        with suppress(OSError, ValueError):
            self.tls.setblocking(False)
            self.tls.unwrap()  # says so to the other side, and waits for no answer
        self.tls.close()


def listen(address: str) -> socket.socket:
    """A socket that takes connections at HOST:PORT. Raises `PopccError`."""
    host, port = parse_address(address)
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, where = found[0]
        listener = socket.create_server(where[:2], family=family, backlog=128)
    except OSError as e:
        raise PopccError(f"cannot listen at {address}: {e.strerror or e}") from None
    listener.setblocking(False)
    return listener


def address_of(listener: socket.socket) -> str:
    """Where it listens, with the port that the kernel chose if it was asked to."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def dial(address: str, contexts: Contexts, seconds: float = HANDSHAKE_SECONDS) -> Secure:
    """A connection to the host that listens there. Raises `PopccError`; `WrongKey` when it has another key."""
    host, port = parse_address(address)
    loop = asyncio.get_running_loop()
    why = "no such host"
    try:
        async with asyncio.timeout(seconds):
            for family, kind, proto, _, where in await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM):
                connection = socket.socket(family, kind, proto)
                connection.setblocking(False)
                try:
                    await loop.sock_connect(connection, where)
                except OSError as e:
                    connection.close()
                    why = _why(e)
                    continue
                except BaseException:
                    connection.close()
                    raise
                return await secured(connection, contexts, serves=False)
    except TimeoutError:
        why = f"it does not answer within {seconds:.0f} s"
    except WrongKey as e:
        raise WrongKey(f"{address}: {e}") from None
    except OSError as e:  # of names, too
        why = _why(e)
    raise PopccError(f"cannot reach the machine at {address}: {why}") from None


def _why(error: OSError) -> str:
    """In the kernel's words, or those of whoever looks up names."""
    number = error.errno or 0
    return os.strerror(number) if number > 0 else error.strerror or str(error)


async def secured(connection: socket.socket, contexts: Contexts, serves: bool) -> Secure:
    """The handshake; the connection is closed when it fails. Raises `WrongKey`, or `OSError`."""
    context = contexts.server if serves else contexts.client
    try:
        for level, option, value in _KEEPALIVE:
            connection.setsockopt(level, option, value)
        tls = context.wrap_socket(
            connection, server_side=serves, do_handshake_on_connect=False, suppress_ragged_eofs=False
        )
    except OSError:
        connection.close()
        raise
    try:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await readable(tls.fileno())
            except ssl.SSLWantWriteError:
                await writable(tls.fileno())
        if tls.getpeercert(binary_form=True) != contexts.certificate:
            raise WrongKey("the other side has another key")
    except ssl.SSLError as e:
        tls.close()
        raise WrongKey(refusal(e)) from None
    except BaseException:
        tls.close()
        raise
    return Secure(tls)


def refusal(error: ssl.SSLError) -> str:
    """What a handshake that failed means."""
    reason = error.reason or ""
    if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE" in reason or "ALERT" in reason:
        return "the other side has another key"
    words = reason.lower().replace("_", " ") or re.sub(r" \(_ssl\.c:\d+\)", "", str(error))
    return f"the other side does not speak as a machine's host does ({words})"
