"""Machines: their nodes come and go, programs start on them, and replicas are started, watched and ended."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import harness
import pytest
from machine_fixtures import KEY, Emulated, attach, environ, heard, left_of, machine, tell
from popcorn_fixtures import (
    HERE,
    OTHERS,
    PATIENCE,
    THERE,
    built,
    copied,
    eventually,
    needs_emulator,
    refused,
    started,
    succeeds,
)

from popcc.isa import ISAS
from popcc.runtime.popcorn.hosts import host_isa
from popcc.runtime.popcorn.machine.protocol import request
from popcc.schema.machines import MachineOp
from popcc.schema.requests import Status

pytestmark = needs_emulator
PROC = Path("/proc")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    """Nodes of all ISAs and two of the host's, for tests that leave them as they were."""
    names = [arg for isa in (HERE, *OTHERS) for arg in ("--node", isa)]
    with machine(tmp_path_factory.mktemp("m"), *names, "--node", f"second:{HERE}") as made:
        yield made


def replicas(made: Emulated, node: int) -> list[int]:
    return [r["pid"] for r in made.nodes()[node]["replicas"]]


def gone(pid: int) -> bool:
    return harness_state(pid) in ("", "Z", "X")


def harness_state(pid: int) -> str:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return ""


def ends(made: Emulated, node: int) -> None:
    eventually(lambda: not replicas(made, node), "the node to see the replica's end")


def test_a_machine_has_a_node_for_each_isa(tmp_path: Path) -> None:
    with machine(tmp_path) as made:
        assert [n.isa for n in made.machine.nodes] == [HERE, *OTHERS]
        shown = made.nodes()
        assert [(n["number"], n["name"], n["how"], n["state"], n["replicas"]) for n in shown] == [
            (i, isa, "native" if isa == HERE else "emulated", "up", []) for i, isa in enumerate((HERE, *OTHERS))
        ]
        lines = succeeds("nodes", env=made.env).splitlines()
        assert lines[1] == f"1\t{OTHERS[0]}\t{OTHERS[0]}\temulated\tup\t0\t-"
        assert succeeds("machine", "status", env=made.env) == f"default\t{len(shown)}\t{len(shown)}\t0\t-\t-\t-\n"
        folder = made.machine.directory
        assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700
    assert succeeds("machine", "status", "--json", env=made.env) == "[]\n"


def test_two_machines_stand_side_by_side(tmp_path: Path) -> None:
    near = ("--node", f"a:{HERE}", "--node", f"b:{HERE}")
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    with machine(tmp_path, *near) as made:
        shown = succeeds(
            "machine", "up", "--name", "far", "--node", HERE, "--latency", "1ms", "--bandwidth", "100Mbit", "--json",
            env=env,
        )  # fmt: skip
        assert json.loads(shown)["latency"] == 0.001
        assert succeeds("machine", "status", env=env) == "default\t2\t2\t0\t-\t-\t-\nfar\t1\t1\t0\t1ms\t100Mbit\t-\n"
        again = refused("machine", "up", "--name", "far", env=env)
        assert again.startswith("a machine 'far' is up already; end it with 'popcorn machine down --name far'")
        succeeds("machine", "down", "--name", "far", env=env)
        assert made.states() == ["up", "up"]
    text = refused("machine", "down", "--name", "far", env=env)
    assert text == "there is no machine 'far'; start it: popcorn machine up --name far"


def test_a_program_starts_on_a_node(shared: Emulated, program_folder: Path, tmp_path: Path) -> None:
    program = built("ticks", program_folder)
    run = [*harness.popcorn(), "run", "--machine"]
    for isa in (HERE, THERE):
        with started([*run, "--node", isa, program], tmp_path / isa, "tick 2", env=shared.env) as running:
            assert environ(running.pid)["POPCORN_MACHINE"] == str(shared.machine.node(isa).socket)
            assert running.isa == isa
    cases = {HERE: [[], ["default"]], "second": [["--node", "second"], [f"--node={len(OTHERS) + 1}"]]}
    for n, (node, options) in enumerate((node, o) for node, several in cases.items() for o in several):
        with started([*run, *options, program], tmp_path / str(n), "tick 2", env=shared.env) as running:
            assert environ(running.pid)["POPCORN_MACHINE"] == str(shared.machine.node(node).socket)
            assert running.isa == HERE


def test_a_thread_goes_to_another_node(shared: Emulated, program_folder: Path, tmp_path: Path) -> None:
    command = [*harness.popcorn(), "run", "--machine", built("team", program_folder)]
    with started(command, tmp_path, "round", env=shared.env) as running:
        (shown,) = (p for p in json.loads(succeeds("ps", "--json")) if p["pid"] == running.pid)
        assert (shown["machine"], shown["node"]) == ("default", HERE)
        thread = max(int(t.name) for t in (PROC / str(running.pid) / "task").iterdir())
        assert refused("migrate", f"{running.pid}/9", "second") == f"process {running.pid}: it has no thread 9"
        text = refused("migrate", running.pid, "nowhere")
        assert text.startswith("machine 'default' has no node 'nowhere'; its nodes are")
        succeeds("migrate", f"{running.pid}/{thread}", "second")
        (replica,) = replicas(shared, len(OTHERS) + 1)
        running.goes_on()
        text = refused("migrate", replica, THERE)
        assert text.startswith(f"process {replica} is only a node's part of another process")
        assert str(replica) not in succeeds("ps")
        running.end()
    ends(shared, len(OTHERS) + 1)


def test_nodes_know_each_other(shared: Emulated) -> None:
    numbers = [ISAS[n.isa].number for n in shared.machine.nodes]
    for at, _ in enumerate(shared.machine.nodes):
        with shared.connection(at) as connection:
            for _ in range(2):  # one after the other, on one connection
                told = tell(connection, request(MachineOp.NODES))
                assert (told.reply.status, told.reply.node, told.reply.nodes) == (Status.DONE, at, len(numbers))
                assert list(told.reply.isa) == numbers + [0] * (16 - len(numbers))


@pytest.mark.parametrize("through", [0, 1])
def test_a_replica_is_started_where_it_is_asked_for(through: int, shared: Emulated, program_folder: Path) -> None:
    program = built("ticks", program_folder)
    for node in shared.machine.nodes:
        with shared.connection(through) as connection:
            told = tell(connection, attach(program, node.number), program)
        assert told.reply.status == Status.DONE and told.reply.node == through, told.words
        assert told.link is not None and told.link.family == socket.AF_UNIX
        (pid,) = replicas(shared, node.number)
        found = environ(pid)
        assert re.fullmatch(rf"[0-9]+:1:{KEY}:0", found["POPCORN_REPLICA"])
        assert found["POPCORN_MACHINE"] == str(node.socket)
        assert found["POPCORN_PROGRAM"] == str(program)
        assert {p.partition("=")[0] for p in found["POPCORN_RUNNERS"].split(";")} == {HERE, *OTHERS}
        assert str((PROC / str(pid) / "fd" / "0").readlink()) == "/dev/null"
        assert str((PROC / str(pid) / "fd" / "1").readlink()) == str(node.log)
        executed = (PROC / str(pid) / "exe").readlink().name
        assert (executed == program.name) if node.isa == HERE else executed.startswith(f"qemu-{node.isa}")
        os.kill(pid, signal.SIGKILL)
        ends(shared, node.number)
        assert "replica 1 of process" in node.log.read_text() and "ended by signal 9" in node.log.read_text()
        assert ended(told.link)
        told.link.close()


def test_a_replica_has_no_descriptors_of_its_nodes(shared: Emulated, program_folder: Path) -> None:
    program = built("ticks", program_folder)
    with shared.connection() as connection:
        link = tell(connection, attach(program, 0), program).link
        (pid,) = replicas(shared, 0)
        eventually(lambda: len(sockets(pid)) == 1, "it to have its link and no other socket")
        assert not sockets(pid) & sockets(shared.pid(0))
    assert link is not None
    link.close()
    ends(shared, 0)  # it has nobody to talk to any more


def sockets(pid: int) -> set[str]:
    found = set()
    for fd in (PROC / str(pid) / "fd").iterdir():
        with suppress(OSError):
            found.add(fd.readlink().name)
    return {name for name in found if name.startswith("socket:")}


def ended(link: socket.socket) -> bool:
    """What its replica said is of no interest here."""
    with suppress(ConnectionResetError):
        while link.recv(4096):
            pass
    return True


def test_a_program_that_was_replaced_is_started_as_it_was(
    shared: Emulated, program_folder: Path, tmp_path: Path
) -> None:
    program = copied("ticks", program_folder, tmp_path / "ticks")
    with program.open("rb") as file, shared.connection() as connection:
        asked = attach(program, 0)
        program.unlink()
        program.write_text("another")
        socket.send_fds(connection, [asked.pack() + os.fsencode(program)], [file.fileno()])
        link = heard(connection).link
        assert link is not None
        (pid,) = replicas(shared, 0)
        assert (PROC / str(pid) / "exe").readlink() == program.with_name("ticks (deleted)")
    link.close()
    ends(shared, 0)


def test_down_ends_replicas(tmp_path: Path, program_folder: Path) -> None:
    program = built("ticks", program_folder)
    with machine(tmp_path, "--node", f"a:{HERE}", "--node", THERE) as made:
        links = []
        for node in (0, 1, 1):
            with made.connection() as connection:
                links.append(tell(connection, attach(program, node), program).link)
        pids = replicas(made, 0) + replicas(made, 1)
        assert len(pids) == 3
        succeeds("machine", "down", env=made.env)
        assert all(map(gone, pids)) and not left_of(tmp_path)
        assert all(link and ended(link) for link in links)
        assert not (tmp_path / "popcorn").exists()
        succeeds("machine", "up", "--node", HERE, env=made.env)  # for the fixture, which ends it


def test_a_killed_node_takes_its_replicas_along(tmp_path: Path, program_folder: Path) -> None:
    program = built("ticks", program_folder)
    with machine(tmp_path, "--node", f"a:{HERE}", "--node", f"b:{HERE}", "--node", THERE) as made:
        links = []
        for node in (1, 2):
            with made.connection() as connection:
                links.append(tell(connection, attach(program, node), program).link)
        pids = replicas(made, 1) + replicas(made, 2)
        for node in (1, 2):
            os.kill(made.pid(node), signal.SIGKILL)
        eventually(lambda: all(map(gone, pids)), "the end of the replicas")
        assert all(link and ended(link) for link in links)
        assert made.states() == ["up", "down", "down"]
        with made.connection() as connection:
            assert list(tell(connection, request(MachineOp.NODES)).reply.isa[:3]) == [host_isa().number, 0, 0]
            assert tell(connection, attach(program, 1), program).words == "node 'b' is down"
        text = refused("run", "--machine", "--node", "b", program, env=made.env)
        assert text.startswith("node 'b' is down; see ")


def test_a_node_that_ends_before_it_answers(tmp_path: Path, program_folder: Path) -> None:
    program = built("ticks", program_folder)
    with machine(tmp_path, "--node", f"a:{HERE}", "--node", f"b:{HERE}") as made, made.connection() as connection:
        pid = made.pid(1)
        os.kill(pid, signal.SIGSTOP)
        asked = attach(program, 1)
        with program.open("rb") as file:
            socket.send_fds(connection, [asked.pack() + os.fsencode(program)], [file.fileno()])
        eventually(lambda: waits_for(made, 1), "node a to ask node b")
        os.kill(pid, signal.SIGKILL)
        assert heard(connection).words == "node 'b' went down meanwhile"


def waits_for(made: Emulated, node: int) -> bool:
    """Whether a connection stands in the queue of a node."""
    address = str(made.machine.nodes[node].socket)
    return sum(line.endswith(address) for line in Path("/proc/net/unix").read_text().splitlines()) > 1


def test_a_machine_that_died_whole_gives_way(tmp_path: Path) -> None:
    with machine(tmp_path, "--node", f"a:{HERE}", "--node", f"b:{HERE}") as made:
        for node in (0, 1):
            os.kill(made.pid(node), signal.SIGKILL)
        eventually(lambda: made.states() == ["down", "down"], "their end")
        succeeds("machine", "up", "--node", f"c:{HERE}", env=made.env)
        assert [n["name"] for n in made.nodes()] == ["c"]


def test_a_stopped_node_is_ended_too(tmp_path: Path) -> None:
    with machine(tmp_path, "--node", HERE) as made:
        os.kill(made.pid(0), signal.SIGSTOP)


def test_an_interrupted_start_leaves_nothing(tmp_path: Path) -> None:
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    for moment in (0.05, 0.2, 0.35, 0.5, 0.7):
        process = subprocess.Popen([*harness.popcorn(), "machine", "up"], env=env, stdout=subprocess.DEVNULL)
        time.sleep(moment)  # the test is of any moment
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        if process.wait(PATIENCE) == 0:
            succeeds("machine", "down", env=env)
        assert not list(tmp_path.iterdir())
        eventually(lambda: not left_of(tmp_path), "the end of its nodes")


def test_an_idle_machine_uses_no_processor_time(tmp_path: Path) -> None:
    with machine(tmp_path, "--node", f"a:{HERE}", "--node", f"b:{HERE}", "--latency", "20us") as made:
        pids = [made.pid(n) for n in (0, 1)]

        def switches() -> list[str]:
            return [
                line
                for pid in pids
                for line in (PROC / str(pid) / "status").read_text().splitlines()
                if "ctxt_switches" in line
            ]

        before = switches()
        time.sleep(1.5)  # in which nothing happens
        assert switches() == before


@pytest.mark.parametrize("latency", [0.0, 0.7])
def test_the_wire_takes_its_time(latency: float, tmp_path: Path, program_folder: Path) -> None:
    """A replica's first words take as long as the wire does."""
    program = built("ticks", program_folder)
    wire = ("--latency", f"{latency}s") if latency else ()
    with (
        machine(tmp_path, "--node", f"a:{HERE}", "--node", f"b:{HERE}", *wire) as made,
        made.connection() as connection,
    ):
        began = time.monotonic()
        link = tell(connection, attach(program, 1), program).link
        assert link is not None and link.recv(1)
        assert time.monotonic() - began >= latency
        pids = replicas(made, 1)
        link.close()
        eventually(lambda: all(map(gone, pids)), "the replica to hear of the end")
