"""The gate of a host that joined a machine. It makes all connections, to the host that listens."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from popcc.errors import PopccError
from popcc.runtime.popcorn.machine import control
from popcc.runtime.popcorn.machine.channel import Garbage
from popcc.runtime.popcorn.machine.hosts import roster
from popcc.runtime.popcorn.machine.hosts.carrier import Again
from popcc.runtime.popcorn.machine.hosts.certificate import Contexts
from popcc.runtime.popcorn.machine.hosts.passing import GRACE, Gate
from popcc.runtime.popcorn.machine.hosts.roster import FIRST
from popcc.runtime.popcorn.machine.hosts.secure import HANDSHAKE_SECONDS, Broken, Secure, dial
from popcc.runtime.popcorn.machine.hosts.words import Words, greet, hear, tell
from popcc.runtime.popcorn.machine.state import Machine, Node

_PAUSE = 0.3  # seconds between two tries to make a connection again
_TRY_SECONDS = 3.0  # that one of them may take
_FAREWELL_SECONDS = 1.0


class Joining(Gate):
    """One that has joined."""

    def __init__(self, machine: Machine, contexts: Contexts, address: str) -> None:
        super().__init__(machine, contexts)
        self.address = address
        self.number, self.token = -1, ""
        self.connection: Secure | None = None

    async def begin(self) -> None:
        """Raises `PopccError` when the machine does not take it."""
        nodes = [(n.name, n.isa, "emulated" if n.emulated else "native") for n in self.machine.own]
        try:
            connection = await self._dial({"for": "join", "host": self.host, "nodes": nodes}, HANDSHAKE_SECONDS)
            self.connection = connection  # from here on it has to hear that this host leaves
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                words = await hear(connection)
        except TimeoutError:
            raise PopccError(f"the machine at {self.address} does not answer as a machine does") from None
        except (Broken, Garbage) as e:
            raise PopccError(f"the machine at {self.address} does not answer as a machine does: {e}") from None
        if "refused" in words:
            raise PopccError(str(words["refused"]))
        try:
            self.number, self.token = int(words["member"]), str(words["token"])
            self.publish(roster.listed(words["nodes"]), self.number)
        except (KeyError, TypeError, ValueError, Garbage):
            raise PopccError(f"the machine at {self.address} does not answer as a machine does") from None
        self.task(self._stay(connection))

    async def end(self) -> None:
        """The machine hears that the nodes of this host leave."""
        if self.connection is not None:
            with suppress(Broken, TimeoutError):
                async with asyncio.timeout(_FAREWELL_SECONDS):
                    await tell(self.connection, {"leave": True})

    async def _dial(self, words: Words, seconds: float) -> Secure:
        """A connection for a purpose. Raises `PopccError`, `Broken`, or `Garbage`."""
        connection = await dial(self.address, self.contexts, seconds)
        try:
            async with asyncio.timeout(seconds):
                await greet(connection, f"the machine at {self.address}")
                await tell(connection, words)
        except TimeoutError:
            connection.close()
            raise Broken(0, "it does not answer") from None
        except BaseException:
            connection.close()
            raise
        return connection

    async def _again(self, words: Words) -> Secure | None:
        """As `_dial`, again and again until the grace is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                while True:
                    with suppress(PopccError, Broken, Garbage):
                        return await self._dial(words, _TRY_SECONDS)
                    await asyncio.sleep(_PAUSE)
        return None

    async def _stay(self, connection: Secure | None) -> None:
        """As long as the machine is there."""
        while connection is not None:
            self.connection = connection
            try:
                await self._listen(connection)
                return
            except (Broken, Garbage) as e:
                self.log(f"the connection to {self.address} was cut: {e}")
            finally:
                self.connection = None
                connection.close()
            connection = await self._again({"for": "again", "token": self.token})
            if connection is not None:
                with suppress(Broken):
                    await tell(connection, {"up": sorted(self.present)})
        self._alone()

    async def _listen(self, connection: Secure) -> None:
        """Returns when there is no machine any more."""
        while True:
            words = await hear(connection)
            if "nodes" in words:
                self.publish(roster.listed(words["nodes"]), self.number)
            elif "call" in words:
                self.task(self._called(words["call"]))
            elif words.get("end"):
                self.log("the machine has ended")
                self.connection = None
                await asyncio.to_thread(control.down, self.machine.name)
                self.ended.set()
                return
            elif "refused" in words:
                self.log(str(words["refused"]))
                self._alone()
                return
            else:
                raise Garbage("it says nothing that is known")

    def _alone(self) -> None:
        """The machine is lost. What runs on nodes of this host alone goes on."""
        self.log(f"the machine at {self.address} is lost")
        self.drop_streams(FIRST)
        self.publish([n if n.member == self.number else replace(n, up=False) for n in self.known], self.number)

    async def _called(self, call: Any) -> None:
        try:
            connection = await self._dial({"for": "answer", "call": call}, HANDSHAKE_SECONDS)
        except (PopccError, Broken, Garbage) as e:
            self.log(f"a call can't be answered: {e}")
            return
        await self.answer(connection, FIRST)

    async def presence(self) -> None:
        if self.connection is not None:
            await tell(self.connection, {"up": sorted(self.present)})

    def member_of(self, node: Node) -> int:
        return FIRST

    async def reach(self, node: Node) -> Secure:
        connection = await self._again({"for": "ask", "token": self.token})
        if connection is None:
            raise Broken(0, f"no way to {self.address}")
        return connection

    def again(self, stream: str) -> Again:
        return lambda: self._again({"for": "resume", "stream": stream})
