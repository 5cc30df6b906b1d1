"""What popcorn does to running programs: move them, write them to a file, look at them."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from popcc.errors import PopccError
from popcc.isa import ISAS, isa_named
from popcc.linker.program import ProgramInfo, read_program
from popcc.runtime.popcorn.hosts import host_isa, runner_for
from popcc.runtime.popcorn.image import ImageFile, read_image
from popcc.runtime.popcorn.launch import Launch, executable_memfd, prepare
from popcc.runtime.popcorn.processes import Process, find_process, program_of
from popcc.runtime.popcorn.request import Answer, Conversation
from popcc.schema.images import ImageFlag
from popcc.schema.requests import Op, RequestFlag


def migrate(pid: int, isa_name: str, program: Path | None = None, node: str = "") -> Answer:
    """Move process `pid` to an ISA; `node`: the socket of the node where it goes on, if it is in a machine."""
    isa = isa_named(isa_name)
    runner = runner_for(isa.name)
    process = find_process(pid)
    if process.isa == isa.name and not node:
        raise PopccError(f"process {pid} runs on {isa.name} already")
    info = read_program(program) if program else program_of(process)
    fd = executable_memfd(info, isa.name)
    try:
        words = [runner, str(info.path.resolve()), *([node] if node else [])]
        text = b"".join(os.fsencode(word) + b"\0" for word in words)
        with Conversation(process) as conversation:
            answer = conversation.ask(Op.MIGRATE, descriptor=fd, isa=isa.number, text=text)
    finally:
        os.close(fd)
    if answer.isa != isa.number:
        raise PopccError(
            f"process {pid} answered from {_isa_name(answer.isa)} instead of {isa.name}; please report this"
        )
    return answer


def checkpoint(pid: int, target: Path, leave_running: bool) -> Answer:
    """Write process `pid` to a file, which appears whole or not at all. The process ends when it is safe on disk."""
    process = find_process(pid)
    if target.is_dir():
        raise PopccError(f"'{target}' is a directory")
    try:
        fd, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as e:
        raise PopccError(f"cannot write '{target}': {e.strerror}") from None
    temporary = Path(name)
    try:
        with Conversation(process) as conversation:
            flags = RequestFlag.LEAVE_RUNNING if leave_running else 0
            answer = conversation.ask(Op.CHECKPOINT, descriptor=fd, flags=flags)
            try:
                os.fsync(fd)
                temporary.replace(target)
                _sync_directory(target.parent)
            except OSError as e:
                raise PopccError(f"cannot write '{target}': {e.strerror}; process {pid} goes on") from None
            if not leave_running:
                conversation.confirm()
    finally:
        os.close(fd)
        with suppress(OSError):
            temporary.unlink()
    return answer


def snapshot(process: Process) -> ImageFile:
    """Frames and tables of a running process, without its memory; it goes on at once."""
    with tempfile.TemporaryFile(prefix="popcorn-") as f, Conversation(process) as conversation:
        conversation.ask(Op.INFO, descriptor=f.fileno())
        return read_image(Path(f"/proc/self/fd/{f.fileno()}"))


def restore(path: Path, isa_name: str | None, program: Path | None) -> Launch:
    """How to go on from an image: exec the result."""
    isa = isa_named(isa_name) if isa_name else host_isa()
    image = read_image(path)
    if image.head.flags & ImageFlag.NOTES_ONLY:
        raise PopccError(f"{path}: holds no memory; it was made for inspection only")
    info = program_of_image(image, program)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as e:
        raise PopccError(f"cannot read '{path}': {e.strerror}") from None
    return prepare(info, isa.name, (), {"POPCORN_RESTORE": str(fd)}, (fd,))


def program_of_image(image: ImageFile, program: Path | None) -> ProgramInfo:
    """The program file an image belongs to. Raises `PopccError` when it is gone or of another build."""
    path = program or Path(image.program)
    try:
        info = read_program(path)
    except PopccError as e:
        raise PopccError(f"{image.path} needs its program: {e}; give its place with --program") from None
    if info.build_id != image.build_id:
        raise PopccError(
            f"{image.path}: the image was made by another build of '{path}' "
            f"(image {image.build_id[:12]}, program {info.build_id[:12]})"
        )
    return info


def _isa_name(number: int) -> str:
    return next((i.name for i in ISAS.values() if i.number == number), f"ISA {number}")


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
