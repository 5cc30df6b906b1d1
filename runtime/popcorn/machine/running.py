"""Programs that are started on a node of a machine, and which machine `popcorn run` means."""

from __future__ import annotations

from collections.abc import Sequence

from popcc.errors import PopccError
from popcc.linker.program import ProgramInfo
from popcc.runtime.popcorn.hosts import host_isa
from popcc.runtime.popcorn.machine import state
from popcc.runtime.popcorn.machine.control import needs_up
from popcc.runtime.popcorn.machine.state import VARIABLE, Machine, Node

OPTION = "--machine"


def origin(machine: Machine, named: str | None, program: ProgramInfo) -> Node:
    """The node a program begins on: the one named, else the first of the host's ISA, else the first that it has code
    for. Raises `PopccError` when there is none."""
    if named is not None:
        node = machine.node(named)
        if node.host:
            raise PopccError(
                f"node '{node.name}' is on host '{node.host}'; start the program there, or here and migrate it"
            )
    else:
        here = host_isa().name
        possible = sorted((n for n in machine.own if n.isa in program.available), key=lambda n: n.isa != here)
        if not possible:
            have = ", ".join(program.available)
            raise PopccError(f"{program.path}: no node of machine '{machine.name}' has an ISA of the program's: {have}")
        node = possible[0]
    needs_up(node)
    return node


def environment(node: Node) -> dict[str, str]:
    """By which a program knows its node."""
    return {VARIABLE: str(node.socket)}


def with_machine_named(arguments: Sequence[str], valued: set[str]) -> list[str]:
    """The command line of `popcorn run`, its option --machine with a name: the next word if that is a machine's and
    the program still follows, else the default. `valued` are the options that a word follows anyhow."""
    words = list(arguments)
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != "--":
        if words[at] == OPTION:
            named = len(words) > at + 2 and words[at + 1] in state.all_machines()
            words[at : at + 1 + named] = [f"{OPTION}={words[at + 1] if named else state.DEFAULT}"]
        at += 2 if words[at] in valued else 1
    return words
