"""The linker script that puts one ISA's sections where the layout wants them.

The objects' sections are in order and fill their groups (`popcc.linker.ordered`). Those that the layout does not place
are dropped by lld's own collection, which finds nothing alive that ours did not find.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from popcc.linker.index import DROPPED_SECTIONS
from popcc.linker.layout import BASE, SEGMENTS, Group, Layout
from popcc.linker.ordered import Ordered

BUILD_ID_FILE = "build_id"
SITES_FILE = "sites"
BUILD_ID_SECTION = ".popcorn.id"
SITES_SECTION = ".popcorn.sites"
OUTPUT_SECTIONS = {
    Group.TEXT: ".text",
    Group.RODATA: ".rodata",
    Group.DATA: ".data",
    Group.TLS: ".ptls",
    Group.PREINIT: ".preinit_array",
    Group.INIT: ".init_array",
    Group.FINI: ".fini_array",
    Group.BSS: ".bss",
    Group.PRIVATE_TEXT: ".private.text",
    Group.PRIVATE_DATA: ".private.data",
    Group.PRIVATE_BSS: ".private.bss",
    Group.PRIVATE_RODATA: ".private.rodata",
}
_NO_BITS = (Group.BSS, Group.PRIVATE_BSS)


class Tables(Struct, frozen=True):
    """What the layout does not know: the size of this ISA's site table, and where the largest one ends."""

    sites_size: int
    end: int  # of the program, the same on all ISAs


def script(layout: Layout, objects: Ordered, tables: Tables, entry: str, provided: Mapping[str, int]) -> str:
    """The text for lld. `provided` are symbols the program may override."""
    return "\n".join(_lines(layout, objects, tables, entry, provided)) + "\n"


def _lines(layout: Layout, objects: Ordered, tables: Tables, entry: str, provided: Mapping[str, int]) -> Iterator[str]:
    yield f'ENTRY("{entry}")'
    yield "PHDRS {"
    yield "  headers PT_LOAD FILEHDR PHDRS FLAGS(4);"
    for name, flags, _ in SEGMENTS:
        yield f"  {name} PT_LOAD FLAGS({flags});"
    yield "  stack PT_GNU_STACK FLAGS(6);"
    yield "}"
    yield "SECTIONS {"
    yield f"  . = {BASE:#x} + SIZEOF_HEADERS;"
    yield f'  {BUILD_ID_SECTION} {layout.build_id:#x} : {{ KEEP("{BUILD_ID_FILE}"(.data)) }} :headers'
    for name, _, groups in SEGMENTS:
        for group in groups:
            start, end = layout.ranges[group]
            if start != end:
                kind = " (NOLOAD)" if group in _NO_BITS else ""
                yield f"  {OUTPUT_SECTIONS[group]} {start:#x}{kind} : {{"
                yield f"    {objects.pattern(group)}"
                yield f"    . = {end:#x};"
                yield f"  }} :{name}"
    yield f"  .got {layout.got:#x} : {{ *(.got) *(.got.plt) }} :got"
    yield f'  {SITES_SECTION} {layout.sites:#x} : {{ KEEP("{SITES_FILE}"(.data)) }} :sites'
    yield f"  /DISCARD/ : {{ {' '.join(f'*({s}*)' for s in DROPPED_SECTIONS)} }}"
    yield "}"
    symbols = {
        **layout.symbols,
        "__popcorn_sites": layout.sites,
        "__popcorn_sites_end": layout.sites + tables.sites_size,
        "_end": tables.end,
        "end": tables.end,
    }
    for symbol, address in symbols.items():
        yield f'PROVIDE("{symbol}" = {address:#x});'
    for symbol, address in provided.items():
        yield f'"{symbol}" = {address:#x};'
