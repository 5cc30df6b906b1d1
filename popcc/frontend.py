"""The front end: clang 19 of the ziglang wheel, run once per source file for all ISAs (laws 1 and 6)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from popcc.errors import PopccError

_UNDEFINED = (
    "__x86_64__ __x86_64 __amd64__ __amd64 __SSE__ __SSE2__ __SSE_MATH__ __SSE2_MATH__ __MMX__ __FXSR__ "
    "__code_model_small__ __k8 __k8__ __SEG_FS __SEG_GS __seg_fs __seg_gs"
).split()

_FLAGS = (
    "--target=x86_64-linux-musl",
    "-nostdinc",
    "-D__popcorn__=1",
    *(f"-U{name}" for name in _UNDEFINED),
    "-ffp-contract=off",
    "-mlong-double-64",
    "-fsigned-char",
    "-fno-pic",
    "-fno-pie",
    "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables",
    "-fno-strict-return",
    "-fno-discard-value-names",
    "-Wno-unused-command-line-argument",
)


@cache
def wheel() -> Path:
    """The folder of the ziglang wheel, which holds the compiler, the linker and musl's sources."""
    import importlib.util

    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise PopccError("the Python package 'ziglang' is missing; install it with 'pip install ziglang==0.14.1'")
    return Path(spec.origin).parent


def clang() -> list[str]:
    """The command that is a plain clang driver."""
    return [str(wheel() / "zig"), "clang"]


def base_flags(include_dirs: Iterable[Path]) -> list[str]:
    """What every run of the front end is given, before the user's flags. Our headers come behind the user's own."""
    system = (part for d in include_dirs for part in ("-Xclang", "-internal-isystem", "-Xclang", str(d)))
    return [*_FLAGS, *system]


def to_ir(source: Path, flags: Iterable[str], include_dirs: Iterable[Path], optimization: str, language: str) -> str:
    """The source file's IR, not yet optimised. clang's diagnostics go to standard error as they are.

    `language` is clang's ``-x`` ("" to go by the file's name). Raises `PopccError` when clang refuses the file.
    """
    # O0 would mark every function optnone, and the passes need mem2reg at least
    level = {"0": "-O1", "g": "-O1"}.get(optimization, f"-O{optimization}")
    command = [
        *clang(), *base_flags(include_dirs), *flags, level, "-Xclang", "-disable-llvm-passes", "-gline-tables-only",
        "-S", "-emit-llvm", "-o", "-", *(("-x", language) if language else ()), str(source),
    ]  # fmt: skip
    if sys.stderr.isatty():
        command.append("-fcolor-diagnostics")
    run = subprocess.run(command, stdout=subprocess.PIPE, stdin=None if str(source) == "-" else subprocess.DEVNULL)
    if run.returncode != 0:
        raise FrontEndError(run.returncode)
    return run.stdout.decode("utf-8", "surrogateescape")


class FrontEndError(PopccError):
    """clang has already said what is wrong."""

    def __init__(self, status: int) -> None:
        super().__init__("")
        self.status = status
