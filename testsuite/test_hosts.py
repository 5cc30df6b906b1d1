"""Machines of several hosts: threads go to nodes of all of them, links are cut and heal, hosts come and go."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import harness
import pytest
from host_fixtures import Hosts, hosts, looked_at, states
from machine_fixtures import Emulated
from popcorn_fixtures import (
    HERE,
    OTHERS,
    Running,
    built,
    eventually,
    needs_emulator,
    refused,
    started,
    succeeds,
)
from roaming import mode

pytestmark = needs_emulator
THERE, BEYOND = OTHERS[0], OTHERS[-1]
NAMES = ["a", "b", "c", "d"]  # in the order of their numbers
ROAMING = [p for p in harness.all_programs() if p.name in ("parallel_sort", "readers_writers")]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Three hosts with four nodes of all ISAs, for tests that leave them as they were."""
    folder = tmp_path_factory.mktemp("h")
    with hosts(folder, [f"a:{HERE}"], [f"b:{HERE}", f"c:{THERE}"], [f"d:{BEYOND}"]) as made:
        made.all_up()
        yield made
        made.all_up()


def command(program: Path, *arguments: str) -> list[str]:
    return [*harness.popcorn(), "run", "--machine", str(program), *arguments]


def where(running: Running, host: Emulated) -> dict[int, str]:
    """The node of each thread."""
    found: list[dict[str, Any]] = json.loads(succeeds("ps", running.pid, "--json", env=host.env))
    return {t["tid"]: t["node"] for process in found for t in process["threads"]}


def has_nodes(host: Emulated, *names: str) -> bool:
    return tuple(states(host)) == names


def no_replicas(host: Emulated) -> None:
    eventually(lambda: not any(n.replicas for n in looked_at(host)), "the end of the replicas")


def test_all_hosts_number_the_nodes_alike(three: Hosts) -> None:
    shown = [[(n["number"], n["name"], n["isa"], n["how"]) for n in host.nodes()] for host in three.each]
    assert shown[0] == shown[1] == shown[2]
    assert [n[:3] for n in shown[0]] == list(zip(range(4), NAMES, [HERE, HERE, THERE, BEYOND], strict=True))
    own = [[n["name"] for n in host.nodes() if not n["host"]] for host in three.each]
    assert own == [["a"], ["b", "c"], ["d"]]
    for host, what in zip(three.each, ("listens", "joined", "joined"), strict=True):
        (line,) = succeeds("machine", "status", env=host.env).splitlines()
        address = three.address if what == "listens" else three.wire.address
        assert line == f"default\t4\t4\t0\t-\t-\t{what} {address}"
    lines = succeeds("nodes", env=three.each[0].env).splitlines()
    assert lines[0].endswith("\tup\t0\t-") and lines[2].startswith(f"2\tc\t{THERE}\temulated\tup\t0\t")


@pytest.mark.parametrize("host", [0, 2], ids=["the first", "another"])
def test_threads_go_to_nodes_of_all_hosts(host: int, three: Hosts, program_folder: Path, tmp_path: Path) -> None:
    """By the same commands as on one host, wherever the program began."""
    at = three.each[host]
    origin = NAMES[3 * host // 2]
    with started(command(built("team", program_folder)), tmp_path, "round", env=at.env) as running:
        threads = sorted(where(running, at))
        for thread, node in zip(threads, [n for n in NAMES if n != origin], strict=False):
            succeeds("migrate", f"{running.pid}/{thread}", node, env=at.env)
            assert where(running, at)[thread] == node
            running.goes_on()
        for shown in three.each:  # which replicas there are is known everywhere
            assert [len(n["replicas"]) for n in shown.nodes()] == [int(n != origin) for n in NAMES]
        top = succeeds("top", "--once", running.pid, env=at.env)
        assert all(f"{running.pid}\tnode\t{n}\t" in top for n in NAMES)
        assert succeeds("faults", running.pid, env=at.env)
        succeeds("migrate", running.pid, origin, env=at.env)
        assert set(where(running, at).values()) == {origin}
        succeeds("migrate", running.pid, NAMES[1], env=at.env)
        running.goes_on()
        running.end()
    no_replicas(at)


ITSELF = """
#include <popcorn.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
static long long now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}
int main(void)
{
	int nodes = popcorn_nodes(), visited = 0, back = 0, far = 0;
	pid_t pid = getpid();
	long long last[2] = { now(CLOCK_MONOTONIC), now(CLOCK_BOOTTIME) };
	for (int i = 0; i < 6 * nodes; i++) {
		visited += popcorn_migrate(i % nodes) == 0 && popcorn_node() == i % nodes && getpid() == pid;
		for (int k = 0; k < 2; k++) {
			long long t = now(k ? CLOCK_BOOTTIME : CLOCK_MONOTONIC);
			back += t < last[k];
			far += t > last[k] + 60000000000LL;
			last[k] = t;
		}
		struct timespec late = { last[0] / 1000000000 , last[0] % 1000000000 + 1000000 };
		if (late.tv_nsec >= 1000000000) late.tv_sec++, late.tv_nsec -= 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &late, 0);
		far += now(CLOCK_MONOTONIC) < last[0] + 1000000;
	}
	printf("%d of %d, %d back, %d far\\n", visited, 6 * nodes, back, far);
	return 0;
}
"""


@pytest.fixture(scope="module")
def itself(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that goes from node to node and looks at the clocks."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own.c").write_text(ITSELF)
    subprocess.run([*harness.popcc(), "-O2", folder / "own.c", "-o", folder / "own"], check=True)
    return folder / "own"


@pytest.mark.parametrize("host", [0, 1, 2])
def test_a_program_goes_by_itself(host: int, three: Hosts, itself: Path) -> None:
    done = subprocess.run(command(itself), capture_output=True, text=True, timeout=60, env=three.each[host].env)
    assert (done.stdout, done.stderr, done.returncode) == ("24 of 24, 0 back, 0 far\n", "", 0)


def test_an_executable_goes_over_once(three: Hosts, itself: Path, tmp_path: Path) -> None:
    program = tmp_path / "once"
    program.write_bytes(itself.read_bytes())
    program.chmod(0o755)
    for _ in range(3):
        subprocess.run(command(program), capture_output=True, timeout=60, env=three.each[2].env, check=True)
    for host in (0, 1):  # what `d` has may be of another test: the build is the same
        taken = [line for line in three.log(host).splitlines() if "took the executable of" in line]
        names = [line.partition(" for ")[2].partition(",")[0] for line in taken if "'once'" in line or "'own'" in line]
        assert len(names) == len(set(names)), taken


@pytest.mark.parametrize("program", ROAMING, ids=lambda p: p.name)
def test_threads_roam_over_hosts(program: harness.Program, three: Hosts, program_folder: Path) -> None:
    """Output and exit status are what they are on one node."""
    before = [host.machine.directory.glob("*.log") for host in three.each]
    seen = [sum(log.read_text().count("replica ") for log in logs) for logs in before]
    harness.check(program, mode(), program_folder, three.each[1].env)
    after = [host.machine.directory.glob("*.log") for host in three.each]
    assert all(sum(log.read_text().count("replica ") for log in logs) > n for logs, n in zip(after, seen, strict=True))


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="needs IPv6 on the loopback")
def test_hosts_over_ipv6(itself: Path, tmp_path: Path) -> None:
    """Where addresses have brackets."""
    with hosts(tmp_path, [f"a:{HERE}"], [f"b:{HERE}", f"c:{THERE}"], loopback="[::1]") as made:
        made.all_up()
        assert made.address.startswith("[::1]:") and made.wire.carried
        done = subprocess.run(command(itself), capture_output=True, text=True, timeout=60, env=made.each[0].env)
        assert (done.stdout, done.stderr) == ("18 of 18, 0 back, 0 far\n", "")


def can_have_other_clocks() -> bool:
    return subprocess.run(["unshare", "--time", "--monotonic=100", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not can_have_other_clocks(), reason="needs time namespaces")
def test_time_goes_on_where_clocks_differ(itself: Path, tmp_path: Path) -> None:
    """A host that was started a day earlier: what the program reads there is its origin's time, there and back."""
    offset = 86400
    with hosts(tmp_path, [f"a:{HERE}"]) as made:
        env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path / "other")}
        (tmp_path / "other").mkdir()
        other = [*harness.popcorn(), "machine", "up", "--join", made.address, "--key", str(made.key), "--node"]
        clocks = ["unshare", "--time", f"--monotonic={offset}", f"--boottime={offset}"]
        try:
            subprocess.run([*clocks, *other, f"b:{HERE}", "--node", f"c:{THERE}"], env=env, check=True, timeout=60)
            made.all_up()
            done = subprocess.run(command(itself), capture_output=True, text=True, timeout=60, env=made.each[0].env)
            assert (done.stdout, done.stderr) == ("18 of 18, 0 back, 0 far\n", "")
        finally:
            succeeds("machine", "down", env=env)


def test_links_are_cut_and_heal(program_folder: Path, tmp_path: Path) -> None:
    """Again and again while threads go to and fro; nobody notices but by the time that it takes."""
    with (
        hosts(tmp_path, [f"a:{HERE}"], [f"b:{HERE}"]) as made,
        started(command(built("team", program_folder)), tmp_path / "work", "round", env=made.each[0].env) as running,
    ):
        at = made.each[0]
        thread = max(where(running, at))
        for turn in range(5):
            succeeds("migrate", f"{running.pid}/{thread}", ("b", "a")[turn % 2], env=at.env)
            made.wire.cut()
            time.sleep(0.3 * turn)  # the test is of cuts of any length
            made.wire.heal()
            running.goes_on()
        made.wire.cut()
        move = [*harness.popcorn(), "migrate", str(running.pid), "b"]
        with subprocess.Popen(move, env=at.env, stdout=subprocess.DEVNULL) as moving:
            time.sleep(1.5)  # it waits for the other host
            made.wire.heal()
            assert moving.wait(60) == 0
        assert set(where(running, at).values()) == {"b"}
        running.goes_on()
        made.all_up()
        assert made.wire.carried > 5
        running.end()
        no_replicas(at)


def test_a_link_stays_cut(program_folder: Path, tmp_path: Path) -> None:
    """After the grace the node is lost: a process with threads there ends, another one goes on."""
    team = built("team", program_folder)
    with (
        hosts(tmp_path, [f"a:{HERE}", f"a2:{HERE}"], [f"b:{HERE}"]) as made,
        started(command(team), tmp_path / "lost", "round", env=made.each[0].env) as lost,
        started(command(team), tmp_path / "kept", "round", env=made.each[0].env) as kept,
        started(command(built("ticks", program_folder)), tmp_path / "other", "tick", env=made.each[1].env) as other,
    ):
        thread = max(where(lost, made.each[0]))
        succeeds("migrate", f"{lost.pid}/{thread}", "b", env=made.each[0].env)
        succeeds("migrate", f"{kept.pid}/{max(where(kept, made.each[0]))}", "a2", env=made.each[0].env)
        made.wire.cut()
        assert lost.process.wait(30) == 125
        assert f"node 2 of the machine was lost, and with it thread {thread}" in lost.errors
        eventually(
            lambda: states(made.each[0]) == {"a": "up", "a2": "up", "b": "down"}, "the first host to give the other up"
        )
        eventually(
            lambda: states(made.each[1]) == {"a": "down", "a2": "down", "b": "up"}, "the other to give the first up"
        )
        assert "is lost" in made.log(0) and "is lost" in made.log(1)
        text = refused("migrate", f"{kept.pid}/{kept.pid}", "b", env=made.each[0].env)
        assert text == f"process {kept.pid}: node 'b' is down"
        for running, status in ((kept, 0), (other, 7)):
            running.goes_on()
            running.end(status)
        # the name is free again, and the number stays the same
        made.wire.heal()
        succeeds("machine", "down", env=made.each[1].env)
        succeeds(
            "machine", "up", "--join", made.address, "--key", made.key, "--node", f"b:{HERE}", env=made.each[1].env
        )
        made.all_up()
        assert [(n["number"], n["name"]) for n in made.each[1].nodes()] == [(0, "a"), (1, "a2"), (2, "b")]


def test_hosts_leave(program_folder: Path, tmp_path: Path) -> None:
    """A host's nodes go with it; when the first one ends, the machine ends everywhere."""
    team = built("team", program_folder)
    with (
        hosts(tmp_path, [f"a:{HERE}"], [f"b:{HERE}"], [f"c:{HERE}"]) as made,
        started(command(team), tmp_path / "lost", "round", env=made.each[0].env) as lost,
        started(command(built("ticks", program_folder)), tmp_path / "kept", "tick", env=made.each[2].env) as kept,
    ):
        succeeds("migrate", f"{lost.pid}/{max(where(lost, made.each[0]))}", "b", env=made.each[0].env)
        succeeds("machine", "down", env=made.each[1].env)
        assert lost.process.wait(30) == 125 and "node 1 of the machine was lost, and with it" in lost.errors
        for host in (0, 2):
            eventually(partial(has_nodes, made.each[host], "a", "c"), "b to be gone")
        assert [n["number"] for n in made.each[2].nodes()] == [0, 2]
        succeeds("machine", "down", env=made.each[0].env)
        eventually(lambda: not list((tmp_path / "host2").iterdir()), "the end of the machine on the last host")
        kept.goes_on()
        kept.end(7)


def test_a_host_joins_while_a_program_runs(program_folder: Path, tmp_path: Path) -> None:
    with (
        hosts(tmp_path, [f"a:{HERE}"]) as made,
        started(command(built("team", program_folder)), tmp_path / "work", "round", env=made.each[0].env) as running,
    ):
        thread = max(where(running, made.each[0]))
        assert "has no node 'b'" in refused("migrate", f"{running.pid}/{thread}", "b", env=made.each[0].env)
        env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path / "other")}
        (tmp_path / "other").mkdir()
        try:
            succeeds("machine", "up", "--join", made.address, "--key", made.key, "--node", f"b:{HERE}", env=env)
            succeeds("migrate", f"{running.pid}/{thread}", "b", env=made.each[0].env)
            assert where(running, made.each[0])[thread] == "b"
            running.goes_on()
            running.end()
        finally:
            succeeds("machine", "down", env=env)


def test_a_gate_or_a_node_is_killed(program_folder: Path, tmp_path: Path) -> None:
    """A node of another host, and its gate: each a lost node, in time."""
    team = built("team", program_folder)
    with (
        hosts(tmp_path, [f"a:{HERE}"], [f"b:{HERE}", f"c:{HERE}"]) as made,
        started(command(team), tmp_path / "1", "round", env=made.each[0].env) as first,
        started(command(team), tmp_path / "2", "round", env=made.each[0].env) as second,
    ):
        for running, node in ((first, "b"), (second, "c")):
            succeeds("migrate", f"{running.pid}/{max(where(running, made.each[0]))}", node, env=made.each[0].env)
        os.kill(next(n["pid"] for n in made.each[1].nodes() if n["name"] == "b"), signal.SIGKILL)
        assert first.process.wait(30) == 125
        eventually(lambda: states(made.each[0]) == {"a": "up", "b": "down", "c": "up"}, "the first host to hear of it")
        second.goes_on()
        os.kill(made.gate(1), signal.SIGKILL)
        assert second.process.wait(30) == 125
        eventually(
            lambda: states(made.each[0]) == {"a": "up", "b": "down", "c": "down"}, "the first host to give the other up"
        )


def test_idle_hosts_use_no_processor_time(three: Hosts) -> None:
    pids = [three.gate(n) for n in range(3)]

    def switches() -> list[str]:
        texts = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
        return [line for text in texts for line in text.splitlines() if "ctxt_switches" in line]

    before = switches()
    time.sleep(1.5)  # in which nothing happens
    assert switches() == before
