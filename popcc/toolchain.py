"""What popcc brings along for programs: headers, C library, helper routines, and which ISAs there are."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from popcc.isa import ISAS, isa_named

if TYPE_CHECKING:
    from popcc.linker.inputs import Input

# Libraries that other systems split off their C library; here libc and the helpers hold all of it.
STANDARD_LIBRARIES = frozenset(
    ("c", "m", "pthread", "rt", "dl", "util", "crypt", "resolv", "xnet", "gcc", "gcc_s", "gcc_eh", "atomic", "ssp")
)


def chosen_isas(names: Sequence[str]) -> tuple[str, ...]:
    """The ISAs to compile for, in the order of their tables whatever order they were given in."""
    wanted = {isa_named(n).name for n in names} or set(ISAS)
    return tuple(n for n in ISAS if n in wanted)


def outer_isa(isas: Sequence[str]) -> str:
    """The ISA that objects and programs look like from outside: this machine's, if it is among `isas`."""
    machine = platform.machine().lower()
    return next((n for n in isas if machine in ISAS[n].machine_names), isas[0])


def include_dirs() -> tuple[Path, ...]:
    """System headers, in the order they are searched."""
    from popcc.runtime.libc import headers

    return tuple(headers.include_dirs())


def is_standard(name: str, library_dirs: Sequence[Path]) -> bool:
    """Whether ``-lNAME`` means a part of what popcc brings along; a file of that name in -L goes first."""
    return name in STANDARD_LIBRARIES and not any((d / f"lib{name}.a").is_file() for d in library_dirs)


def standard_libraries(isas: Sequence[str]) -> tuple[Input, ...]:
    """The runtime, the C library and the helper routines, built for `isas` when they are not yet."""
    from popcc.linker.inputs import read_library
    from popcc.runtime.libc.library import library

    return (read_library("libc", library(tuple(isas))),)
