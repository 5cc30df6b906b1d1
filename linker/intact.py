"""Whether an executable is still what was linked: a CRC of every page of what is loaded, noted at link.

A patched instruction or a cut-off map would otherwise show as a wrong value after a move, far from its cause.
What strip, objcopy or an installer do to other sections is allowed.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from popcc.errors import PopccError
from popcc.linker.elf import SHF_ALLOC, SHT_NOBITS, Elf, SectionHeader
from popcc.linker.jumptables import SECTION as TABLES

PAGE = 4096


def checksums(elf: Elf) -> dict[str, list[int]]:
    """Section name to the CRCs of its pages."""
    return {s.name: _pages(elf.contents(s)) for s in elf.sections if _counts(s)}


def check_intact(elf: Elf, noted: Mapping[str, Any]) -> None:
    """Raises `PopccError` naming the first section that differs, and where in it."""
    for name, sums in noted.items():
        section = elf.section(name)
        if section is None:
            raise PopccError(f"{elf.where}: section {name} is gone since popcc linked it; link the program again")
        here = _pages(elf.contents(section))
        if here == sums:
            continue
        if len(here) < len(sums):
            raise PopccError(f"{elf.where}: section {name} ends at offset {section.size:#x}; link the program again")
        page = next((n for n, (a, b) in enumerate(zip(here, sums, strict=False)) if a != b), len(sums))
        raise PopccError(
            f"{elf.where}: section {name} was altered after popcc linked it, "
            f"between offset {page * PAGE:#x} and {min((page + 1) * PAGE, section.size):#x}; link the program again"
        )


def _counts(section: SectionHeader) -> bool:
    return section.type != SHT_NOBITS and section.size > 0 and bool(section.flags & SHF_ALLOC or section.name == TABLES)


def _pages(data: bytes) -> list[int]:
    view = memoryview(data)
    return [zlib.crc32(view[at : at + PAGE]) for at in range(0, len(data), PAGE)]
