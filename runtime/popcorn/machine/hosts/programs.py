"""Executables that go to other hosts: each once, and kept there in memory as long as there is room.

The name of one is the build id of its program and its ISA. Nothing of it touches a disk; it is gone with the gate.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from popcc.errors import PopccError
from popcc.linker.program import read_program
from popcc.runtime.popcorn.machine.channel import Asked, Garbage
from popcc.runtime.popcorn.machine.hosts.secure import Secure
from popcc.runtime.popcorn.machine.hosts.words import Words, hear, tell

_CHUNK = 1 << 20
MOST = 256 << 20  # bytes that are kept, and that one executable may have
_Name = tuple[str, str]


class Programs:
    """What has come, the one that was wanted last behind all others."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self.log = log
        self._kept: dict[_Name, int] = {}

    def get(self, name: _Name) -> int | None:
        """A descriptor, which is the caller's."""
        fd = self._kept.pop(name, None)
        if fd is None:
            return None
        self._kept[name] = fd
        return os.dup(fd)

    def keep(self, name: _Name, fd: int) -> None:
        """It is among them from now on; those that were wanted longest ago make room."""
        if (old := self._kept.pop(name, None)) is not None:
            os.close(old)
        self._kept[name] = os.dup(fd)
        while sum(os.fstat(kept).st_size for kept in self._kept.values()) > MOST and len(self._kept) > 1:
            os.close(self._kept.pop(next(iter(self._kept))))


def executable(asked: Asked, isa: str, node: str) -> bytes:
    """What `node`, which is elsewhere, runs of the program file that came along. Takes a while. Raises `PopccError`."""
    path = os.fsdecode(asked.text.rstrip(b"\0"))
    if asked.descriptor is None:
        raise PopccError("no program file came along")
    place = Path(f"/proc/self/fd/{asked.descriptor}")
    try:
        info = replace(read_program(place), path=Path(path))
        if info.build_id != asked.request.build_id.hex():
            raise PopccError(f"{path}: is another build than the process that runs; it can't go to node '{node}'")
        if isa not in info.available:
            have = ", ".join(info.available)
            raise PopccError(f"{path}: has no executable for node '{node}' ({isa}), only for {have}")
        return info.executable(isa)
    except PopccError as e:
        raise PopccError(str(e).replace(str(place), path)) from None


async def give(connection: Secure, data: bytes) -> None:
    """The executable, if the other host has said that it lacks it. Raises `Broken`, or `Garbage`."""
    if (await hear(connection)).get("need"):
        await tell(connection, {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
        for at in range(0, len(data), _CHUNK):
            await connection.send(data[at : at + _CHUNK])


async def take(connection: Secure, programs: Programs, name: _Name, called: str) -> int:
    """A descriptor of the executable, which is the caller's. Raises `Broken`, `Garbage`, or `PopccError`."""
    found = programs.get(name)
    await tell(connection, {"need": found is None})
    if found is not None:
        return found
    announced = await hear(connection)
    size = _size(announced)
    fd = os.memfd_create(f"popcorn:{called[:64]}:{name[1]}", os.MFD_CLOEXEC)
    try:
        digest = hashlib.sha256()
        while size:
            data = await connection.some(min(_CHUNK, size))
            digest.update(data)
            await asyncio.to_thread(_write, fd, data)
            size -= len(data)
        if digest.hexdigest() != announced.get("sha256"):
            raise PopccError(f"'{called}' came damaged from the other host")
        programs.keep(name, fd)
        programs.log(f"took the executable of '{called}' for {name[1]}, {os.fstat(fd).st_size} bytes")
    except BaseException as e:
        os.close(fd)
        if isinstance(e, OSError) and not isinstance(e, ConnectionError) and e.errno:
            raise PopccError(f"no memory for the executable of '{called}': {e.strerror}") from None
        raise
    return fd


def _size(announced: Words) -> int:
    size = announced.get("size")
    if not isinstance(size, int) or not 0 < size <= MOST:
        raise Garbage("an executable of no size, or of too large a one")
    return size


def _write(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]
