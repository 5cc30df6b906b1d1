"""What one compilation is asked for."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from popcc.native import Body


class CompileOptions(Struct, frozen=True):
    """The settings of one source file's compilation."""

    isas: tuple[str, ...]
    include_dirs: tuple[Path, ...] = ()  # system headers, in order
    clang_flags: tuple[str, ...] = ()  # the user's -D, -I, -std, -W, -f …
    optimization: str = "2"
    migration_points: str = "auto"
    debug: bool = False  # keep line tables in the objects
    language: str = ""  # clang's -x
    bodies: tuple[Body, ...] = ()  # that functions have on one ISA alone
