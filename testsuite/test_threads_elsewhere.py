"""Threads of a running program on other nodes: there and back, saved, killed with their node, at fault."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import harness
import pytest
from machine_fixtures import Emulated, environ, machine
from popcorn_fixtures import (
    HERE,
    OTHERS,
    Running,
    built,
    eventually,
    files,
    needs_emulator,
    popcorn,
    refused,
    restoring,
    started,
    succeeds,
)

pytestmark = needs_emulator
MAPPINGS = int(Path("/proc/sys/vm/max_map_count").read_text())
SECOND = 1 + len(OTHERS)  # the machine's number of the second node of the host's ISA


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    """Nodes of all ISAs and two of the host's."""
    names = [arg for isa in (HERE, *OTHERS) for arg in ("--node", isa)]
    with machine(tmp_path_factory.mktemp("m"), *names, "--node", f"second:{HERE}") as made:
        yield made


def command(program: Path, *arguments: str) -> list[str]:
    return [*harness.popcorn(), "run", "--machine", str(program), *arguments]


def where(running: Running, made: Emulated) -> dict[int, str]:
    """The node of each thread."""
    found: list[dict[str, Any]] = json.loads(succeeds("ps", running.pid, "--json", env=made.env))
    return {t["tid"]: t["node"] for process in found for t in process["threads"]}


@pytest.mark.parametrize("node", ["second", *OTHERS])
def test_a_thread_goes_and_comes_back(node: str, shared: Emulated, program_folder: Path, tmp_path: Path) -> None:
    with started(command(built("team", program_folder)), tmp_path, "round", env=shared.env) as running:
        thread = max(where(running, shared))
        for target in (node, HERE, node):
            succeeds("migrate", f"{running.pid}/{thread}", target, env=shared.env)
            assert where(running, shared)[thread] == target
            running.goes_on()
        running.end()


def test_a_process_goes_as_a_whole(shared: Emulated, program_folder: Path, tmp_path: Path) -> None:
    """Whichever node it is at then is its origin, as if it had begun there: no other has a part of it."""
    with started(command(built("team", program_folder)), tmp_path, "round", env=shared.env) as running:
        at = HERE
        for target in ("second", OTHERS[0], OTHERS[-1], HERE):
            succeeds("migrate", f"{running.pid}/{max(where(running, shared))}", at, env=shared.env)
            succeeds("migrate", f"{running.pid}/{max(where(running, shared))}", target, env=shared.env)
            running.goes_on()
            assert set(where(running, shared).values()) == {at, target}
            succeeds("migrate", running.pid, target, env=shared.env)
            assert set(where(running, shared).values()) == {target}
            node = shared.machine.node(target)
            assert (running.isa, environ(running.pid)["POPCORN_MACHINE"]) == (node.isa, str(node.socket))
            eventually(lambda: not any(n["replicas"] for n in shared.nodes()), "the end of the replicas")
            running.goes_on()
            at = target
        running.end()


def test_all_threads_come_home(shared: Emulated, program_folder: Path, tmp_path: Path) -> None:
    with started(command(built("team", program_folder)), tmp_path, "round", env=shared.env) as running:
        for thread, target in zip(where(running, shared), ("second", *OTHERS), strict=False):
            succeeds("migrate", f"{running.pid}/{thread}", target, env=shared.env)
        assert set(where(running, shared).values()) >= {"second", OTHERS[0]}
        succeeds("migrate", running.pid, HERE, env=shared.env)
        assert set(where(running, shared).values()) == {HERE}
        running.goes_on()
        running.end()


def test_a_process_does_not_go_to_a_node_that_is_down(program_folder: Path, tmp_path: Path) -> None:
    nodes = ("--node", HERE, "--node", f"second:{HERE}", "--node", f"third:{HERE}")
    with (
        machine(tmp_path / "m", *nodes) as made,
        started(command(built("team", program_folder)), tmp_path, "round", env=made.env) as running,
    ):
        os.kill(made.pid(1), signal.SIGKILL)
        eventually(lambda: made.states()[1] != "up", "the end of the node")
        text = refused("migrate", running.pid, "second", env=made.env)
        assert text == f"node 'second' is down; see {made.machine.nodes[1].log}"
        succeeds("migrate", running.pid, "third", env=made.env)
        running.goes_on()
        running.end()


@pytest.mark.skipif(MAPPINGS > 70_000, reason="takes as many pages as the kernel allows a process mappings")
def test_pages_are_more_scattered_than_the_kernel_allows(shared: Emulated, program_folder: Path) -> None:
    program = built("scattered", program_folder)
    assert succeeds("run", "--machine", program, SECOND, 1000, env=shared.env) == "written\n"
    ended = popcorn("run", "--machine", program, SECOND, MAPPINGS + 1000, env=shared.env)
    assert ended.status == 125
    assert "no more mappings for pages that are here and on other nodes" in ended.stderr, ended
    assert succeeds("run", "--machine", program, SECOND, 1000, env=shared.env) == "written\n"


def test_a_process_on_several_nodes_is_saved(shared: Emulated, program_folder: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    folder = tmp_path / "work"
    folder.mkdir()
    with started(command(built("team", program_folder)), folder, "round", env=shared.env) as running:
        threads = sorted(where(running, shared))
        succeeds("migrate", f"{running.pid}/{threads[-1]}", OTHERS[0], env=shared.env)
        succeeds("migrate", f"{running.pid}/{threads[0]}", "second", env=shared.env)
        running.goes_on()
        succeeds("checkpoint", running.pid, "-o", image, "--leave-running", env=shared.env)
        assert set(where(running, shared).values()) == {HERE}
        running.goes_on()
        succeeds("migrate", f"{running.pid}/{threads[-1]}", "second", env=shared.env)
        running.goes_on()
        running.end()
    eventually(lambda: not any(n["replicas"] for n in shared.nodes()), "the end of the replicas")
    with restoring(image, OTHERS[0], folder) as again:
        again.goes_on()
        again.end()
    assert files(tmp_path) >= {"image"}


@pytest.mark.parametrize("node", [SECOND, 1])
def test_a_node_is_lost_with_a_thread(node: int, program_folder: Path, tmp_path: Path) -> None:
    names = [arg for isa in (HERE, *OTHERS) for arg in ("--node", isa)]
    with (
        machine(tmp_path / "m", *names, "--node", f"second:{HERE}") as made,
        started(command(built("team", program_folder)), tmp_path, "round", env=made.env) as running,
    ):
        thread = max(where(running, made))
        succeeds("migrate", f"{running.pid}/{thread}", str(node), env=made.env)
        running.goes_on()
        os.kill(made.pid(node), signal.SIGKILL)
        running.process.wait(60)
        assert running.process.returncode == 125
        assert f"node {node} of the machine was lost, and with it thread {thread}" in running.errors


def test_the_end_of_the_program_is_that_of_its_replicas(shared: Emulated, program_folder: Path, tmp_path: Path) -> None:
    with started(command(built("team", program_folder)), tmp_path, "round", env=shared.env) as running:
        for thread in where(running, shared):
            succeeds("migrate", f"{running.pid}/{thread}", OTHERS[-1], env=shared.env)
        os.kill(running.pid, signal.SIGKILL)
        running.process.wait(60)
    eventually(lambda: not any(n["replicas"] for n in shared.nodes()), "the end of the replicas")


def compiled(text: str, folder: Path) -> Path:
    source = folder / "own.c"
    source.write_text(text)
    subprocess.run([*harness.popcc(), "-O2", "-pthread", source, "-o", folder / "own"], check=True)
    return folder / "own"


ITSELF = """
#include <errno.h>
#include <popcorn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	int visited = 0, nodes = popcorn_nodes(), status;
	pid_t pid = getpid(), child;
	for (int i = 0; i < nodes; i++) visited += popcorn_migrate(i) == 0 && popcorn_node() == i && getpid() == pid;
	printf("%d %d %d %d\\n", nodes, visited == nodes, popcorn_migrate(nodes), errno == EINVAL);
	if (argc > 1 && !strcmp(argv[1], "fault")) {
		fflush(stdout);
		*(volatile int *)(unsigned long)atoi(argv[2]) = 1;
	}
	child = fork();
	if (!child) _exit(popcorn_node() == 0 ? 7 : 8);
	waitpid(child, &status, 0);
	printf("%d %d\\n", WEXITSTATUS(status), popcorn_node());
	return 0;
}
"""


def test_a_thread_goes_by_itself(shared: Emulated, tmp_path: Path) -> None:
    program = compiled(ITSELF, tmp_path)
    alone = subprocess.run([program], capture_output=True, text=True, timeout=60)
    assert (alone.stdout, alone.returncode) == ("1 1 -1 1\n7 0\n", 0)
    there = subprocess.run(command(program), capture_output=True, text=True, timeout=120, env=shared.env)
    assert (there.stdout, there.stderr, there.returncode) == (f"{SECOND + 1} 1 -1 1\n7 0\n", "", 0)


def test_a_fault_elsewhere_ends_the_program(shared: Emulated, tmp_path: Path) -> None:
    program = compiled(ITSELF, tmp_path)
    there = subprocess.run(command(program, "fault", "64"), capture_output=True, text=True, timeout=120, env=shared.env)
    assert (there.stdout, there.returncode) == (f"{SECOND + 1} 1 -1 1\n", -signal.SIGSEGV)
