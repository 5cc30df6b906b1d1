"""What hosts say to each other: a length and as much JSON, in either direction; first of all which popcc each is.

Whoever joined the machine makes all connections. What one is for stands in its first message:

    {"for": "join", "host", "nodes": [[name, isa, how]...]}   the host's nodes become the machine's
        <- {"member", "token", "nodes"}, or {"refused"}
    {"for": "again", "token"}                          the same connection anew, after a cut
    both go on, until one side ends or leaves:
        <- {"nodes"}                                   the nodes have changed
        <- {"call"}                                    make a connection, and answer what is asked there
        -> {"up": [numbers]}                           these of its nodes are up
        <- {"end": true}    -> {"leave": true}         the machine ends; the host's nodes leave
    {"for": "answer", "call"}                          as it was called to; then as below, the other way round
    {"for": "ask"}                                     and the request of a process or a command (asking.py)
    {"for": "resume", "stream"}                        a stream goes on (carrier.py)
"""

from __future__ import annotations

import json
import struct
from typing import Any

from popcc import __version__
from popcc.errors import PopccError
from popcc.runtime.popcorn.machine.channel import Garbage
from popcc.runtime.popcorn.machine.hosts.secure import Secure
from popcc.schema.machines import MACHINE_VERSION

VERSION = 1
_LENGTH = struct.Struct("<I")
_MOST = 1 << 20

Words = dict[str, Any]


async def tell(connection: Secure, words: Words) -> None:
    """Raises `Broken`."""
    data = json.dumps(words).encode()
    await connection.send(_LENGTH.pack(len(data)) + data)


async def hear(connection: Secure) -> Words:
    """Raises `Broken`, or `Garbage` when it is no such message."""
    (n,) = _LENGTH.unpack(await connection.exactly(_LENGTH.size))
    if n > _MOST:
        raise Garbage("more words than there can be")
    try:
        words = json.loads(await connection.exactly(n))
    except ValueError:
        raise Garbage("no words") from None
    if not isinstance(words, dict):
        raise Garbage("no words")
    return words


def ours() -> Words:
    """What this popcc says of itself. These three are the same in all versions."""
    return {"hosts": VERSION, "nodes": MACHINE_VERSION, "popcc": __version__}


async def greet(connection: Secure, who: str) -> None:
    """Each side says which popcc it is, and that must be the same. Raises `PopccError` where it is not."""
    await tell(connection, ours())
    theirs = await hear(connection)
    if {k: theirs.get(k) for k in ours()} != ours():
        raise PopccError(
            f"{who} has popcc {theirs.get('popcc')} (protocol {theirs.get('hosts')}.{theirs.get('nodes')}), this host "
            f"popcc {__version__} (protocol {VERSION}.{MACHINE_VERSION}); install the same popcc on both"
        )
