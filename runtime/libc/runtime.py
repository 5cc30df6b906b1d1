"""libpopcorn as units: each file of ``runtime/lib`` and ``runtime/dsm``, plainly for every ISA, private to its node."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from popcc.errors import PopccError
from popcc.frontend import clang, wheel
from popcc.isa import isa_named
from popcc.linker.index import private_unit
from popcc.runtime.libc.numbers import DSM, RUNTIME
from popcc.unit import Unit

FLAGS = (
    "-std=c11",
    "-ffreestanding",
    "-fno-builtin",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fno-stack-protector",
    "-fno-pic",
    "-fno-pie",
    "-fno-asynchronous-unwind-tables",
    "-fforce-dwarf-frame",  # .debug_frame, which is not loaded: for debuggers, which find threads in system calls here
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-sanitize=all",
    "-nostdinc",
    "-Wno-unused-command-line-argument",
)


def names(isas: tuple[str, ...]) -> list[str]:
    """The parts: ``park.c``, and ``point.S`` of which every ISA has its own."""
    common = {p.name for folder in (RUNTIME, DSM) for p in folder.glob("*.c")}
    own = {p.name for isa in isas for p in _folder(isa).glob("*.[cS]")}
    assert not common & own, common & own
    return sorted(common | own)


def build_part(name: str, isas: tuple[str, ...]) -> Unit:
    """One file for every ISA. Raises `PopccError` with the compiler's words."""
    objects = {}
    for isa in isas:
        for source in (folder / name for folder in (RUNTIME, DSM, _folder(isa))):
            if source.exists():
                objects[isa] = _object(source, isa)
    return private_unit("popcorn-" + name, objects)


def _folder(isa: str) -> Path:
    return RUNTIME / "arch" / isa


def _object(source: Path, isa: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="popcc-runtime-") as folder:
        output = Path(folder) / "part.o"
        target = (f"--target={isa_named(isa).triple}", *isa_named(isa).clang_flags)
        command = [
            *clang(), *target, *FLAGS, "-isystem", str(wheel() / "lib/include"),
            f"-I{RUNTIME}", f"-I{DSM}", f"-I{_folder(isa)}", "-c", str(source), "-o", str(output),
        ]  # fmt: skip
        environment = {**os.environ, "TMPDIR": folder}  # where clang leaves its own when it is killed
        run = subprocess.run(command, capture_output=True, text=True, env=environment)
        if run.returncode:
            raise PopccError(f"{source} [{isa}] can't be built: {run.stderr.strip()}")
        return output.read_bytes()
