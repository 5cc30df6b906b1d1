"""Hosts in network namespaces, with a cable between them that is pulled out: neither side is told."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import harness
import pytest
from machine_fixtures import left_of
from popcorn_fixtures import HERE, OTHERS, built, eventually, popcorn, started, succeeds

PORT = 7900
NAMES = [f"popcc-{os.getpid()}-{n}" for n in (1, 2)]
ADDRESSES = ["198.18.77.1", "198.18.77.2"]  # of those that are for tests (RFC 2544)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def may_make_namespaces() -> bool:
    try:
        ip("netns", "add", NAMES[0])
        ip("netns", "del", NAMES[0])
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@contextmanager
def cable() -> Iterator[None]:
    """Two namespaces and what connects them, `wire` in each."""
    try:
        for name in NAMES:
            ip("netns", "add", name)
        ip("-n", NAMES[0], "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", NAMES[1])
        for name, address in zip(NAMES, ADDRESSES, strict=True):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "wire")
            ip("-n", name, "link", "set", "wire", "up")
        yield
    finally:
        for name in NAMES:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


@pytest.mark.skipif(not may_make_namespaces(), reason="needs network namespaces; test_hosts.py cuts links without")
def test_a_cable_is_pulled_out(program_folder: Path, tmp_path: Path) -> None:
    """For some seconds, and nobody notices; for good, and the host is lost, though no connection was closed."""
    key = tmp_path / "key"
    succeeds("machine", "key", key)
    folders = [tmp_path / "host0", tmp_path / "host1"]
    envs = [{**os.environ, "XDG_RUNTIME_DIR": str(folder)} for folder in folders]
    where = f"{ADDRESSES[0]}:{PORT}"
    ways = [["--listen", where, "--node", f"a:{HERE}"], ["--join", where, "--node", f"b:{OTHERS[0]}"]]
    with cable():
        try:
            for name, folder, env, way in zip(NAMES, folders, envs, ways, strict=True):
                folder.mkdir()
                up = ["ip", "netns", "exec", name, *harness.popcorn(), "machine", "up", *way, "--key", str(key)]
                subprocess.run(up, env=env, check=True, timeout=60, stdout=subprocess.DEVNULL)
            run = [*harness.popcorn(), "run", "--machine", str(built("team", program_folder))]
            with started(run, tmp_path / "work", "round", env=envs[0]) as running:
                thread = max(int(t.name) for t in Path(f"/proc/{running.pid}/task").iterdir())
                succeeds("migrate", f"{running.pid}/{thread}", "b", env=envs[0])
                ip("-n", NAMES[1], "link", "set", "wire", "down")
                time.sleep(3)  # the test is of a cut of this length
                ip("-n", NAMES[1], "link", "set", "wire", "up")
                running.goes_on()
                ip("-n", NAMES[1], "link", "set", "wire", "down")
                assert running.process.wait(60) == 125
                assert f"node 1 of the machine was lost, and with it thread {thread}" in running.errors
        finally:
            for env in envs:
                popcorn("machine", "down", env=env)
    eventually(lambda: not any(map(left_of, folders)), "the end of the machine")
