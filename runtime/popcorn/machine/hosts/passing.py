"""What a machine's hosts have in common: each has a gate, where nodes of other hosts are sockets like those of its own.

    program - node - 3.far - gate == TLS == gate - c.socket - node - replica
                             this host      another host

Requests that reach the socket of a node that is elsewhere go there, and the answers come back; a link to a replica
comes as one end of a pair of sockets, whose other end is the stream between the two hosts (carrier.py).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from popcc.errors import PopccError
from popcc.runtime.popcorn.machine import state
from popcc.runtime.popcorn.machine.channel import ANSWER_SECONDS, Asked, Channel, Garbage, passed_on
from popcc.runtime.popcorn.machine.hosts import asking
from popcc.runtime.popcorn.machine.hosts.asking import Far
from popcc.runtime.popcorn.machine.hosts.carrier import Again, Carrier
from popcc.runtime.popcorn.machine.hosts.certificate import Contexts
from popcc.runtime.popcorn.machine.hosts.programs import Programs
from popcc.runtime.popcorn.machine.hosts.roster import Listed
from popcc.runtime.popcorn.machine.hosts.secure import Broken, Secure
from popcc.runtime.popcorn.machine.protocol import Answered, peer
from popcc.runtime.popcorn.machine.serving import BACKLOG, Meet, Server
from popcc.runtime.popcorn.machine.state import Machine, Node
from popcc.schema.requests import Status

GRACE = 10.0  # seconds in which a connection that was cut is made again; then what was at the other end is lost
_LINE = 16


class Stream(Struct, frozen=True):
    """A stream of a process, and the host at the other end."""

    carrier: Carrier
    member: int
    task: asyncio.Task[None]


class Gate(Server, ABC):
    """The process that stands for this host among the others."""

    def __init__(self, machine: Machine, contexts: Contexts) -> None:
        super().__init__("gate")
        self.machine, self.contexts = machine, contexts
        self.host = socket.gethostname() or "unnamed"
        self.programs = Programs(self.log)
        self.streams: dict[str, Stream] = {}
        self.present: set[int] = set()  # which of this host's nodes are up
        self.news = asyncio.Event()  # the nodes have changed
        self.known: list[Listed] = []
        self._far: dict[int, tuple[Node, socket.socket, asyncio.Task[None]]] = {}

    @abstractmethod
    async def reach(self, node: Node) -> Secure:
        """A connection to the host of a node, or towards it, which is asked next. Raises `PopccError`, or `Broken`."""

    @abstractmethod
    def again(self, stream: str) -> Again:
        """How a stream's next connection comes about."""

    @abstractmethod
    def member_of(self, node: Node) -> int:
        """Which host's connection leads to a node."""

    @abstractmethod
    async def presence(self) -> None:
        """`present` has changed: all hosts are to know. Raises `Broken`."""

    def nodes_here(self) -> socket.socket:
        """Where this host's nodes say that they are up."""
        listener = _unix(self.machine.gate)
        self.task(self.accept(listener, self._meet_node))
        return listener

    async def _meet_node(self, connection: socket.socket) -> None:
        """A node is up as long as the connection is."""
        loop = asyncio.get_running_loop()
        connection.setblocking(False)
        number = -1
        with connection, suppress(OSError, ValueError):
            pid, uid = peer(connection)
            if uid not in (0, os.geteuid()):
                self.log(f"process {pid} of user {uid} is not served")
                return
            number = int(await loop.sock_recv(connection, _LINE))
            self.present.add(number)
            await self.presence()
            while not any(n.number == number and n.up for n in self.known):
                self.news.clear()
                await self.news.wait()
            await loop.sock_sendall(connection, b"\n")
            await loop.sock_recv(connection, 1)
        if number in self.present:
            self.present.discard(number)
            with suppress(OSError):
                await self.presence()

    def publish(self, nodes: list[Listed], own: int) -> None:
        """The machine's nodes as they are now; `own` is this host's number among the hosts."""
        folder = self.machine.directory

        def change(before: Machine) -> Machine:
            pids = {n.name: n.pid for n in before.own}
            described = [
                Node(
                    n.number, n.name, n.isa,
                    folder / (f"{n.name}.socket" if n.member == own else f"{n.number}.far"),
                    pids.get(n.name, 0) if n.member == own else 0, "" if n.member == own else n.host, n.how,
                )
                for n in nodes
            ]  # fmt: skip
            return replace(before, nodes=tuple(described))

        try:
            self.machine = state.change_machine(folder, change)
        except (OSError, PopccError) as e:
            self.log(f"cannot describe the machine: {e}")
            return
        self.known = nodes
        up = {n.number for n in nodes if n.up}
        self._far_sockets({n.number: n for n in self.machine.nodes if n.host and n.number in up})
        self.news.set()

    def _far_sockets(self, wanted: dict[int, Node]) -> None:
        """One for each node of another host that is up; what is asked there goes to that host."""
        for number, (node, listener, task) in list(self._far.items()):
            if wanted.get(number) != node:
                task.cancel()
                listener.close()
                node.socket.unlink(missing_ok=True)
                del self._far[number]
        for number in wanted.keys() - self._far.keys():
            node = wanted[number]
            listener = _unix(node.socket)
            self._far[number] = (node, listener, self.task(self.accept(listener, self._meeting(node))))

    def _meeting(self, node: Node) -> Meet:
        def meet(connection: socket.socket) -> Coroutine[None, None, None]:
            return self.converse(connection, node.number, lambda channel, asked: self._pass_on(node, channel, asked))

        return meet

    async def _pass_on(self, node: Node, channel: Channel, asked: Asked) -> None:
        request = replace(asked.request, node=node.number)
        try:
            answered = await self.ask(node.number, Far(replace(asked, request=request), asking.clocks()))
        except PopccError as e:
            await self.refuse(channel, node.number, str(e), [])
            return
        try:
            await channel.send(answered.reply, answered.text, answered.descriptor)
        finally:
            if answered.descriptor is not None:
                os.close(answered.descriptor)

    async def ask(self, number: int, far: Far) -> Answered:
        """Of any node of the machine; the answer's descriptor is the caller's. Raises `PopccError`."""
        node = self.machine.numbered(number)
        if node is None:
            raise PopccError(f"the machine has no node {number} any more")
        if not node.host:
            return await passed_on(node, far.asked)
        connection = None
        try:
            connection = await self.reach(node)
            told = await asking.ask(connection, node, far)
            if not told.stream:
                return told.answered
            ours, theirs = socket.socketpair()
            self.carry(told.stream, theirs, connection, self.member_of(node))
            connection = None
            return replace(told.answered, descriptor=ours.detach())
        except (Broken, Garbage, TimeoutError) as e:
            why = str(e) or "it does not answer"
            raise PopccError(f"node '{node.name}' on host '{node.host}' can't be reached: {why}") from None
        finally:
            if connection is not None:
                connection.close()

    async def answer(self, connection: Secure, member: int) -> None:
        """One request of another host. The connection is this one's to close."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                far = await asking.asked(connection, self.programs)
        except (Broken, Garbage, TimeoutError) as e:
            self.log(f"a request of another host: {str(e) or 'it does not come'}")
            connection.close()
            return
        except PopccError as e:
            await self._say(connection, Status.REFUSED, str(e))
            return
        try:
            answered = await self.ask(far.asked.request.node, far)
        except PopccError as e:
            await self._say(connection, Status.REFUSED, str(e))
            return
        finally:
            if far.asked.descriptor is not None:
                os.close(far.asked.descriptor)
        text = answered.text.decode(errors="replace")
        if answered.descriptor is None:
            await self._say(connection, Status.DONE, text)
            return
        stream = secrets.token_hex(16)
        with socket.socket(fileno=answered.descriptor) as end:
            try:
                await asking.answer(connection, Status.DONE, text, stream)
            except Broken:
                connection.close()
                return
            self.carry(stream, end.dup(), connection, member)

    async def _say(self, connection: Secure, status: Status, text: str) -> None:
        with suppress(Broken):
            await asking.answer(connection, status, text)
        connection.close()

    def carry(self, stream: str, end: socket.socket, connection: Secure, member: int) -> None:
        """From now on until it is over."""
        carrier = Carrier(end, self.again(stream))
        task = self.task(self._carried(stream, carrier, connection))
        self.streams[stream] = Stream(carrier, member, task)

    async def _carried(self, stream: str, carrier: Carrier, connection: Secure) -> None:
        try:
            await carrier.run(connection)
        except Garbage as e:
            self.log(f"a stream of another host: {e}")
        finally:
            del self.streams[stream]
            self.over(stream)

    def over(self, stream: str) -> None:
        """Nothing goes on with it."""

    def drop_streams(self, member: int) -> None:
        """The host at their other end is lost."""
        for stream in list(self.streams.values()):
            if stream.member == member:
                stream.task.cancel()


def _unix(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener
