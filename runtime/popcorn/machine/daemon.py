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
from contextlib import ExitStack
from pathlib import Path

from popcc.errors import PopccError
from popcc.isa import ISAS
from popcc.runtime.popcorn.machine.channel import Asked, Channel, is_up, link, passed_on
from popcc.runtime.popcorn.machine.protocol import CommandOp, reply
from popcc.runtime.popcorn.machine.relay import relay
from popcc.runtime.popcorn.machine.replicas import Replica, open_executable, start
from popcc.runtime.popcorn.machine.serving import BACKLOG, Server
from popcc.runtime.popcorn.machine.state import Machine, Node, read_machine
from popcc.schema.machines import MachineOp
from popcc.schema.requests import Status


class Daemon(Server):
    """One node at work."""

    def __init__(self, machine: Machine, node: Node) -> None:
        super().__init__(node.name)
        self.machine, self.node = machine, node
        self.replicas: dict[int, Replica] = {}

    async def run(self, listener: socket.socket) -> None:
        """Until it is told to end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.ended.set)
        self.task(self.accept(listener, lambda c: self.converse(c, self.node.number, self._serve)))
        await self.ended.wait()
        for task in self.tasks:
            task.cancel()
        for replica in self.replicas.values():
            replica.process.kill()
        for replica in self.replicas.values():
            replica.process.wait()

    async def _serve(self, channel: Channel, asked: Asked) -> None:
        found: socket.socket | None = None
        try:
            text = b""
            if self.machine.hosts:  # nodes come and go
                self.machine = await asyncio.to_thread(read_machine, self.machine.directory)
            match asked.request.op:
                case MachineOp.NODES:
                    pass
                case MachineOp.ATTACH:
                    found = await self._attach(asked)
                case CommandOp.REPLICAS:
                    text = json.dumps([r.json() for r in self.replicas.values()]).encode()
                case op:
                    raise PopccError(f"node '{self.node.name}' knows no request {op}")
        except PopccError as e:
            await self.refuse(channel, self.node.number, str(e), await self._isas())
            return
        except OSError as e:
            why = f"node '{self.node.name}': {e.strerror or e}"
            await self.refuse(channel, self.node.number, why, await self._isas())
            return
        try:
            answer = reply(Status.DONE, self.node.number, await self._isas(), text)
            await channel.send(answer, text, None if found is None else found.fileno())
        finally:
            if found is not None:
                found.close()

    async def _isas(self) -> list[int]:
        """ISA numbers by the nodes' numbers, 0 of those that are down."""
        isas = [0] * (1 + max(n.number for n in self.machine.nodes))
        for n in self.machine.nodes:
            if n.number == self.node.number or await is_up(n):
                isas[n.number] = ISAS[n.isa].number
        return isas

    async def _attach(self, asked: Asked) -> socket.socket:
        """A link to a new replica."""
        number = asked.request.node
        target = self.machine.numbered(number)
        if target is None:
            known = ", ".join(str(n.number) for n in self.machine.nodes)
            raise PopccError(f"the machine has no node {number}, only {known}")
        if asked.descriptor is None:
            raise PopccError("no program file came along")
        if target.number == self.node.number:
            return await self._start(asked, asked.descriptor)
        return link(target, await passed_on(target, asked))

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
        self.task(relay(ours, beyond, self.machine.wire))
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


def _present(machine: Machine, node: Node) -> socket.socket:
    """Tells the gate that the node is up, as long as the connection is; the gate says when all hosts know."""
    present = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    present.connect(str(machine.gate))
    present.sendall(f"{node.number}\n".encode())
    if not present.recv(1):
        raise SystemExit("the gate to the other hosts went down")
    return present


def main() -> None:
    """The node's process."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))  # popcorn held them back
    machine = read_machine(Path(sys.argv[1]))
    node = machine.numbered(int(sys.argv[2]))
    assert node is not None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener, ExitStack() as stack:
        listener.bind(str(node.socket))
        listener.listen(BACKLOG)
        listener.setblocking(False)
        if machine.hosts:
            stack.enter_context(_present(machine, node))
        ready = int(sys.argv[3])
        os.write(ready, b"\n")
        os.close(ready)
        asyncio.run(Daemon(machine, node).run(listener))
    node.socket.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
