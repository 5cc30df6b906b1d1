"""A node of a machine: ``python -m popcc.runtime.popcorn.machine.daemon FOLDER NUMBER READY``.

It serves its socket until SIGTERM comes, and writes a byte into the descriptor READY when it does. It waits in the
kernel for what comes: a machine that nobody uses costs nothing. Its standard error is its log.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path

from popcc.errors import PopccError
from popcc.isa import ISAS
from popcc.runtime.popcorn.machine.channel import Asked, Channel, Garbage, OtherVersion
from popcc.runtime.popcorn.machine.protocol import CommandOp, peer, reply
from popcc.runtime.popcorn.machine.relay import relay
from popcc.runtime.popcorn.machine.replicas import Replica, open_executable, start
from popcc.runtime.popcorn.machine.state import Machine, Node, read_machine
from popcc.schema.machines import MachineOp
from popcc.schema.requests import TEXT_MAX, Status

ANSWER_SECONDS = 60.0  # in which another node has started a replica, however loaded the host is
_BACKLOG = 128
_NO_ROOM_SECONDS = 0.5  # until a node that has run out of descriptors looks again


class Daemon:
    """One node at work."""

    def __init__(self, machine: Machine, node: Node) -> None:
        self.machine, self.node = machine, node
        self.replicas: dict[int, Replica] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.ended = asyncio.Event()

    async def run(self, listener: socket.socket) -> None:
        """Until it is told to end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.ended.set)
        self._task(self._accept(listener))
        await self.ended.wait()
        for task in self.tasks:
            task.cancel()
        for replica in self.replicas.values():
            replica.process.kill()
        for replica in self.replicas.values():
            replica.process.wait()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as e:
                self.log(f"cannot take a connection: {e.strerror}")
                await asyncio.sleep(_NO_ROOM_SECONDS)
                continue
            self._task(self._converse(connection))

    async def _converse(self, connection: socket.socket) -> None:
        """All requests of one connection. Whatever comes, the node goes on."""
        channel = Channel(connection)
        pid, uid = peer(connection)
        try:
            if uid not in (0, os.geteuid()):
                self.log(f"process {pid} of user {uid} is not served")
                return
            while (asked := await channel.asked()) is not None:
                try:
                    await self._serve(channel, asked)
                finally:
                    if asked.descriptor is not None:
                        os.close(asked.descriptor)
        except OtherVersion as e:
            self.log(f"process {pid}: {e}")
            with suppress(OSError):
                await self._refuse(channel, str(e))
        except Garbage as e:
            self.log(f"process {pid}: {e}")
        except OSError:
            pass  # it has gone
        except Exception:
            self.log(f"process {pid}: {traceback.format_exc()}")
        finally:
            channel.close()

    async def _serve(self, channel: Channel, asked: Asked) -> None:
        link: socket.socket | None = None
        try:
            text = b""
            match asked.request.op:
                case MachineOp.NODES:
                    pass
                case MachineOp.ATTACH:
                    link = await self._attach(asked)
                case CommandOp.REPLICAS:
                    text = json.dumps([r.json() for r in self.replicas.values()]).encode()
                case op:
                    raise PopccError(f"node '{self.node.name}' knows no request {op}")
        except PopccError as e:
            await self._refuse(channel, str(e))
            return
        except OSError as e:
            await self._refuse(channel, f"node '{self.node.name}': {e.strerror or e}")
            return
        try:
            answer = reply(Status.DONE, self.node.number, await self._isas(), text)
            await channel.send(answer, text, None if link is None else link.fileno())
        finally:
            if link is not None:
                link.close()

    async def _refuse(self, channel: Channel, why: str) -> None:
        self.log(f"refused: {why}")
        text = why.encode(errors="replace")[:TEXT_MAX]
        await channel.send(reply(Status.REFUSED, self.node.number, await self._isas(), text), text, None)

    async def _isas(self) -> list[int]:
        """ISA numbers of the nodes, 0 of those that are down."""
        return [ISAS[n.isa].number if n == self.node or await _is_up(n) else 0 for n in self.machine.nodes]

    async def _attach(self, asked: Asked) -> socket.socket:
        """A link to a new replica."""
        number = asked.request.node
        if number >= len(self.machine.nodes):
            raise PopccError(f"the machine has no node {number}, only 0 to {len(self.machine.nodes) - 1}")
        if asked.descriptor is None:
            raise PopccError("no program file came along")
        target = self.machine.nodes[number]
        if target.number == self.node.number:
            return await self._start(asked, asked.descriptor)
        return await _passed_on(target, asked)

    async def _start(self, asked: Asked, program: int) -> socket.socket:
        path = os.fsdecode(asked.text.rstrip(b"\0"))
        executable = await asyncio.to_thread(open_executable, self.node, asked.request, path, program)
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                replica = start(self.node, asked.request, executable, theirs)
        finally:
            os.close(executable.descriptor)
        self._watch(replica)
        if self.machine.wire.direct:
            return ours
        origin, beyond = socket.socketpair()
        self._task(relay(ours, beyond, self.machine.wire))
        return origin

    def _watch(self, replica: Replica) -> None:
        """Until it has ended, which is noted if it did not end well."""
        self.replicas[replica.pid] = replica
        self.log(f"replica {replica.number} of process {replica.origin} is process {replica.pid}: {replica.program}")
        pidfd = os.pidfd_open(replica.pid)
        loop = asyncio.get_running_loop()

        def has_ended() -> None:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            del self.replicas[replica.pid]
            if status := replica.process.wait():
                how = f"by signal {-status}" if status < 0 else f"with status {status}"
                self.log(f"replica {replica.number} of process {replica.origin} ended {how}")

        loop.add_reader(pidfd, has_ended)

    def _task(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (e := task.exception()) is not None:
            self.log("".join(traceback.format_exception(e)))

    def log(self, text: str) -> None:
        with suppress(OSError):  # a full disk stops no node
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {self.node.name}: {text}", file=sys.stderr, flush=True)


async def _connected(node: Node) -> socket.socket:
    """Raises `OSError` when the node is down."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, str(node.socket))
    except OSError:
        connection.close()
        raise
    return connection


async def _is_up(node: Node) -> bool:
    try:
        (await _connected(node)).close()
    except BlockingIOError:
        return True  # so many ask it that it takes nobody now
    except OSError:
        return False
    return True


async def _passed_on(target: Node, asked: Asked) -> socket.socket:
    """What the target node answers. Raises `PopccError` with its words."""
    try:
        channel = Channel(await _connected(target))
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
    if answered.descriptor is None:
        raise PopccError(answered.text.decode(errors="replace") or f"node '{target.name}' gave no link")
    return socket.socket(fileno=answered.descriptor)


def main() -> None:
    """The node's process."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))  # popcorn held them back
    machine = read_machine(Path(sys.argv[1]))
    node = machine.nodes[int(sys.argv[2])]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(node.socket))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        ready = int(sys.argv[3])
        os.write(ready, b"\n")
        os.close(ready)
        asyncio.run(Daemon(machine, node).run(listener))
    node.socket.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
