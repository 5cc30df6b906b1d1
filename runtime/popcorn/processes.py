"""The running programs that popcc linked, as /proc shows them.

A native one is its own /proc/PID/exe, which carries ``.popcorn.note``. Under qemu-user the executable is the
emulator: the program shows in /proc/PID/maps, as the memfd ``popcorn:<program>:<isa>`` that popcorn and moves
start executables from, or as a file. After a move the program file's path is in the environment (POPCORN_PROGRAM).
"""

from __future__ import annotations

import errno
import os
import pwd
import time
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from popcc.errors import PopccError
from popcc.isa import ISAS
from popcc.linker.program import ProgramInfo, read_program
from popcc.runtime.popcorn.machine.state import REPLICA, VARIABLE
from popcc.schema.requests import REQUEST_SIGNAL

# qemu-user keeps the first real-time signals for itself and moves the others (7.2: by 2; others: in place)
_EMULATED_SIGNALS = (REQUEST_SIGNAL + 2, REQUEST_SIGNAL, REQUEST_SIGNAL + 1)
_MEMFD = "/memfd:popcorn:"
# from the exec of an emulator until it has mapped the program; a loaded machine is slow
_SETTLE_SECONDS = 10.0
_LOOK_AGAIN = 0.02


class Process(Struct, frozen=True):
    """A running program."""

    pid: int
    isa: str
    emulated: bool
    uid: int
    program: Path | None  # the file popcc linked, if it is known
    command: str
    socket: str = ""  # of the node it was started on, if it is in a machine

    @property
    def user(self) -> str:
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)


class _IsReplica(Exception):
    """A process that stands for a part of another one is nothing of its own."""


def find_process(pid: int) -> Process:
    """The program with this pid, which may be in the middle of a move.

    Raises `PopccError` when there is none, or it is not popcc's, or not ours to touch.
    """
    proc = Path("/proc") / str(pid)
    deadline = time.monotonic() + _SETTLE_SECONDS
    try:
        uid = (proc / "status").stat().st_uid
    except OSError:
        raise PopccError(f"no process {pid}") from None
    try:
        while (found := _examine(proc, uid)) is None and _settles(proc) and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN)
    except _IsReplica:
        raise PopccError(
            f"process {pid} is only a node's part of another process; name that one: popcorn nodes --json tells which"
        ) from None
    except PermissionError:
        if os.geteuid() in (0, uid):
            raise PopccError(f"the kernel does not let process {pid} be examined") from None
        raise PopccError(f"process {pid} belongs to {_user(uid)}; run popcorn as that user or as root") from None
    except OSError as e:
        gone = e.errno in (errno.ENOENT, errno.ESRCH)
        raise PopccError(f"no process {pid}" if gone else f"cannot examine process {pid}: {e.strerror}") from None
    if found is None:
        raise PopccError(f"process {pid} does not run a program that popcc linked")
    return found


def all_processes() -> list[Process]:
    """Every program of popcc's that this user may examine."""
    found = []
    for proc in Path("/proc").iterdir():
        if not proc.name.isdigit():
            continue
        try:
            process = _examine(proc, (proc / "status").stat().st_uid)
        except (OSError, _IsReplica):
            continue
        if process:
            found.append(process)
    return sorted(found, key=lambda p: p.pid)


def request_signal(process: Process) -> int | None:
    """The signal that reaches the program's request handler; None while it has none: it has only just started."""
    caught = int(_status(process.pid).get("SigCgt", "0"), 16)
    try:  # where it runs now: since it was found it may have moved
        emulated = _emulated(Path("/proc") / str(process.pid))
    except FileNotFoundError:  # it has ended, but nobody has waited for it
        return None
    possible = _EMULATED_SIGNALS if emulated else (REQUEST_SIGNAL,)
    return next((number for number in possible if caught >> (number - 1) & 1), None)


def is_alive(pid: int) -> bool:
    """Neither gone nor a zombie."""
    return not _state(pid).startswith(("Z", "X"))


def is_stopped(pid: int) -> bool:
    """By job control or a debugger: it will not even take a signal."""
    return _state(pid).lower().startswith("t")


def _state(pid: int) -> str:
    try:
        return _status(pid).get("State", "Z")
    except PopccError:
        return "X"


def program_of(process: Process) -> ProgramInfo:
    """The program file of a process, with the executables of all its ISAs."""
    if process.program is None:
        raise PopccError(f"the program file of process {process.pid} is not known; give it with --program")
    try:
        return read_program(process.program)
    except PopccError as e:
        raise PopccError(f"{e}; give the program's file with --program") from None


def _user(uid: int) -> str:
    return replace(Process(0, "", False, uid, None, "")).user


def _status(pid: int) -> dict[str, str]:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        raise PopccError(f"no process {pid}") from None
    return {k: v.strip() for k, _, v in (line.partition(":") for line in text.splitlines())}


def _examine(proc: Path, uid: int) -> Process | None:
    pid = int(proc.name)
    isa = emulated = _emulated(proc)
    if emulated:
        path = _guest_path(proc)
        if path is None:
            return None
    else:
        note = _note(proc / "exe")
        if note is None:
            return None
        isa, path = note.isa, Path(str((proc / "exe").readlink()).removesuffix(" (deleted)"))
    environment = _environment(proc)
    if REPLICA in environment:
        raise _IsReplica
    if kept := environment.get("POPCORN_PROGRAM"):
        path = Path(kept)
    elif str(path).startswith("/memfd:"):
        path = None
    words = [w.decode(errors="replace") for w in (proc / "cmdline").read_bytes().split(b"\0")]
    command = " ".join(_without_emulator(words) if emulated else words).strip()
    return Process(pid, isa, bool(emulated), uid, path, command, environment.get(VARIABLE, ""))


def _emulated(proc: Path) -> str:
    """The ISA whose emulator a process executes; "" when it executes something else."""
    name = (proc / "exe").readlink().name
    return next((isa.name for isa in ISAS.values() if name in (isa.qemu, isa.qemu.removesuffix("-static"))), "")


def _settles(proc: Path) -> bool:
    """Whether a process that shows no program may be about to execute one: a move's environment says so first."""
    return bool(_emulated(proc)) or "POPCORN_PROGRAM" in _environment(proc)


def _without_emulator(words: list[str]) -> list[str]:
    """qemu -0 NAME FILE ARGUMENTS... -> NAME ARGUMENTS..."""
    if len(words) > 3 and words[1] == "-0":
        return [words[2], *words[4:]]
    return words[1:]


def _note(path: Path) -> ProgramInfo | None:
    try:
        return read_program(path)
    except PopccError:
        path.stat()  # a process that has ended meanwhile is an OSError, not another's program
        return None


def _guest_path(proc: Path) -> Path | None:
    """The program an emulator runs: the first mapped file that popcc linked."""
    seen = set()
    for line in (proc / "maps").read_text(errors="replace").splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) < 6 or fields[5] in seen:
            continue
        seen.add(fields[5])
        name = fields[5].removesuffix(" (deleted)")
        if name.startswith(_MEMFD):
            return Path(name)
        if name.startswith("/") and not name.startswith(("/memfd:", "/dev/")) and _note_of_file(name):
            return Path(name)
    return None


def _note_of_file(name: str) -> bool:
    path = Path(name)
    return path.is_file() and not Path(name).name.startswith("qemu-") and _note(path) is not None


def _environment(proc: Path) -> dict[str, str]:
    entries = (proc / "environ").read_bytes().split(b"\0")
    return {
        k.decode(errors="replace"): v.decode(errors="surrogateescape")
        for k, _, v in (e.partition(b"=") for e in entries)
    }
