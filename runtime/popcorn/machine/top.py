"""popcorn top: what the programs in machines say of themselves, asked each second, all of them at once."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from msgspec import Struct
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from popcc.errors import PopccError
from popcc.runtime.popcorn.machine import report
from popcc.runtime.popcorn.machine.report import Report
from popcc.runtime.popcorn.machine.state import machine_at
from popcc.runtime.popcorn.output import print_table, print_text
from popcc.runtime.popcorn.processes import Process, all_processes, find_process

_SECOND = 1.0
_ASKED_AT_ONCE = 16
_NODES = ("NODE", "ISA", "LINK", "PAGES", "FAULTS", "THREADS")
_THREADS = ("THREAD", "NODE", "STATE", "NAME")

Seen = tuple[Process, Report, str]  # the last is why there is no report


def look(pids: Sequence[int]) -> list[Seen]:
    """These programs, or all that are in a machine."""
    processes = _processes(pids)
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
        return [(p, *_outcome(f)) for p, f in [(p, pool.submit(report.ask, p)) for p in processes]]


def print_once(seen: Sequence[Seen]) -> None:
    """Tables, or in a pipe lines that each name the program."""
    if sys.stdout is not None and sys.stdout.isatty():
        Console().print(_screen(seen, {}))
        return
    for process, said, error in seen:
        if error:
            print_text(f"{process.pid}\terror\t{error}")
        print_table((), [(process.pid, "node", *row) for row in _node_rows(said)])
        print_table((), [(process.pid, "thread", *row) for row in _thread_rows(said)])


def watch(pids: Sequence[int]) -> None:
    """Until Ctrl-C, or until all of `pids` have ended."""
    pool = ThreadPoolExecutor(_ASKED_AT_ONCE)
    watched = _Watched()
    try:
        with Live(screen=True, auto_refresh=False) as live:
            while (processes := _processes(pids, lenient=True)) or not pids:
                watched.ask(pool, processes)
                live.update(_screen(watched.seen(), watched.rates), refresh=True)
                time.sleep(_SECOND)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class _Watched(Struct):
    """What is known, and who has not answered yet: a program that is slow holds up no other."""

    last: dict[int, Seen] = {}
    asked: dict[int, Future[Report]] = {}
    rates: dict[tuple[int, int], float] = {}  # faults per second, by pid and replica
    heard: dict[int, float] = {}  # when each answered last

    def ask(self, pool: ThreadPoolExecutor, processes: list[Process]) -> None:
        present = {p.pid: p for p in processes}
        for pid in self.last.keys() - present.keys():
            del self.last[pid]
        for pid, process in present.items():
            future = self.asked.get(pid)
            if future is not None and future.done():
                self._take(process, *_outcome(self.asked.pop(pid)))
            if pid not in self.asked:
                self.last.setdefault(pid, (process, Report(), ""))
                self.asked[pid] = pool.submit(report.ask, process)

    def _take(self, process: Process, said: Report, error: str) -> None:
        now, before = time.monotonic(), {r.number: r.faults for r in self.last[process.pid][1].replicas}
        passed = now - self.heard.get(process.pid, now)
        for r in said.replicas:
            if r.number in before and passed > 0:
                self.rates[process.pid, r.number] = (r.faults - before[r.number]) / passed
        self.heard[process.pid] = now
        self.last[process.pid] = (process, said, error)

    def seen(self) -> list[Seen]:
        return [self.last[pid] for pid in sorted(self.last)]


def _processes(pids: Sequence[int], lenient: bool = False) -> list[Process]:
    if not pids:
        return [p for p in all_processes() if p.socket and machine_at(p.socket)]
    found = []
    for pid in pids:
        try:
            found.append(find_process(pid))
        except PopccError:
            if not lenient:
                raise
    return found


def _outcome(future: Future[Report]) -> tuple[Report, str]:
    try:
        return future.result(), ""
    except PopccError as e:
        return Report(), str(e)


def _node_rows(said: Report) -> list[tuple[object, ...]]:
    count = {r.number: sum(t.replica == r.number for t in said.threads) for r in said.replicas}
    return [(said.node(r.number), r.isa, r.link, r.pages, r.faults, count[r.number]) for r in said.replicas]


def _thread_rows(said: Report) -> list[tuple[object, ...]]:
    return [(t.tid, said.node(t.replica), t.state, t.name) for t in said.threads]


def _screen(seen: Sequence[Seen], rates: dict[tuple[int, int], float]) -> Group:
    """All that is known, as it is shown on a terminal."""
    parts: list[str | Table] = []
    for process, said, error in seen:
        parts.append(f"[bold]{process.pid}[/bold]  {escape(process.command)}")
        if error:
            parts.append(escape(error))
        rows = [
            (*row, f"{rates.get((process.pid, r.number), 0.0):.0f}")
            for row, r in zip(_node_rows(said), said.replicas, strict=True)
        ]
        parts += [_table((*_NODES, "FAULTS/S"), rows), _table(_THREADS, _thread_rows(said)), ""]
    return Group(*parts) if parts else Group("no program runs in a machine; start one: popcorn run --machine PROGRAM")


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    return table
