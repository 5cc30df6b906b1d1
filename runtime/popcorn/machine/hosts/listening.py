"""The gate of the host that others join. It numbers the nodes, and every connection between hosts leads here."""

from __future__ import annotations

import asyncio
import secrets
import socket
from contextlib import suppress

from msgspec import Struct, field

from popcc.errors import PopccError
from popcc.runtime.popcorn.machine.channel import Garbage
from popcc.runtime.popcorn.machine.hosts import roster, secure
from popcc.runtime.popcorn.machine.hosts.carrier import Again, say_unknown
from popcc.runtime.popcorn.machine.hosts.certificate import Contexts
from popcc.runtime.popcorn.machine.hosts.passing import GRACE, Gate
from popcc.runtime.popcorn.machine.hosts.roster import FIRST, Roster, Wanted
from popcc.runtime.popcorn.machine.hosts.secure import HANDSHAKE_SECONDS, Broken, Secure
from popcc.runtime.popcorn.machine.hosts.words import Words, greet, hear, tell
from popcc.runtime.popcorn.machine.state import Machine, Node

_STRANGERS = 256  # who have not proved the key yet, at a time
_FAREWELL_SECONDS = 1.0
_PAUSE = 0.1


class Member(Struct):
    """A host that has joined."""

    number: int
    host: str
    token: str
    begun: bool = False  # it has said which of its nodes are up
    connection: Secure | None = None  # None: it was cut
    back: asyncio.Queue[Secure] = field(default_factory=lambda: asyncio.Queue(1))


class Listening(Gate):
    """One that others join."""

    def __init__(self, machine: Machine, contexts: Contexts, listener: socket.socket) -> None:
        super().__init__(machine, contexts)
        self.listener = listener
        self.roster = Roster()
        self.members: dict[str, Member] = {}
        self.calls: dict[str, asyncio.Future[Secure]] = {}
        self.resumed: dict[str, asyncio.Queue[Secure]] = {}
        self.joined = FIRST
        self.strangers = asyncio.Semaphore(_STRANGERS)

    async def begin(self) -> None:
        """Until it has ended it is there for everybody."""
        own = [Wanted(n.name, n.isa, "emulated" if n.emulated else "native") for n in self.machine.own]
        self.roster.join(FIRST, self.host, own)
        self._publish()
        self.task(self.accept(self.listener, self._meet))

    async def end(self) -> None:
        """All hosts hear that the machine is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                for member in self.members.values():
                    await self._tell(member, {"end": True})

    async def _meet(self, connection: socket.socket) -> None:
        """Whoever connects: first it proves the key."""
        where = _name(connection)
        found = None
        try:
            async with self.strangers, asyncio.timeout(HANDSHAKE_SECONDS):
                found = await secure.secured(connection, self.contexts, serves=True)
                await greet(found, f"the host at {where}")
                words = await hear(found)
        except BaseException as e:
            if found is not None:
                found.close()
            if not isinstance(e, (PopccError, OSError, Garbage, TimeoutError)):
                raise
            self.log(f"{where} is not let in: {str(e) or 'it says nothing'}")
            return
        try:
            await self._serve(found, words, where)
        except (Broken, Garbage) as e:
            self.log(f"{where}: {e}")
            found.close()

    async def _serve(self, connection: Secure, words: Words, where: str) -> None:
        match words.get("for"):
            case "join":
                await self._join(connection, words)
            case "again" if (member := self.members.get(str(words.get("token")))) is not None:
                if member.connection is not None:
                    member.connection.cut()
                _put(member.back, connection)
            case "answer" if (call := self.calls.pop(str(words.get("call")), None)) is not None:
                call.set_result(connection)
            case "ask" if (member := self.members.get(str(words.get("token")))) is not None:
                await self.answer(connection, member.number)
            case "resume" if (queue := self.resumed.get(str(words.get("stream")))) is not None:
                if (stream := self.streams.get(str(words.get("stream")))) is not None:
                    stream.carrier.cut()
                _put(queue, connection)
            case "resume":
                await say_unknown(connection)
                connection.close()
            case "again" | "ask":
                await tell(connection, {"refused": "the machine does not know this host any more"})
                connection.close()
            case _:
                raise Garbage("it asks for nothing that is known")

    async def _join(self, connection: Secure, words: Words) -> None:
        """A host comes; as long as it stays."""
        host = words.get("host")
        if not isinstance(host, str) or not host:
            raise Garbage("a host without a name")
        number = self.joined + 1
        try:
            self.roster.join(number, host, roster.wanted(words.get("nodes")))
        except PopccError as e:
            self.log(f"host '{host}' does not join: {e}")
            await tell(connection, {"refused": str(e)})
            connection.close()
            return
        self.joined = number
        member = Member(number, host, secrets.token_hex(16))
        self.members[member.token] = member
        self.log(f"host '{host}' joins")
        left = False
        with suppress(Broken):
            await tell(connection, {"member": number, "token": member.token, "nodes": self.roster.json()})
        self._publish()
        try:
            left = await self._stays(member, connection)
        finally:
            del self.members[member.token]
            (self.roster.leave if left else self.roster.lose)(number)
            self.log(f"host '{host}' {'leaves' if left else 'is lost'}")
            self.drop_streams(number)
            self._publish()

    async def _stays(self, member: Member, connection: Secure | None) -> bool:
        """Whether it leaves; otherwise it was lost."""
        while connection is not None:
            member.connection = connection
            try:
                if await self._listen_to(member, connection):
                    return True
            except Broken as e:
                self.log(f"the connection to host '{member.host}' was cut: {e}")
            except Garbage as e:
                self.log(f"host '{member.host}' does not speak as a host does: {e}")
                return False
            finally:
                member.connection = None
                connection.close()
            try:
                async with asyncio.timeout(GRACE):
                    connection = await member.back.get()
                    await tell(connection, {"nodes": self.roster.json()})
            except (TimeoutError, Broken):
                connection = None
        return not member.begun  # its start was given up: nothing there can be lost

    async def _listen_to(self, member: Member, connection: Secure) -> bool:
        while True:
            words = await hear(connection)
            if words.get("leave"):
                return True
            up = words.get("up")
            if not isinstance(up, list):
                raise Garbage("it says nothing that is known")
            member.begun = True
            self.roster.mark(member.number, up)
            self._publish()

    def _publish(self) -> None:
        """To this host's nodes, and to all others."""
        self.publish(list(self.roster.nodes.values()), FIRST)
        for member in self.members.values():
            self.task(self._tell(member, {"nodes": self.roster.json()}))

    async def _tell(self, member: Member, words: Words) -> None:
        if member.connection is not None:
            with suppress(Broken):
                await tell(member.connection, words)

    async def presence(self) -> None:
        self.roster.mark(FIRST, sorted(self.present))
        self._publish()

    def member_of(self, node: Node) -> int:
        listed = self.roster.nodes.get(node.number)
        return -1 if listed is None else listed.member

    async def reach(self, node: Node) -> Secure:
        """The host is called, and makes a connection."""
        number = self.member_of(node)
        member = next((m for m in self.members.values() if m.number == number), None)
        if member is None:
            raise PopccError(f"node '{node.name}' is down")
        name = secrets.token_hex(16)
        future: asyncio.Future[Secure] = asyncio.get_running_loop().create_future()
        self.calls[name] = future
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                while member.connection is None:  # it was cut, and may come back
                    await asyncio.sleep(_PAUSE)
                await self._tell(member, {"call": name})
                connection: Secure = await future
                return connection
        except TimeoutError:
            raise Broken(0, f"it does not answer within {HANDSHAKE_SECONDS:.0f} s") from None
        finally:
            self.calls.pop(name, None)

    def again(self, stream: str) -> Again:
        queue: asyncio.Queue[Secure] = asyncio.Queue(1)
        self.resumed[stream] = queue

        async def wait() -> Secure | None:
            with suppress(TimeoutError):
                return await asyncio.wait_for(queue.get(), GRACE)
            return None

        return wait

    def over(self, stream: str) -> None:
        with suppress(asyncio.QueueEmpty):
            self.resumed.pop(stream).get_nowait().close()


def _put(queue: asyncio.Queue[Secure], connection: Secure) -> None:
    """The last one is the one that counts."""
    with suppress(asyncio.QueueEmpty):
        queue.get_nowait().close()
    queue.put_nowait(connection)


def _name(connection: socket.socket) -> str:
    try:
        host, port = connection.getpeername()[:2]
    except OSError:
        return "somebody"
    return f"{host}:{port}"
