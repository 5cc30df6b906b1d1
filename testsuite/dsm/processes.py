"""Real nodes: a process each, of any ISA, natively or emulated, joined by sockets."""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from popcc.isa import ISAS
from popcc.runtime.popcorn.hosts import runner_for

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "replicas"
ENGINE, LIBRARY = ROOT / "runtime" / "dsm", ROOT / "runtime" / "lib"
FLAGS = ("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-static", "-pthread")


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="popcc-replicas-")


@cache
def built(program: str, isa: str) -> Path:
    """The executable of ``replicas/PROGRAM.c``, with the node and the engine, for one ISA."""
    output = Path(_folder().name) / f"{program}-{isa}"
    command = [
        sys.executable, "-m", "ziglang", "cc", "-target", f"{isa}-linux-musl", *FLAGS,
        f"-I{LIBRARY}", f"-I{LIBRARY / 'arch' / isa}", f"-I{ENGINE}",
        *map(str, sorted(ENGINE.glob("*.c"))), str(LIBRARY / "mem.c"), str(PROGRAMS / "host.c"),
        str(PROGRAMS / f"{program}.c"), "-o", str(output),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"
    return output


@dataclass(frozen=True)
class Node:
    """One of the processes."""

    isa: str
    process: subprocess.Popen[str]

    def end(self, timeout: float = 120) -> tuple[int, str, str]:
        """Waits for it: exit status, output, messages."""
        out, words = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, words


@contextmanager
def machine(program: str, isas: Sequence[str], arguments: Sequence[int], lanes: int = 1) -> Iterator[list[Node]]:
    """Starts a node per entry of `isas`, the origin first, with `lanes` sockets between it and each other one.

    None outlives the body.
    """
    pairs = [[socket.socketpair() for _ in range(lanes)] for _ in isas[1:]]
    nodes: list[Node] = []
    try:
        for number, isa in enumerate(isas):
            ends = [pair[0] for lane in pairs for pair in lane] if number == 0 else [p[1] for p in pairs[number - 1]]
            fds = [end.fileno() for end in ends]
            runner = runner_for(isa)
            command = [*([runner] if runner else []), str(built(program, isa)), str(number), str(len(isas))]
            command += map(str, [*arguments, *fds])
            process = subprocess.Popen(
                command,
                pass_fds=fds,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                stdin=subprocess.DEVNULL,
            )
            nodes.append(Node(isa, process))
        for end in (end for lane in pairs for pair in lane for end in pair):
            end.close()
        yield nodes
    finally:
        for node in nodes:
            node.process.kill()
            node.process.wait()


def every_isa() -> list[str]:
    """The ISAs, this host's first."""
    return sorted(ISAS, key=lambda isa: runner_for(isa) != "")
