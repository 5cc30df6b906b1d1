"""popcorn machine and popcorn nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from popcc.errors import PopccError
from popcc.runtime.popcorn import complete
from popcc.runtime.popcorn.machine import control, state
from popcc.runtime.popcorn.machine.interconnect import (
    Interconnect,
    bandwidth_text,
    latency_text,
    parse_bandwidth,
    parse_latency,
)
from popcc.runtime.popcorn.machine.state import DEFAULT, Machine
from popcc.runtime.popcorn.options import json_option
from popcc.runtime.popcorn.output import print_json, print_table, say

_COLUMNS = ("NUMBER", "NODE", "ISA", "HOW", "STATE", "REPLICAS")


def _parsed(parse: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A callback that makes what `parse` refuses an error of the command line."""

    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        try:
            if isinstance(value, tuple):
                return [parse(v) for v in value]
            return None if value is None else parse(value)
        except PopccError as e:
            raise click.BadParameter(str(e)) from None

    return callback


def _name(what: str) -> Callable[[Any], Any]:
    return click.option(
        "--name", metavar="MACHINE", default=DEFAULT, show_default=True, shell_complete=complete.machines, help=what
    )


@click.group()
def machine() -> None:
    """Start, list and end emulated machines, on whose nodes the threads of one program run.

    A node stands for one kernel, of one ISA; those of other ISAs than the host's run programs under qemu-user.

    \b
    Examples:
      popcorn machine up                                       a node for each ISA
      popcorn run --machine ./program                          a program on the first of them
      popcorn migrate 4711/4713 aarch64                        one of its threads goes on on another
      popcorn machine down
    """


@machine.command()
@click.option(
    "--node",
    "nodes",
    metavar="NAME:ISA",
    multiple=True,
    callback=_parsed(control.parse_node),
    shell_complete=complete.new_nodes,
    help="A node; repeatable. One for each ISA that can run here unless given.",
)
@_name("What the machine is called.")
@click.option("--latency", metavar="TIME", callback=_parsed(parse_latency), help="From node to node, say 20us.")
@click.option("--bandwidth", metavar="RATE", callback=_parsed(parse_bandwidth), help="Between two nodes, say 10Gbit.")
@json_option
def up(
    nodes: list[tuple[str, str]], name: str, latency: float | None, bandwidth: float | None, as_json: bool
) -> None:  # fmt: skip
    """Start a machine. Its nodes run until `popcorn machine down`.

    \b
    Columns in a pipe, tab-separated: number, name, ISA, native or emulated, state, replicas.
    Examples:
      popcorn machine up
      popcorn machine up --node a:x86_64 --node b:x86_64 --node c:aarch64
      popcorn machine up --name far --latency 1ms --bandwidth 100Mbit
    """
    started = control.up(name, nodes or control.default_nodes(), Interconnect(latency or 0.0, bandwidth or 0.0))
    _show(started, as_json)


@machine.command()
@_name("Which machine.")
def down(name: str) -> None:
    """End a machine, and the replicas on its nodes. Threads that run there are lost; what runs on no node goes on.

    \b
    Example:
      popcorn machine down
    """
    control.down(name)


@machine.command()
@json_option
def status(as_json: bool) -> None:
    """List the machines that are up.

    \b
    Columns in a pipe, tab-separated: name, nodes, how many of them are up, replicas, latency, bandwidth.
    Example:
      popcorn machine status --json
    """
    all_ = [_json(state.find_machine(name)) for name in state.all_machines()]
    if as_json:
        print_json(all_)
        return
    if not all_:
        say("no machine is up; start one: popcorn machine up")
        return
    rows = [
        (
            m["machine"], len(m["nodes"]), sum(n["state"] == "up" for n in m["nodes"]),
            sum(len(n["replicas"]) for n in m["nodes"]), latency_text(m["latency"]) or "-",
            bandwidth_text(m["bandwidth"]) or "-",
        )
        for m in all_
    ]  # fmt: skip
    print_table(("MACHINE", "NODES", "UP", "REPLICAS", "LATENCY", "BANDWIDTH"), rows)


@click.command()
@_name("Which machine.")
@json_option
def nodes(name: str, as_json: bool) -> None:
    """List the nodes of a machine.

    \b
    Columns in a pipe, tab-separated: number, name, ISA, native or emulated, state, replicas.
    Example:
      popcorn nodes
    """
    _show(state.find_machine(name), as_json)


def _show(shown: Machine, as_json: bool) -> None:
    j = _json(shown)
    if as_json:
        print_json(j)
        return
    rows = [(n["number"], n["name"], n["isa"], n["how"], n["state"], len(n["replicas"])) for n in j["nodes"]]
    print_table(_COLUMNS, rows)


def _json(shown: Machine) -> dict[str, Any]:
    """A machine as it is now. Latency is in seconds, bandwidth in bits per second, 0 where there is no limit."""
    return {
        "machine": shown.name,
        "directory": str(shown.directory),
        "latency": shown.wire.latency,
        "bandwidth": shown.wire.bandwidth,
        "nodes": [
            {
                "number": s.node.number,
                "name": s.node.name,
                "isa": s.node.isa,
                "how": "emulated" if s.node.emulated else "native",
                "state": "up" if s.up else "down",
                "pid": s.node.pid,
                "socket": str(s.node.socket),
                "log": str(s.node.log),
                "replicas": list(s.replicas),
            }
            for s in control.look(shown)
        ],
    }
