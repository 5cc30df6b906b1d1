"""The hand-written program (state_program.py), built once and started for tests of requests and images."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from state_program import build_program

from popcc.isa import ISAS
from popcc.linker.program import ProgramInfo, read_program


@dataclass(frozen=True)
class Hand:
    """The built program."""

    path: Path
    info: ProgramInfo

    def executable(self, isa: str) -> Path:
        return self.path.parent / f"{isa}.exe"

    def runner(self, isa: str) -> list[str]:
        if os.uname().machine in ISAS[isa].machine_names:
            return []
        qemu = shutil.which(ISAS[isa].qemu)
        if not qemu:
            pytest.skip(f"needs {ISAS[isa].qemu_package}")
        return [qemu]


_directory = tempfile.TemporaryDirectory(prefix="popcorn-hand-")


@cache
def build_hand() -> Hand:
    path = build_program(Path(_directory.name))
    info = read_program(path)
    for isa in info.available:
        (path.parent / f"{isa}.exe").write_bytes(info.executable(isa))  # with the note that popcorn ps looks for
    return Hand(path, info)


@contextmanager
def start_hand(directory: Path, **environment: object) -> Iterator[subprocess.Popen[bytes]]:
    """The program, running in `directory` with its output in the file `out`; killed at the end."""
    variables = {k: str(v) for k, v in {"PROGRAM": build_hand().path, **environment}.items()}
    environ = {**os.environ, **variables}
    with (
        (directory / "out").open("wb") as out,
        subprocess.Popen(
            [build_hand().path], cwd=directory, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        ) as process,
    ):
        time.sleep(0.1)
        try:
            yield process
        finally:
            process.kill()
