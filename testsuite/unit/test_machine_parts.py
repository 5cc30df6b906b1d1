"""Parts of machines that need no node: what is read and written of them, and what popcorn makes of odd answers."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from popcc.errors import PopccError
from popcc.runtime.popcorn.hosts import host_isa
from popcc.runtime.popcorn.machine import channel, control, protocol, running, state
from popcc.runtime.popcorn.machine.interconnect import (
    Interconnect,
    bandwidth_text,
    latency_text,
    parse_bandwidth,
    parse_latency,
)
from popcc.runtime.popcorn.machine.state import Machine
from popcc.schema.machines import MachineOp, MachineReply
from popcc.schema.requests import TEXT_MAX, Status

HERE = host_isa().name


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where machines would lie."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "popcorn"


@pytest.mark.parametrize(
    ("text", "seconds"), [("20us", 20e-6), ("1.5ms", 1.5e-3), ("0ns", 0), ("2s", 2), ("60s", 60), ("750ns", 750e-9)]
)
def test_latencies(text: str, seconds: float) -> None:
    assert parse_latency(text) == pytest.approx(seconds)
    assert parse_latency(latency_text(seconds) or "0s") == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "20", "us", "-1us", "1 ms", "1e3ms", "20US", "20us ", "٣ms"])
def test_what_is_no_latency(text: str) -> None:
    with pytest.raises(PopccError, match="is not a latency, for example 20us"):
        parse_latency(text)


@pytest.mark.parametrize(("text", "bits"), [("10Gbit", 10e9), ("100Mbit", 1e8), ("1.5kbit", 1500), ("1tbit", 1e12)])
def test_bandwidths(text: str, bits: float) -> None:
    assert parse_bandwidth(text) == pytest.approx(bits)
    assert parse_bandwidth(bandwidth_text(bits)) == pytest.approx(bits)


@pytest.mark.parametrize("text", ["", "0bit", "10", "10Gbyte", "-1bit", "fast"])
def test_what_is_no_bandwidth(text: str) -> None:
    with pytest.raises(PopccError, match="is not a bandwidth, for example 10Gbit or 100Mbit"):
        parse_bandwidth(text)


def test_a_description_comes_back_as_it_was(folder: Path) -> None:
    planned = state.plan("m", [("a", HERE), ("b", HERE)], Interconnect(20e-6, 10e9))
    planned.directory.mkdir(parents=True)
    state.write_machine(planned)
    assert state.read_machine(planned.directory) == planned
    assert state.machine_at(str(planned.nodes[1].socket)) == (planned, planned.nodes[1])
    assert state.machine_at(str(planned.directory / "c.socket")) is None
    assert state.machine_at("/nowhere/x") is None
    assert [planned.node(n).number for n in ("a", "b", "0", "1")] == [0, 1, 0, 1]
    with pytest.raises(PopccError, match="machine 'm' has no node '2'; its nodes are a"):
        planned.node("2")


def test_a_folder_of_somebody_elses_is_not_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for given in ("", "relative", "/nowhere", *(["/proc/1"] if os.geteuid() else [])):
        monkeypatch.setenv("XDG_RUNTIME_DIR", given)
        assert state.base() == Path(f"/tmp/popcorn-{os.geteuid()}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert state.base() == tmp_path / "popcorn"


def test_which_machine_run_means(folder: Path) -> None:
    planned = state.plan("lab", [("a", HERE)], Interconnect())
    planned.directory.mkdir(parents=True)
    folder.chmod(0o700)
    state.write_machine(planned)
    valued = {"--node", "--on", "--machine"}
    for given, meant in (
        ("--machine ./p", "--machine=default ./p"),
        ("--machine lab ./p x", "--machine=lab ./p x"),
        ("--machine lab", "--machine=default lab"),  # a program of that name
        ("--machine=far ./p", "--machine=far ./p"),
        ("--machine --node a ./p", "--machine=default --node a ./p"),
        ("--node --machine --machine p", "--node --machine --machine=default p"),
        ("--node a --machine lab ./p --machine y", "--node a --machine=lab ./p --machine y"),
        ("./p --machine lab x", "./p --machine lab x"),
        ("-- --machine lab x", "-- --machine lab x"),
    ):
        assert running.with_machine_named(given.split(), valued) == meant.split()


@contextmanager
def answering(tmp_path: Path, *, data: bytes) -> Iterator[Path]:
    """A socket whose other end says `data`, whatever it is asked."""
    address = tmp_path / "a.socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(address))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        yield address
        thread.join()


def reply(status: Status, text: bytes) -> MachineReply:
    return protocol.reply(status, 0, [1], text)


def test_odd_answers_of_a_node(tmp_path: Path) -> None:
    other = MachineReply(0, 1, 0, 0, 1, 0, bytes(16)).pack()
    long = MachineReply(0x48434D50, 1, 0, 0, 1, TEXT_MAX + 1, bytes(16)).pack()
    for number, data in enumerate((other, long)):
        (tmp_path / str(number)).mkdir()
        with (
            answering(tmp_path / str(number), data=data) as address,
            pytest.raises(PopccError, match="a node of another popcorn; put the machine down with that one"),
        ):
            protocol.ask(address, MachineOp.NODES)
    (tmp_path / "short").mkdir()
    with (
        answering(tmp_path / "short", data=other[:9]) as address,
        pytest.raises(OSError, match="closed the connection"),
    ):
        protocol.ask(address, MachineOp.NODES)
    (tmp_path / "no").mkdir()
    no = reply(Status.REFUSED, b"not today").pack() + b"not today"
    with answering(tmp_path / "no", data=no) as address, pytest.raises(PopccError, match="not today"):
        protocol.ask(address, MachineOp.NODES)


def test_a_node_that_takes_too_long(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "START_SECONDS", 0.0)
    with pytest.raises(PopccError, match="node 'a' did not start within 0 s"):
        control.up("m", [("a", HERE)], Interconnect())
    assert not folder.exists()


def test_a_disk_that_is_full(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(small_disk))
    with pytest.raises(OSError, match="No space"), (small_disk / "full").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with pytest.raises(PopccError, match="cannot start machine 'm': No space left on device"):
        control.up("m", [("a", HERE)], Interconnect())
    assert [p.name for p in small_disk.iterdir()] == ["full"]


def test_another_node_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "ANSWER_SECONDS", 0.05)
    node = state.Node(1, "b", HERE, tmp_path / "b.socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(node.socket))
        listener.listen()
        asked = channel.Asked(protocol.request(MachineOp.ATTACH), b"", None)
        with pytest.raises(PopccError, match="node 'b' did not answer within 0 s"):
            asyncio.run(channel.passed_on(node, asked))


def test_a_machine_is_planned_in_order(folder: Path) -> None:
    planned: Machine = state.plan("m", control.default_nodes(), Interconnect())
    assert planned.nodes[0].isa == HERE and not planned.nodes[0].emulated
    assert [n.number for n in planned.nodes] == list(range(len(planned.nodes)))
    assert control.parse_node(f"x:{HERE}") == ("x", HERE) and control.parse_node(HERE) == (HERE, HERE)
