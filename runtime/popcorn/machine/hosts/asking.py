"""A request of a process or a command to a node of another host, over a connection of its own.

asks                                        answers
{"request", "text", "clocks", "isa"} ->
    with ATTACH:        <- {"need"}         whether the executable has to come along
    {"size", "sha256"}, its bytes ->
                        <- {"status", "text", "stream"}
with ATTACH, if it was done, the connection carries the stream from here on (carrier.py)
"""

from __future__ import annotations

import asyncio
import os
import struct
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from popcc.errors import PopccError
from popcc.runtime.popcorn.machine.channel import ANSWER_SECONDS, Asked, Garbage
from popcc.runtime.popcorn.machine.hosts.programs import Programs, executable, give, take
from popcc.runtime.popcorn.machine.hosts.secure import Secure
from popcc.runtime.popcorn.machine.hosts.words import hear, tell
from popcc.runtime.popcorn.machine.protocol import Answered, reply
from popcc.runtime.popcorn.machine.state import Node
from popcc.schema.machines import MACHINE_MAGIC, MACHINE_VERSION, MachineOp, MachineRequest
from popcc.schema.requests import TEXT_MAX, Status

_BOOT, _TIME = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/time")


def clocks() -> str:
    """Processes to whom this says the same read the same clocks."""
    with suppress(OSError):
        return f"{_BOOT.read_text().strip()} {_TIME.readlink() if _TIME.exists() else ''}"
    return os.urandom(16).hex()


class Far(Struct, frozen=True):
    """A request, and which clocks the process that it is about reads."""

    asked: Asked
    clocks: str


class Told(Struct, frozen=True):
    """The answer, and under which name the stream goes on; "" for none."""

    answered: Answered
    stream: str


async def ask(connection: Secure, node: Node, far: Far) -> Told:
    """Of a node that is not this host's. Raises `PopccError` with its words, `Broken`, `Garbage`, or `TimeoutError`."""
    attaches = far.asked.request.op == MachineOp.ATTACH
    program = await asyncio.to_thread(executable, far.asked, node.isa, node.name) if attaches else b""
    words = {
        "request": far.asked.request.pack().hex(), "text": os.fsdecode(far.asked.text), "clocks": far.clocks,
        "isa": node.isa,
    }  # fmt: skip
    async with asyncio.timeout(ANSWER_SECONDS):
        await tell(connection, words)
        if attaches:
            await give(connection, program)
        answer = await hear(connection)
    text, stream = answer.get("text"), answer.get("stream")
    if not isinstance(text, str) or not isinstance(stream, str):
        raise Garbage("no answer of a machine")
    if answer.get("status") != Status.DONE:
        raise PopccError(text)
    if attaches != bool(stream):
        raise Garbage("no answer of a machine")
    data = text.encode()
    return Told(Answered(reply(Status.DONE, node.number, [], data), data, None), stream)


async def asked(connection: Secure, programs: Programs) -> Far:
    """What the other host asks; the descriptor that goes with it is the caller's. Raises `PopccError`, `Broken`, or
    `Garbage`."""
    words = await hear(connection)
    try:
        request = MachineRequest.unpack(bytes.fromhex(words["request"]))
        text, isa, said = os.fsencode(words["text"]), words["isa"], words["clocks"]
        if (request.magic, request.version) != (MACHINE_MAGIC, MACHINE_VERSION) or len(text) > TEXT_MAX:
            raise ValueError
        if not isinstance(isa, str) or not isinstance(said, str):
            raise TypeError
    except (ValueError, KeyError, TypeError, struct.error):
        raise Garbage("no request") from None
    fd = None
    if request.op == MachineOp.ATTACH:
        name = (request.build_id.hex(), isa)
        fd = await take(connection, programs, name, Path(os.fsdecode(text.rstrip(b"\0"))).name)
    differ = request.op == MachineOp.ATTACH and said != clocks()
    return Far(Asked(replace(request, clocks=int(differ)), text, fd), said)


async def answer(connection: Secure, status: Status, text: str, stream: str = "") -> None:
    """Raises `Broken`."""
    await tell(connection, {"status": int(status), "text": text, "stream": stream})
