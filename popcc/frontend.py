"""The front end: clang 19 of the ziglang wheel, run once per source file for all ISAs (laws 1 and 6)."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from msgspec import Struct

from popcc.errors import PopccError

_UNDEFINED = (
    "__x86_64__ __x86_64 __amd64__ __amd64 __SSE__ __SSE2__ __SSE_MATH__ __SSE2_MATH__ __MMX__ __FXSR__ "
    "__code_model_small__ __k8 __k8__ __SEG_FS __SEG_GS __seg_fs __seg_gs"
).split()

# for any ISA's code
PORTABLE_FLAGS = (
    "-nostdinc",
    "-D__popcorn__=1",
    "-ffp-contract=off",
    "-fsigned-char",
    "-fno-pic",
    "-fno-pie",
    "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables",
    "-fno-strict-return",
    "-fno-discard-value-names",
    "-Wno-unused-command-line-argument",
)
_FLAGS = (
    "--target=x86_64-linux-musl",
    *PORTABLE_FLAGS,
    *(f"-U{name}" for name in _UNDEFINED),
    "-mlong-double-64",
)

SPEAKER = "popcc"  # clang's messages begin with the name it was started by


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


class Started(Struct):
    """clang at work on one file."""

    process: subprocess.Popen[bytes]

    def ir(self) -> str:
        """Waits for the file's IR, not yet optimised. Raises `FrontEndError` when clang refuses the file."""
        out = self.process.communicate()[0]
        if self.process.returncode != 0:
            raise FrontEndError(self.process.returncode)
        return out.decode("utf-8", "surrogateescape")


@contextmanager
def started(
    source: Path, flags: Iterable[str], include_dirs: Iterable[Path], optimization: str, language: str
) -> Iterator[Started]:
    """Starts clang, whose diagnostics go to standard error. `language` is its ``-x`` ("" to go by the file's name)."""
    # O0 would mark every function optnone, and the passes need mem2reg at least
    level = {"0": "-O1", "g": "-O1"}.get(optimization, f"-O{optimization}")
    command = [
        *clang(), *base_flags(include_dirs), *flags, level, "-Xclang", "-disable-llvm-passes", "-gline-tables-only",
        "-S", "-emit-llvm", "-o", "-", *(("-x", language) if language else ()), str(source),
    ]  # fmt: skip
    if sys.stderr.isatty():
        command.append("-fcolor-diagnostics")
    with running(command, None if str(source) == "-" else subprocess.DEVNULL) as process:
        yield Started(process)


@contextmanager
def running(command: list[str], stdin: int | None, stderr: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Starts clang, whose output is a pipe, and ends it when the body does not come to its own end."""
    # a signal between the fork and the `try` would leave clang alone, and talking of its broken pipe
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        process = subprocess.Popen(
            [SPEAKER, *command[1:]], executable=command[0], stdin=stdin, stdout=subprocess.PIPE, stderr=stderr
        )
    except BaseException:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        raise
    with process:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield process
        except BaseException:
            process.kill()
            raise


def to_ir(source: Path, flags: Iterable[str], include_dirs: Iterable[Path], optimization: str, language: str) -> str:
    """The source file's IR, not yet optimised. Raises `FrontEndError` when clang refuses the file."""
    with started(source, flags, include_dirs, optimization, language) as front_end:
        return front_end.ir()


class FrontEndError(PopccError):
    """clang has already said what is wrong."""

    def __init__(self, status: int) -> None:
        super().__init__("")
        self.status = status
