"""The gate of a host: ``python -m popcc.runtime.popcorn.machine.hosts.gate FOLDER READY KEY``.

KEY is a descriptor that the shared key is read from. A byte goes into the descriptor READY when the host is one of the
machine's, or else the reason why it is not. Its standard error is its log. It waits in the kernel for what comes.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from msgspec.structs import replace

from popcc.errors import PopccError
from popcc.runtime.popcorn.machine.hosts.certificate import contexts
from popcc.runtime.popcorn.machine.hosts.joining import Joining
from popcc.runtime.popcorn.machine.hosts.listening import Listening
from popcc.runtime.popcorn.machine.hosts.secure import address_of, listen
from popcc.runtime.popcorn.machine.state import Hosts, Machine, change_machine, read_machine

_KEY_MOST = 64


async def _run(machine: Machine, key: bytes, ready: int) -> None:
    assert machine.hosts is not None
    gate: Listening | Joining
    address = machine.hosts.address
    if machine.hosts.listens:
        listener = listen(address)
        hosts = Hosts(True, address_of(listener))
        machine = change_machine(machine.directory, lambda m: replace(m, hosts=hosts))
        gate = Listening(machine, contexts(key), listener)
    else:
        gate = Joining(machine, contexts(key), address)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, gate.ended.set)
    own = gate.nodes_here()
    beginning = asyncio.create_task(gate.begin())
    ending = asyncio.create_task(gate.ended.wait())
    await asyncio.wait([beginning, ending], return_when=asyncio.FIRST_COMPLETED)
    if beginning.done():
        beginning.result()
        os.write(ready, b"\n")
    os.close(ready)
    await ending
    beginning.cancel()
    await gate.end()
    own.close()
    for task in gate.tasks:
        task.cancel()
    await asyncio.gather(*gate.tasks, return_exceptions=True)


def main() -> None:
    """The gate's process."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))  # popcorn held them back
    ready, given = int(sys.argv[2]), int(sys.argv[3])
    key = os.read(given, _KEY_MOST)
    os.close(given)
    try:
        asyncio.run(_run(read_machine(Path(sys.argv[1])), key, ready))
    except PopccError as e:
        os.write(ready, str(e).encode(errors="replace"))
        sys.exit(1)


if __name__ == "__main__":
    main()
