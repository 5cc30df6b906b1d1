"""Starts programs on an ISA: natively, or through its emulator; from the program file, or from a memfd with the
executable that the program file carries."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from popcc.errors import PopccError
from popcc.interrupts import as_in_a_new_program
from popcc.linker.program import ProgramInfo
from popcc.runtime.popcorn.hosts import available_runners, runner_for


class Launch(Struct, frozen=True):
    """What to exec. `descriptors` must be inherited."""

    path: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    descriptors: tuple[int, ...] = ()

    def exec(self) -> None:
        """Become the program. Returns never; raises `PopccError` when the kernel refuses."""
        for fd in self.descriptors:
            os.set_inheritable(fd, True)
        try:
            with as_in_a_new_program():
                os.execve(self.path, self.argv, self.environment)
        except OSError as e:
            raise PopccError(f"cannot start '{self.path}': {e.strerror}") from None


def executable_memfd(program: ProgramInfo, isa: str) -> int:
    """A descriptor of the executable for `isa`, under the name that `popcorn ps` looks for."""
    data = program.executable(isa)
    fd = os.memfd_create(f"popcorn:{program.path.name[:64]}:{isa}", os.MFD_CLOEXEC)
    try:
        os.truncate(fd, len(data))
        with os.fdopen(os.dup(fd), "wb") as f:
            f.write(data)
    except OSError as e:
        os.close(fd)
        raise PopccError(f"no memory for the executable of '{program.path}': {e.strerror}") from None
    return fd


def prepare(
    program: ProgramInfo, isa: str, arguments: Sequence[str], extra: Mapping[str, str], descriptors: Sequence[int] = ()
) -> Launch:
    """How to start `program` on `isa`. `extra` is added to the environment."""
    runner = runner_for(isa)
    if isa not in program.available:
        raise PopccError(f"{program.path}: has no executable for {isa}, only for {', '.join(program.available)}")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("POPCORN_")}
    environment |= {"POPCORN_PROGRAM": str(program.path.resolve()), "POPCORN_RUNNERS": runners_text()} | dict(extra)
    inherited = list(descriptors)
    name = str(program.path)
    if program.isa == isa:
        program.check()
        path = str(program.path.resolve())
    else:
        fd = executable_memfd(program, isa)
        path = f"/proc/self/fd/{fd}"
        if runner:
            # the emulator opens it after the exec; the program closes it when it starts
            inherited.append(fd)
            environment["POPCORN_CLOSE"] = str(fd)
    argv = (runner, "-0", name, path, *arguments) if runner else (name, *arguments)
    return Launch(runner or path, argv, environment, tuple(inherited))


def runners_text() -> str:
    """POPCORN_RUNNERS: what each ISA's programs run on here."""
    return ";".join(f"{isa}={path}" for isa, path in available_runners().items())


def find_program(name: str) -> Path:
    """A program by path, or by name along PATH as a shell would find it. Raises `PopccError` if there is none."""
    path = Path(name)
    if "/" not in name and not path.exists():
        found = shutil.which(name)
        if found is None:
            raise PopccError(f"no program '{name}' here or in PATH")
        path = Path(found)
    if path.is_dir():
        raise PopccError(f"'{name}' is a directory")
    if not path.exists():
        raise PopccError(f"cannot read '{name}': No such file or directory")
    return path
