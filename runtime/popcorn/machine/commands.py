"""popcorn machine and popcorn nodes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from popcc.errors import PopccError
from popcc.runtime.popcorn import complete
from popcc.runtime.popcorn.machine import control, state
from popcc.runtime.popcorn.machine.hosts.address import parse_address
from popcc.runtime.popcorn.machine.hosts.keys import make_key, read_key
from popcc.runtime.popcorn.machine.interconnect import (
    Interconnect,
    bandwidth_text,
    latency_text,
    parse_bandwidth,
    parse_latency,
)
from popcc.runtime.popcorn.machine.state import DEFAULT, Hosts, Machine
from popcc.runtime.popcorn.options import json_option
from popcc.runtime.popcorn.output import print_json, print_table, say

_COLUMNS = ("NUMBER", "NODE", "ISA", "HOW", "STATE", "REPLICAS", "HOST")


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


def _address(text: str) -> str:
    parse_address(text)
    return text


def _name(what: str) -> Callable[[Any], Any]:
    return click.option(
        "--name", metavar="MACHINE", default=DEFAULT, show_default=True, shell_complete=complete.machines, help=what
    )


@click.group()
def machine() -> None:
    """Start, list and end machines, on whose nodes the threads of one program run.

    A node stands for one kernel, of one ISA; those of other ISAs than the host's run programs under qemu-user. The
    nodes are one host's, or those of several hosts.

    \b
    Examples:
      popcorn machine up                                       a node for each ISA
      popcorn run --machine ./program                          a program on the first of them
      popcorn migrate 4711/4713 aarch64                        one of its threads goes on on another
      popcorn machine down
      popcorn machine up --listen :7900 --key k --node a:x86_64            on one host
      popcorn machine up --join first:7900 --key k --node b:aarch64        on another
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
@click.option(
    "--listen", metavar="HOST:PORT", callback=_parsed(_address), help="Where other hosts may join; :PORT: anywhere."
)
@click.option("--join", metavar="HOST:PORT", callback=_parsed(_address), help="Join the machine that listens there.")
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The key that all hosts of the machine have; only you may be able to read it. See popcorn machine key.",
)
@json_option
def up(
    nodes: list[tuple[str, str]], name: str, latency: float | None, bandwidth: float | None, listen: str | None,
    join: str | None, key: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Start a machine, or join one. Its nodes run until `popcorn machine down`.

    With --listen other hosts may join the machine; with --join this host's nodes become nodes of the machine of another
    host. A node's name is unique in the machine. Hosts prove to each other that they have the key, and speak by TLS.

    \b
    Columns in a pipe, tab-separated: number, name, ISA, native or emulated, state, replicas, host, - for this one.
    Examples:
      popcorn machine up
      popcorn machine up --node a:x86_64 --node b:x86_64 --node c:aarch64
      popcorn machine up --name far --latency 1ms --bandwidth 100Mbit
      popcorn machine up --listen :7900 --key ~/popcorn.key --node a:x86_64
      popcorn machine up --join first.example:7900 --key ~/popcorn.key --node b:aarch64
    """
    hosts = _hosts(listen, join, key)
    if hosts is not None and (latency is not None or bandwidth is not None):
        raise click.UsageError(
            "--latency and --bandwidth emulate wires on one host; with --listen or --join wires are real"
        )
    secret = read_key(key) if key is not None and hosts is not None else b""
    wire = Interconnect(latency or 0.0, bandwidth or 0.0)

    def then(started: Machine) -> None:
        _show(started, as_json)
        # a Ctrl-C that comes now comes too late: whoever sees that status believes that nothing was started
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))

    control.up(name, nodes or control.default_nodes(), wire, hosts, secret, then)


def _hosts(listen: str | None, join: str | None, key: Path | None) -> Hosts | None:
    if listen is not None and join is not None:
        raise click.UsageError("--listen and --join can't both be given: one host listens, all others join it")
    address = listen if listen is not None else join
    if (address is None) != (key is None):
        raise click.UsageError(
            "--key is for --listen and --join; give one of them"
            if address is None
            else "--listen and --join need the key that all hosts have: --key FILE; popcorn machine key FILE makes one"
        )
    return None if address is None else Hosts(listen is not None, address)


@machine.command("key")
@click.argument("file", type=click.Path(path_type=Path), shell_complete=complete.files)
def key_(file: Path) -> None:
    """Make the key by which the hosts of a machine know each other.

    FILE must not be there yet; only you can read it then. Copy it to every host. Who has it can run programs as you.

    \b
    Examples:
      popcorn machine key ~/popcorn.key
      scp -p ~/popcorn.key second:
    """
    make_key(file)


@machine.command()
@_name("Which machine.")
def down(name: str) -> None:
    """End a machine, and the replicas on its nodes. Threads that run there are lost; what runs on no node goes on.

    On a host that joined, its nodes leave the machine. On the host that they joined, the machine ends on all of them.

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
    Columns in a pipe, tab-separated: name, nodes, how many of them are up, replicas, latency, bandwidth, and where it
    listens for other hosts or joined one.
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
            bandwidth_text(m["bandwidth"]) or "-", _hosts_text(m["hosts"]),
        )
        for m in all_
    ]  # fmt: skip
    print_table(("MACHINE", "NODES", "UP", "REPLICAS", "LATENCY", "BANDWIDTH", "HOSTS"), rows)


@click.command()
@_name("Which machine.")
@json_option
def nodes(name: str, as_json: bool) -> None:
    """List the nodes of a machine.

    \b
    Columns in a pipe, tab-separated: number, name, ISA, native or emulated, state, replicas, host, - for this one.
    Example:
      popcorn nodes
    """
    _show(state.find_machine(name), as_json)


def _show(shown: Machine, as_json: bool) -> None:
    j = _json(shown)
    if as_json:
        print_json(j)
        return
    rows = [
        (n["number"], n["name"], n["isa"], n["how"], n["state"], len(n["replicas"]), n["host"] or "-")
        for n in j["nodes"]
    ]
    print_table(_COLUMNS, rows)


def _hosts_text(hosts: dict[str, str] | None) -> str:
    return " ".join(f"{what} {address}" for what, address in hosts.items()) if hosts else "-"


def _json(shown: Machine) -> dict[str, Any]:
    """A machine as it is now. Latency is in seconds, bandwidth in bits per second, 0 where there is no limit."""
    return {
        "machine": shown.name,
        "directory": str(shown.directory),
        "latency": shown.wire.latency,
        "bandwidth": shown.wire.bandwidth,
        "hosts": shown.hosts and {"listens" if shown.hosts.listens else "joined": shown.hosts.address},
        "nodes": [
            {
                "number": s.node.number,
                "name": s.node.name,
                "isa": s.node.isa,
                "how": "emulated" if s.node.emulated else "native",
                "state": "up" if s.up else "down",
                "pid": s.node.pid,
                "host": s.node.host,
                "socket": str(s.node.socket),
                "log": "" if s.node.host else str(s.node.log),
                "replicas": list(s.replicas),
            }
            for s in control.look(shown)
        ],
    }
