"""Where headers come from: our overlay first, then musl's x86_64 ones (the common format), then the generic ones.

The compiler's own folder is not among them. What C asks of a compiler's headers is in the overlay and musl; the rest
are intrinsics of one ISA, and a program that looks for those, as configure scripts and ``__has_include`` do, takes its
portable branch.
"""

from __future__ import annotations

from pathlib import Path

from popcc.frontend import wheel

HERE = Path(__file__).parent
OVERLAY = HERE / "include"


def musl() -> Path:
    """musl's sources in the wheel."""
    return wheel() / "lib/libc/musl"


def include_dirs() -> list[Path]:
    """System include directories of every program, in order."""
    headers = wheel() / "lib/libc/include"
    return [
        OVERLAY,
        headers / "x86_64-linux-musl",
        headers / "generic-musl",
        # the kernel's own: <linux/...> and <asm/...>; x86_64's layouts are the common format
        headers / "x86_64-linux-any",
        headers / "any-linux-any",
    ]


def internal_include_dirs() -> list[Path]:
    """Include directories for building musl itself, in order."""
    source = musl()
    return [
        HERE / "arch",
        OVERLAY,  # before arch/x86_64, which has bits/ of its own
        source / "arch/x86_64",
        source / "arch/generic",
        HERE / "src/internal",
        source / "src/internal",
        source / "src/include",
        *include_dirs(),
    ]
