"""popcorn migrate: a process, or one of its threads, goes to a node of its machine, or as a whole to another ISA."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from popcc.errors import PopccError
from popcc.isa import ISAS
from popcc.runtime.popcorn import actions
from popcc.runtime.popcorn.machine.control import needs_up
from popcc.runtime.popcorn.machine.state import Node, machine_at
from popcc.runtime.popcorn.processes import Process, find_process
from popcc.runtime.popcorn.request import Answer, Conversation
from popcc.schema.requests import Op

_WHAT = re.compile(r"([0-9]+)(?:/([0-9]+))?")
_THREADS = 2**32  # a thread's number is less


class What(Struct, frozen=True):
    """What is to move: a process, or one thread of it."""

    pid: int
    thread: int = 0  # 0: all of them

    def __str__(self) -> str:
        return f"{self.pid}/{self.thread}" if self.thread else str(self.pid)


def parse_what(text: str) -> What:
    """PID or PID/TID. Raises `PopccError` with what is expected."""
    match = _WHAT.fullmatch(text)
    if not match or not int(match[1]) or (match[2] and not 0 < int(match[2]) < _THREADS):
        raise PopccError(f"'{text}' is not a pid, or a pid and a thread's number, for example 4711/4713")
    return What(int(match[1]), int(match[2] or 0))


def migrate(what: What, to: str, program: Path | None) -> Answer:
    """Moves it to the node, or the ISA, called `to`; a node comes first.

    A process goes as a whole: the node becomes its origin, and nothing of it is left elsewhere. All its threads go to a
    node of another host; the origin stays, with the kernel that has its files. Raises `PopccError`.
    """
    process = find_process(what.pid)
    node = _node(process, to)
    if node is None:
        if what.thread:
            raise PopccError(f"a thread alone goes to a node of its machine; '{to}' is an ISA, for a whole process")
        return actions.migrate(what.pid, to, program)
    if what.thread or node.host or process.socket == str(node.socket):
        with Conversation(process) as conversation:
            return conversation.ask(Op.THREAD, thread=what.thread, node=node.number)
    needs_up(node)
    return actions.migrate(what.pid, node.isa, program, str(node.socket))


def _node(process: Process, to: str) -> Node | None:
    """The node that is meant; None if an ISA is."""
    at = machine_at(process.socket) if process.socket else None
    if at is not None:
        machine, _ = at
        if to not in ISAS or any(n.name == to for n in machine.nodes):
            return machine.node(to)
    if to in ISAS:
        return None
    if process.socket:
        raise PopccError(f"the machine that process {process.pid} was started in is gone")
    raise PopccError(
        f"process {process.pid} is not in a machine, so it has no node '{to}' to go to, only ISAs: {', '.join(ISAS)}; "
        "'popcorn run --machine' starts a program in one"
    )
