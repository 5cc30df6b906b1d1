"""The processes that stand for a program on a node: started from its program file, ended with the node."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from popcc.errors import PopccError
from popcc.linker.program import ProgramInfo, read_program
from popcc.runtime.popcorn.hosts import runner_for
from popcc.runtime.popcorn.launch import executable_memfd, runners_text
from popcc.runtime.popcorn.machine.state import REPLICA, VARIABLE, Node
from popcc.schema.machines import MachineRequest

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Replica(Struct, frozen=True):
    """A process of a node's."""

    number: int  # among those of its program
    origin: int  # the program's pid
    program: str  # path of its file
    since: float  # seconds since 1970
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def json(self) -> dict[str, object]:
        return {
            "pid": self.pid, "number": self.number, "origin": self.origin, "program": self.program, "since": self.since,
        }  # fmt: skip


class Executable(Struct, frozen=True):
    """What a node's ISA runs of a program: a descriptor, and the emulator, "" if none is needed."""

    program: str
    descriptor: int
    runner: str


def open_executable(node: Node, asked: MachineRequest, path: str, program: int) -> Executable:
    """The executable for a node, of the program file that `program` is a descriptor of. Takes a while.

    Raises `PopccError` when the file has none, or is of another build than the process that asks.
    """
    place = Path(f"/proc/self/fd/{program}")
    try:
        info = replace(read_program(place), path=Path(path))
        if info.build_id != asked.build_id.hex():
            raise PopccError(f"{path}: is another build than the process that runs; it can't go to node '{node.name}'")
        runner = runner_for(node.isa)
        return Executable(path, _descriptor(info, node, program), runner)
    except PopccError as e:
        raise PopccError(str(e).replace(str(place), path)) from None


def _descriptor(info: ProgramInfo, node: Node, program: int) -> int:
    if node.isa not in info.available:
        have = ", ".join(info.available)
        raise PopccError(f"{info.path}: has no executable for node '{node.name}' ({node.isa}), only for {have}")
    if info.isa != node.isa:
        return executable_memfd(info, node.isa)
    info.check()
    return os.dup(program)


def start(node: Node, asked: MachineRequest, executable: Executable, link: socket.socket) -> Replica:
    """The process, which has `link` and the executable from now on. Raises `PopccError` when the kernel refuses."""
    fd = executable.descriptor
    environment = {k: v for k, v in os.environ.items() if not k.startswith("POPCORN_")} | {
        REPLICA: f"{link.fileno()}:{asked.number}:{asked.key}:{asked.clocks}",
        VARIABLE: str(node.socket),
        "POPCORN_PROGRAM": executable.program,
        "POPCORN_RUNNERS": runners_text(),
    }
    inherited = [link.fileno()]
    if executable.runner:
        # the emulator opens it after the exec; the program closes it when it starts
        inherited.append(fd)
        environment["POPCORN_CLOSE"] = str(fd)
        path, argv = executable.runner, [executable.runner, "-0", executable.program, f"/proc/self/fd/{fd}"]
    else:
        path, argv = f"/proc/{os.getpid()}/fd/{fd}", [executable.program]  # ours: the child closes its own before
    with ExitStack() as stack:
        log = stack.enter_context(node.log.open("ab"))
        try:
            process = subprocess.Popen(
                argv, executable=path, env=environment, pass_fds=inherited, cwd="/", stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=_ends_with(os.getpid()),
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as e:
            why = e.strerror if isinstance(e, OSError) else e
            raise PopccError(f"cannot start '{executable.program}' on node '{node.name}': {why}") from None
    return Replica(asked.number, asked.pid, executable.program, time.time(), process)


def _ends_with(parent: int) -> Callable[[], None]:
    """What a child does before it becomes a program: the kernel kills it when the node ends, however that is."""

    def before_exec() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return before_exec
