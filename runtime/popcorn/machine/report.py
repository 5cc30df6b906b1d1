"""What a running program says of its nodes, threads and pages: lines of words, as the request STATUS is answered.

    node NUMBER MACHINE_NODE ISA LINK PAGES FAULTS      a replica, 0 the origin; MACHINE_NODE is the machine's number
    thread TID NODE STATE NAME                          NODE is the NUMBER of its replica; the name may have spaces
    page ADDRESS READS WRITES BOUNCES WRITERS...        WRITERS are NUMBERs, the last one first; at most four
    counter NAME VALUE

Lines of other kinds are left out: a program may be newer than popcorn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from popcc.errors import PopccError
from popcc.runtime.popcorn.machine import state
from popcc.runtime.popcorn.processes import Process
from popcc.runtime.popcorn.request import Conversation
from popcc.schema.requests import Op

T = TypeVar("T")


class ReplicaLine(Struct, frozen=True):
    """A replica of the process, the origin included."""

    number: int
    machine_node: int
    isa: str
    link: str  # of it to the origin
    pages: int  # that it may write
    faults: int  # since it began


class ThreadLine(Struct, frozen=True):
    """A thread, wherever it runs."""

    tid: int
    replica: int
    state: str
    name: str


class PageLine(Struct, frozen=True):
    """A page that more than one node has asked for."""

    address: int
    reads: int
    writes: int
    bounces: int  # times that another node wrote it than the one before
    writers: tuple[int, ...]  # replicas, the last one first


class Report(Struct, frozen=True):
    """A process at one moment."""

    replicas: tuple[ReplicaLine, ...] = ()
    threads: tuple[ThreadLine, ...] = ()
    pages: tuple[PageLine, ...] = ()
    counters: dict[str, int] = {}
    names: dict[int, str] = {}  # of the machine's nodes, by number

    def node(self, replica: int) -> str:
        """The name of the machine's node that a replica is on; its number in brackets if the machine is gone."""
        found = next((r.machine_node for r in self.replicas if r.number == replica), None)
        return self.names.get(found, f"[{found}]") if found is not None else f"[{replica}]"


def parse(text: str, names: dict[int, str] | None = None) -> Report:
    """The report in a program's words. Raises `PopccError` on a line that says less than its kind has to."""
    found: dict[str, list[list[str]]] = {"node": [], "thread": [], "page": [], "counter": []}
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind in found:
            found[kind].append(rest.split(" ", 3) if kind == "thread" else rest.split())
    threads = _each("thread", found, lambda w: ThreadLine(int(w[0]), int(w[1]), w[2], w[3] if len(w) > 3 else ""))
    return Report(
        tuple(_each("node", found, lambda w: ReplicaLine(int(w[0]), int(w[1]), w[2], w[3], int(w[4]), int(w[5])))),
        tuple(sorted(threads, key=lambda t: t.tid)),
        tuple(
            _each(
                "page",
                found,
                lambda w: PageLine(int(w[0], 16), int(w[1]), int(w[2]), int(w[3]), tuple(int(n) for n in w[4:])),
            )
        ),
        dict(_each("counter", found, lambda w: (w[0], int(w[1])))),
        names or {},
    )


def _each(kind: str, found: dict[str, list[list[str]]], make: Callable[[list[str]], T]) -> list[T]:
    made = []
    for words in found[kind]:
        try:
            made.append(make(words))
        except (IndexError, ValueError):
            line = " ".join((kind, *words))
            raise PopccError(f"the program's answer has a line that makes no sense: {line}") from None
    return made


def ask(process: Process) -> Report:
    """What a process says of itself. Raises `PopccError` when it does not answer."""
    with Conversation(process) as conversation:
        words = conversation.ask(Op.STATUS).words
    at = state.machine_at(process.socket) if process.socket else None
    return parse(words, {n.number: n.name for n in at[0].nodes} if at else {})
