"""LLVM's optimiser, run once for all ISAs (law 1): that of the front end's clang, where it can't take the driver down.

llvmlite's LLVM has the same pipelines, but is built with assertions, which double the time.
"""

from __future__ import annotations

import subprocess

from popcc import isolate
from popcc.errors import PopccError
from popcc.frontend import clang, running
from popcc.isa import ISAS

# for size clang has marked the functions optsize or minsize, which the pipeline goes by
_LEVELS = {"1": "-O1", "2": "-O2", "3": "-O3", "s": "-O2", "z": "-O2", "g": "-O1"}


def optimise(text: str, optimization: str) -> str:
    """Runs LLVM's pipeline of the level asked for ("0" to "3", "s", "z", "g") over IR.

    Raises `PopccError` when LLVM refuses the IR or dies.
    """
    if optimization not in _LEVELS:
        from popcc import codegen

        return isolate.start(codegen.tidied, text).result()
    # without -vectorize-loops and -vectorize-slp: vectors that are live across sites would all go to memory
    command = [*clang(), "-cc1", "-triple", ISAS["x86_64"].triple, _LEVELS[optimization], "-emit-llvm", "-x", "ir", "-"]
    with running([*command, "-o", "-"], subprocess.PIPE, subprocess.PIPE) as process:
        out, words = process.communicate(text.encode("utf-8", "surrogateescape"))
    if process.returncode:
        said = words.decode(errors="replace").strip() or "no message"
        raise PopccError(f"internal error: LLVM's optimiser ended with status {process.returncode}: {said}")
    return out.decode("utf-8", "surrogateescape")
