"""A thread's move there and back against as many bytes over a socket and back; pages served to one to eight nodes; both
to a node of another host, over TLS on the loopback, against a node of the same.

Of each number the best of several runs counts. Nodes of the host's ISA, then of the others, which are emulated.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common import report
from harness import popcc, popcorn

from popcc.isa import ISAS
from popcc.runtime.popcorn.hosts import host_isa

TIMES = 3


@contextmanager
def machine(folder: Path, isas: list[str]) -> Iterator[dict[str, str]]:
    """A machine with these nodes; the environment of programs on it."""
    env = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    nodes = [word for n, isa in enumerate(isas) for word in ("--node", f"n{n}:{isa}")]
    subprocess.run([*popcorn(), "machine", "up", *nodes], env=env, check=True, stdout=subprocess.DEVNULL)
    try:
        yield env
    finally:
        subprocess.run([*popcorn(), "machine", "down"], env=env, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def joined(folder: Path, isa: str) -> Iterator[dict[str, str]]:
    """Two hosts, which are folders of this one, with a node each; the environment of programs on the first."""
    key = folder / "key"
    subprocess.run([*popcorn(), "machine", "key", str(key)], check=True)
    env = [{**os.environ, "XDG_RUNTIME_DIR": str(folder / host)} for host in ("first", "second")]
    for each in env:
        Path(each["XDG_RUNTIME_DIR"]).mkdir(exist_ok=True)

    def up(n: int, way: str, address: str) -> dict[str, Any]:
        words = [*popcorn(), "machine", "up", way, address, "--key", str(key), "--node", f"n{n}:{isa}", "--json"]
        shown: dict[str, Any] = json.loads(subprocess.run(words, env=env[n], check=True, stdout=subprocess.PIPE).stdout)
        return shown

    try:
        address = up(0, "--listen", "127.0.0.1:0")["hosts"]["listens"]
        up(1, "--join", address)
        yield env[0]
    finally:
        for each in reversed(env):
            subprocess.run([*popcorn(), "machine", "down"], env=each, check=True, stdout=subprocess.DEVNULL)


def numbers(program: Path, env: dict[str, str], *arguments: str) -> dict[str, int]:
    """What the program prints, the best of several runs: the most per second, else the least."""
    command = [*popcorn(), "run", "--machine", str(program), *arguments]
    best: dict[str, int] = {}
    for _ in range(TIMES):
        out = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
        for name, value in (line.split() for line in out.splitlines()):
            choose = max if name.endswith("-nodes") else min
            best[name] = choose(best.get(name, int(value)), int(value))
    return best


def moves(program: Path, folder: Path) -> None:
    """Cold and warm, to a node of each ISA."""
    here = host_isa().name
    for isa in [here, *(i for i in ISAS if i != here)]:
        with machine(folder, [here, isa]) as env:
            n = numbers(program, env, "moves")
        report(f"{isa}: warm move there and back", n["warm"] / 1e3, n["bare"] / 1e3, "us")
        report(f"{isa}: first move", n["cold"] / 1e3, n["bare"] / 1e3, "us")


def service(program: Path, folder: Path) -> None:
    """Pages per second, by the number of nodes that read."""
    with machine(folder, [host_isa().name] * 9) as env:
        n = numbers(program, env)
    for name, value in n.items():
        report(f"pages per second to {name}", value, n["1-nodes"], "")


def hosts(program: Path, folder: Path) -> None:
    """What the way over two gates adds."""
    here = host_isa().name
    with machine(folder, [here, here]) as env:
        near = numbers(program, env, "moves") | numbers(program, env)
    with joined(folder, here) as env:
        far = numbers(program, env, "moves") | numbers(program, env)
    report("another host: warm move there and back", far["warm"] / 1e3, near["warm"] / 1e3, "us")
    report("another host: a page read", 1e6 / far["1-nodes"], 1e6 / near["1-nodes"], "us")


def main() -> None:
    """All of it."""
    with tempfile.TemporaryDirectory(prefix="popcc-bench-") as name:
        folder = Path(name)
        program = folder / "threads"
        source = Path(__file__).with_name("threads.c")
        subprocess.run([*popcc(), "-O2", "-pthread", str(source), "-o", str(program)], check=True)
        (folder / "m").mkdir()
        moves(program, folder / "m")
        service(program, folder / "m")
        hosts(program, folder / "m")


if __name__ == "__main__":
    main()
