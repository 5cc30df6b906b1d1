"""Where jump tables begin in an executable, for whoever decodes it: a section of ascending addresses, not loaded.

Code generation puts the tables of all functions of a unit one behind the other into its ``.rodata``. In linked code
nothing says any more where one ends and the next begins; a decoder that runs on takes other tables' entries for
ways that control may go.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from popcc.linker.collect import Key
from popcc.linker.elf import Elf, NewSection, append_sections
from popcc.linker.index import TABLES_IN
from popcc.linker.layout import Layout, part_offsets
from popcc.linker.resolve import Resolution

SECTION = ".popcorn.tables"


def with_jump_tables(executables: Mapping[str, bytes], resolution: Resolution, layout: Layout) -> Mapping[str, bytes]:
    """The executables, each with its section."""
    return {
        isa: append_sections(data, isa, (NewSection(SECTION, 0, _packed(_starts(isa, resolution, layout))),))
        for isa, data in executables.items()
    }


def jump_tables(elf: Elf) -> tuple[int, ...]:
    """The addresses in an executable, ascending."""
    section = elf.section(SECTION)
    contents = elf.contents(section) if section else b""
    return struct.unpack(f"<{len(contents) // 4}I", contents[: len(contents) & -4])


def _starts(isa: str, resolution: Resolution, layout: Layout) -> list[int]:
    starts = []
    for number, item in enumerate(resolution.units):
        placed = layout.by_key.get(Key(number, TABLES_IN))
        if placed is None or isa not in placed.parts:
            continue
        for section, offset in part_offsets(placed.parts[isa]):
            tables = item.unit.objects[isa].tables
            starts += [placed.address + offset + at for index, at in tables if index == section.index]
    return sorted(set(starts))


def _packed(addresses: list[int]) -> bytes:
    return struct.pack(f"<{len(addresses)}I", *addresses)
