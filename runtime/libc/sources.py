"""Which files the libc is made of: musl's portable C, with the overlay's files in place of musl's of the same name.

An overlay file at ``src/<dir>/<name>.c`` replaces musl's file there, or adds one.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from popcc.errors import PopccError
from popcc.runtime.libc.headers import HERE, musl

FLAGS = (
    "-std=c99",
    "-ffreestanding",
    "-fno-strict-aliasing",
    "-fno-math-errno",
    "-D_XOPEN_SOURCE=700",
    "-w",  # musl is not written for clang's warnings; the overlay is checked with them by its test
)

# libpopcorn defines what these do, per ISA
_RUNTIME_HAS = frozenset(
    """
    fenv/fenv setjmp/setjmp setjmp/longjmp signal/siglongjmp signal/sigsetjmp signal/sigsetjmp_tail
    thread/__set_thread_area thread/__unmapself thread/clone thread/syscall_cp
    """.split()
)
# what has no meaning in a static program of several ISAs
_NOT_FOR_US = frozenset("thread/tls ldso/tlsdesc internal/vdso".split())
# two files that later wheels dropped and this one lacks: the overlay has them
_MUST_REPLACE = frozenset(("string/memcpy", "string/memmove"))
# the folders of sources that are portable C throughout; malloc is mallocng, as musl's Makefile has it
_FOLDERS = (
    "aio complex conf crypt ctype dirent env errno exit fcntl fenv internal ipc ldso legacy linux locale malloc "
    "malloc/mallocng math misc mman mq multibyte network passwd prng process regex sched search select setjmp signal "
    "stat stdio stdlib string temp termios thread time unistd"
).split()

# leaf functions (popcc.leaf), and what must not stop between a system call and its retry
_WITHOUT_POINTS = (
    "string/", "ctype/", "math/", "complex/", "locale/", "prng/", "multibyte/", "internal/popcorn_syscall",
)  # fmt: skip


class Source(Struct, frozen=True):
    """One file of the libc. `name` is its path below src/ without the suffix: ``stdio/printf``."""

    name: str
    path: Path

    @property
    def points(self) -> str:
        """Where migration points go: not into what is called as a leaf, nor between a system call and its retry."""
        return "none" if self.name.startswith(_WITHOUT_POINTS) else "auto"

    @property
    def member(self) -> str:
        """The name of its unit's file."""
        return self.name.replace("/", "-")


def sources() -> list[Source]:
    """All files, by name. Raises `PopccError` when the wheel has not the musl we know."""
    found = {f"{folder}/{p.stem}": p for folder in _FOLDERS for p in sorted((musl() / "src" / folder).glob("*.c"))}
    if len(found) < 1100:
        raise PopccError(
            f"{musl()} holds only {len(found)} C files of musl; popcc needs the wheel ziglang==0.14.1, "
            "which has it whole"
        )
    overlay = HERE / "src"
    ours = {str(p.relative_to(overlay).with_suffix("")): p for p in sorted(overlay.rglob("*.c"))}
    missing = _MUST_REPLACE - ours.keys()
    assert not missing, missing
    found = {n: p for n, p in found.items() if n not in _RUNTIME_HAS and n not in _NOT_FOR_US} | ours
    return [Source(n, p) for n, p in sorted(found.items())]
