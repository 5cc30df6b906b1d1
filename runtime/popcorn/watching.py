"""popcorn ps, top and faults: which programs run, where their threads are, and which pages go to and fro."""

from __future__ import annotations

import sys
from typing import Any

import click

from popcc.errors import PopccError
from popcc.runtime.popcorn import complete
from popcc.runtime.popcorn.machine import places, report, top
from popcc.runtime.popcorn.machine.report import PageLine, Report
from popcc.runtime.popcorn.machine.state import machine_at
from popcc.runtime.popcorn.options import json_option
from popcc.runtime.popcorn.output import print_json, print_table
from popcc.runtime.popcorn.processes import Process, all_processes, find_process

POSITIVE = click.IntRange(min=1)


@click.command()
@click.option("--threads", is_flag=True, help="List the threads of all programs that are in a machine.")
@click.argument("pid", type=POSITIVE, required=False, shell_complete=complete.pids)
@json_option
def ps(pid: int | None, threads: bool, as_json: bool) -> None:
    """List the running programs that popcc linked; of program PID its threads, and the nodes they are on.

    \b
    Columns in a pipe, tab-separated: pid, user, ISA, native or emulated, node of a machine or -, command.
    With PID or --threads: pid, thread, node, state, name.
    Examples:
      popcorn ps
      popcorn ps 4711
      popcorn ps --threads --json
    """
    if pid is not None or threads:
        _threads([find_process(pid)] if pid is not None else [], as_json)
        return
    found = [(p, *_place(p)) for p in all_processes()]
    if as_json:
        print_json(
            [
                {"pid": p.pid, "user": p.user, "isa": p.isa, "emulated": p.emulated, "machine": machine, "node": node,
                 "command": p.command, "program": str(p.program) if p.program else None}
                for p, machine, node in found
            ]
        )  # fmt: skip
        return
    rows = [
        (p.pid, p.user, p.isa, "emulated" if p.emulated else "native", node or "-", p.command) for p, _, node in found
    ]
    print_table(("PID", "USER", "ISA", "HOW", "NODE", "COMMAND"), rows)


@click.command("top")
@click.option("--once", is_flag=True, help="Print it once, instead of each second until Ctrl-C.")
@click.argument("pids", metavar="[PID]...", type=POSITIVE, nargs=-1, shell_complete=complete.pids)
@json_option
def top_command(pids: tuple[int, ...], once: bool, as_json: bool) -> None:
    """Watch the programs in machines: their nodes with pages and page faults, and their threads.

    \b
    Columns of --once in a pipe, tab-separated, after the pid: the word node, name, ISA, link, pages, faults, threads;
    or the word thread, thread, node, state, name.
    Examples:
      popcorn top
      popcorn top --once 4711
    """
    if as_json or once:
        seen = top.look(pids)
        if as_json:
            print_json([{**_report_json(p, r), "error": e or None} for p, r, e in seen])
        else:
            top.print_once(seen)
    elif not sys.stdout or not sys.stdout.isatty():
        raise PopccError("standard output is not a terminal; use 'popcorn top --once'")
    else:
        top.watch(pids)


@click.command()
@click.argument("pid", type=POSITIVE, shell_complete=complete.pids)
@json_option
def faults(pid: int, as_json: bool) -> None:
    """Show which pages of program PID go from node to node, and which variables lie on them, the busiest first.

    A page that bounces between nodes because several variables lie on it is best mended by laying them apart.

    \b
    Columns in a pipe, tab-separated: address, reads, writes, bounces, last writers, what lies there.
    Example:
      popcorn faults 4711
    """
    process = find_process(pid)
    said = report.ask(process)
    known = places.places_of(process)
    pages = sorted(said.pages, key=lambda p: (-p.bounces, -p.writes, -p.reads, p.address))
    if as_json:
        print_json([_page_json(said, page, known.on_page(page.address)) for page in pages])
        return
    rows = [
        (
            hex(p.address), p.reads, p.writes, p.bounces, " ".join(said.node(w) for w in p.writers),
            places.text(p.address, known.on_page(p.address)),
        )
        for p in pages
    ]  # fmt: skip
    print_table(("PAGE", "READS", "WRITES", "BOUNCES", "WRITERS", "WHAT"), rows)


def _threads(processes: list[Process], as_json: bool) -> None:
    """Of these, or of all in machines, where one that does not answer keeps nobody from the others."""
    if processes:
        said = [(p, report.ask(p)) for p in processes]
    else:
        seen = top.look(())
        said = [(p, r) for p, r, error in seen if not error]
        for error in (error for _, _, error in seen if error):
            click.echo(f"popcorn: warning: {error}", err=True)
    if as_json:
        print_json([_report_json(p, r) for p, r in said])
        return
    rows = [(p.pid, t.tid, r.node(t.replica), t.state, t.name) for p, r in said for t in r.threads]
    print_table(("PID", "THREAD", "NODE", "STATE", "NAME"), rows)


def _place(process: Process) -> tuple[str | None, str | None]:
    """Machine and node that a process was started on."""
    at = machine_at(process.socket) if process.socket else None
    return (at[0].name, at[1].name) if at else (None, None)


def _report_json(process: Process, said: Report) -> dict[str, Any]:
    return {
        "pid": process.pid,
        "command": process.command,
        "machine": _place(process)[0],
        "nodes": [
            {"number": n.number, "node": said.node(n.number), "isa": n.isa, "link": n.link, "pages": n.pages,
             "faults": n.faults}
            for n in said.replicas
        ],
        "threads": [
            {"tid": t.tid, "node": said.node(t.replica), "state": t.state, "name": t.name} for t in said.threads
        ],
        "counters": said.counters,
    }  # fmt: skip


def _page_json(said: Report, page: PageLine, names: list[str]) -> dict[str, Any]:
    return {
        "address": hex(page.address),
        "reads": page.reads,
        "writes": page.writes,
        "bounces": page.bounces,
        "writers": [said.node(w) for w in page.writers],
        "symbols": names,
    }
