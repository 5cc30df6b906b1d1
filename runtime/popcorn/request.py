"""The conversation with a running program: listen, signal it, hand over the order, read the answer.

popcorn                               program
listens on \\0popcorn-<pid>-<own pid>
signal  ------------------------->    raises its flag; one thread connects, all stop
struct request, text, descriptor ->
        <-------------------------    struct reply, text      (from the new executable after a move)
one byte ------------------------>    only after a checkpoint that ends the program
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from types import TracebackType
from typing import Self

from msgspec import Struct

from popcc.errors import PopccError
from popcc.runtime.popcorn.processes import Process, is_alive, is_stopped, request_signal
from popcc.schema.requests import REQUEST_MAGIC, REQUEST_VERSION, TEXT_MAX, Op, Reply, Request, Status

CONNECT_SECONDS = 15.0
ANSWER_SECONDS = 60.0
_LOOK_AGAIN = 0.05
_SIGNAL_AGAIN = 1.0  # a signal is lost when the program has just moved, or another request was under way


class Answer(Struct, frozen=True):
    """A request was carried out."""

    isa: int
    threads: int
    frames: int
    image_bytes: int
    stopped: float  # seconds
    took: float  # seconds, from the signal to the answer
    words: str = ""


class Conversation:
    """One request to one process. A context manager: leaving it releases the program whatever happened."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.connection: socket.socket | None = None
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(f"\0popcorn-{process.pid}-{os.getpid()}".encode())
        self.listener.listen(1)
        self.began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.listener.close()
        if self.connection:
            self.connection.close()

    def ask(
        self,
        op: Op,
        *,
        descriptor: int | None = None,
        isa: int = 0,
        flags: int = 0,
        thread: int = 0,
        node: int = 0,
        text: bytes = b"",
    ) -> Answer:
        """Send the order and wait for its outcome. Raises `PopccError` with the program's words when it refuses."""
        self.connection = self._accept()
        request = Request(REQUEST_MAGIC, REQUEST_VERSION, op, isa, flags, thread, node, len(text)).pack()
        try:
            socket.send_fds(self.connection, [request], [] if descriptor is None else [descriptor])
            if text:  # an empty send would fail when the program has answered and closed already
                self.connection.sendall(text)
            self.connection.settimeout(ANSWER_SECONDS)
            reply = Reply.unpack(self._receive(Reply.size()))
            if reply.magic != REQUEST_MAGIC or reply.text_bytes > TEXT_MAX:
                raise PopccError(
                    f"process {self.process.pid} answered in another protocol; is popcorn older than the program?"
                )
            words = self._receive(reply.text_bytes).decode(errors="replace")
        except TimeoutError:
            raise PopccError(f"process {self.process.pid} did not answer within {ANSWER_SECONDS:.0f} s") from None
        except OSError as e:
            raise PopccError(f"lost the connection to process {self.process.pid}: {e.strerror or e}") from None
        if reply.status != Status.DONE:
            raise PopccError(f"process {self.process.pid}: {words or 'refused'}")
        return Answer(
            reply.isa,
            reply.threads,
            reply.frames,
            reply.image_bytes,
            reply.stopped / 1e9,
            time.monotonic() - self.began,
            words,
        )

    def confirm(self) -> None:
        """After a checkpoint that ends the program: the image is safe."""
        assert self.connection
        try:
            self.connection.sendall(b"\1")
            self.connection.recv(1)  # its end closes the connection
        except OSError:
            pass

    def _accept(self) -> socket.socket:
        pid = self.process.pid
        if is_stopped(pid):
            raise PopccError(f"process {pid} is stopped; let it go on first: kill -CONT {pid}")
        deadline = time.monotonic() + CONNECT_SECONDS
        listening = False
        while (left := deadline - time.monotonic()) > 0:
            listening = self._signal()
            if select.select([self.listener], [], [], min(left, _SIGNAL_AGAIN if listening else _LOOK_AGAIN))[0]:
                connection, _ = self.listener.accept()
                if self._peer(connection) == pid:
                    return connection
                connection.close()
            if not is_alive(pid):
                raise PopccError(f"process {pid} ended before it could answer")
        if not listening:
            raise PopccError(f"process {pid} does not listen for requests; is it still being started?")
        raise PopccError(
            f"process {pid} did not answer within {CONNECT_SECONDS:.0f} s: it computes without passing a migration "
            "point, or waits in the kernel; try again"
        )

    def _signal(self) -> bool:
        """Whether there is a handler for it; without one it would end the program."""
        try:
            number = request_signal(self.process)
            os.kill(self.process.pid, number or 0)
            return number is not None
        except ProcessLookupError:
            raise PopccError(f"no process {self.process.pid}") from None
        except PermissionError:
            raise PopccError(
                f"process {self.process.pid} belongs to {self.process.user}; run popcorn as that user or as root"
            ) from None

    def _peer(self, connection: socket.socket) -> int:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int(struct.unpack("iII", raw)[0])

    def _receive(self, n: int) -> bytes:
        assert self.connection
        data = b""
        while len(data) < n:
            part = self.connection.recv(n - len(data))
            if not part:
                raise PopccError(
                    f"process {self.process.pid} ended during the request"
                    if not is_alive(self.process.pid)
                    else f"process {self.process.pid} closed the connection without an answer"
                )
            data += part
        return data
