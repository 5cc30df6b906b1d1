"""What the shells are offered for popcorn's arguments: pids of programs that run, ISAs, programs, functions.

click calls these with what was typed so far, and shows no error: a program that can't be read offers nothing.
"""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, get_completion_class

from popcc.errors import PopccError
from popcc.isa import ISAS
from popcc.linker.program import read_program
from popcc.runtime.popcorn.launch import find_program
from popcc.runtime.popcorn.machine.state import DEFAULT, all_machines, find_machine, machine_at
from popcc.runtime.popcorn.processes import all_processes

SHELLS = ("bash", "zsh", "fish")


def isas(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in ISAS if name.startswith(incomplete)]


def pids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """With ISA and command beside each, where the shell shows that."""
    return [
        CompletionItem(str(p.pid), help=f"{p.isa} {p.command}")
        for p in all_processes()
        if str(p.pid).startswith(incomplete)
    ]


def images_and_pids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [*pids(ctx, param, incomplete), CompletionItem(incomplete, type="file")]


def moves(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """TIME:ISA, once there is a time."""
    time, colon, name = incomplete.partition(":")
    return [CompletionItem(f"{time}:{isa}") for isa in ISAS if colon and isa.startswith(name)]


def machines(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in all_machines() if name.startswith(incomplete)]


def new_nodes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """NAME:ISA, once there is a name."""
    name, colon, isa = incomplete.partition(":")
    return [CompletionItem(f"{name}:{i}" if colon else i) for i in ISAS if i.startswith(isa if colon else name)]


def nodes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Of the machine that is named before."""
    try:
        found = find_machine(ctx.params.get("machine") or DEFAULT).nodes
    except PopccError:
        return []
    return [CompletionItem(n.name, help=n.isa) for n in found if n.name.startswith(incomplete)]


def targets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Where the process that is named before can go: nodes of its machine, and ISAs."""
    found = dict.fromkeys(ISAS, "")
    what = ctx.params.get("what")
    process = next((p for p in all_processes() if what is not None and p.pid == what.pid), None)
    if process and (at := machine_at(process.socket)):
        found |= {n.name: f"node {n.number}, {n.isa}" for n in at[0].nodes}
    return [CompletionItem(name, help=text) for name, text in found.items() if name.startswith(incomplete)]


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="file")]


def functions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Of the program that stands before."""
    try:
        names = {f.name for f in read_program(find_program(ctx.params["program"])).metadata.functions}
    except (PopccError, KeyError):
        return []
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def script(cli: click.Command, shell: str) -> str:
    """What makes a shell ask popcorn."""
    made = get_completion_class(shell)
    assert made is not None, shell
    return made(cli, {}, "popcorn", "_POPCORN_COMPLETE").source()
