"""One address for every section, on all ISAs (law 2).

    0x400000  headers, build id            R
              text                         RX
              rodata                       R
              data | tls image | arrays | bss   RW   common memory: goes into images
              private text                 RX   the runtime, compiler-rt
              private data | private bss   RW
              private rodata               R
              global offset table          R    in a page of its own
              site table                   R

A section advances the address by its largest size over the ISAs, aligned to its largest alignment. Private
sections are placed in the same way, although only their owners need to find them: so a pointer to a function of
the runtime is the same everywhere as well. The two tables begin at the same address and differ in size.

Read-only segments begin in the page behind the one before, at the same offset into the page as in the file,
so that no padding goes into the file; writable common memory begins and ends at a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum

from msgspec import Struct
from msgspec.structs import replace

from popcc.errors import Place, PlacedError, PopccError
from popcc.linker.collect import ARRAYS, Key, LiveSections, is_identifier
from popcc.linker.elf import SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS
from popcc.linker.resolve import Resolution
from popcc.unit import Section

BASE = 0x400000
PAGE = 0x10000  # the largest page of the ISAs' kernels
LIMIT = 0x80000000  # everything is reached by 31-bit addresses
TEXT_ALIGN = 16
GAP = 4  # bytes at least between functions, which the linker fills with what traps: a jump to a function's end is none
TLS_ALIGN = 64
GOT_PAGE = 4096  # one page holds the global offset table, so that code may keep its page in a register
BUILD_ID_SIZE = 20
_SHF_MERGE = 0x10
_DEFAULT_PRIORITY = 65536
_BY_PRODUCTS = (".text", ".rodata", ".data", ".bss")  # what code generation adds to a unit's own sections
_PRIVATE_PREFIXES = (".popcorn.private", ".llvm_jump_table", ".got")


class Group(IntEnum):
    """Kinds of sections, in the order of their addresses."""

    TEXT = 0
    RODATA = 1
    DATA = 2
    TLS = 3
    PREINIT = 4
    INIT = 5
    FINI = 6
    BSS = 7
    PRIVATE_TEXT = 8
    PRIVATE_DATA = 9
    PRIVATE_BSS = 10
    PRIVATE_RODATA = 11

    @property
    def private(self) -> bool:
        """Whether its contents may differ between ISAs."""
        return self >= Group.PRIVATE_TEXT


SEGMENTS: tuple[tuple[str, int, tuple[Group, ...]], ...] = (
    ("text", 5, (Group.TEXT,)),
    ("rodata", 4, (Group.RODATA,)),
    ("data", 6, (Group.DATA, Group.TLS, Group.PREINIT, Group.INIT, Group.FINI, Group.BSS)),
    ("private_text", 5, (Group.PRIVATE_TEXT,)),
    ("private_data", 6, (Group.PRIVATE_DATA, Group.PRIVATE_BSS)),
    ("private_rodata", 4, (Group.PRIVATE_RODATA,)),
    ("got", 4, ()),
    ("sites", 4, ()),
)
_PAGE_ALIGNED = ("data",)  # begins at a page, others at the file's offset into one
_PROGRAM_HEADERS = 64 + 56 * (2 + len(SEGMENTS))
_ARRAY_GROUPS = dict(zip(ARRAYS, (Group.PREINIT, Group.INIT, Group.FINI), strict=True))


class Placed(Struct, frozen=True):
    """A section's place. `parts` are the object's sections of that name: one, but for code generation's by-products."""

    key: Key
    group: Group
    address: int
    size: int
    parts: Mapping[str, tuple[Section, ...]]


class Layout(Struct, frozen=True):
    """Where everything is."""

    placed: tuple[Placed, ...]  # ascending addresses
    by_key: Mapping[Key, Placed]
    ranges: Mapping[Group, tuple[int, int]]
    build_id: int
    got: int  # where the global offset table begins
    sites: int  # where the site table begins
    symbols: Mapping[str, int]  # that the linker defines, __popcorn_sites and _end come later


def part_offsets(parts: tuple[Section, ...]) -> Iterator[tuple[Section, int]]:
    """Where sections of the same name in one object come to lie, as the linker script will put them."""
    offset = 0
    for section in parts:
        offset += -offset % section.align
        yield section, offset
        offset += section.size


def place(resolution: Resolution, live: LiveSections) -> Layout:
    """Give every live section its address."""
    groups: dict[Group, list[tuple[Key, dict[str, tuple[Section, ...]]]]] = {g: [] for g in Group}
    for key, parts in live.sections.items():
        groups[_group(resolution, key, parts)].append((key, parts))
    for group, members in groups.items():
        members.sort(key=lambda m: _rank(m[0], group))
    placed: list[Placed] = []
    ranges: dict[Group, tuple[int, int]] = {}
    build_id = BASE + _PROGRAM_HEADERS
    at = build_id + BUILD_ID_SIZE
    file_offset = at - BASE
    for name, _, segment_groups in SEGMENTS:
        if not segment_groups:
            continue
        align = max((_align(parts, g) for g in segment_groups for _, parts in groups[g]), default=TEXT_ALIGN)
        at = _round(at, PAGE) if name in _PAGE_ALIGNED else _round(at, PAGE) + file_offset % PAGE
        segment_start = at = _round(at, align)
        file_offset = _congruent(file_offset, at)
        for group in segment_groups:
            at = _place_group(group, groups[group], at, placed, ranges)
            if group not in (Group.BSS, Group.PRIVATE_BSS):
                file_offset += at - segment_start
                segment_start = at
    # Nobody knows before lld has run how many entries the global offset table has; names bound it.
    got = _round(_round(at, PAGE) + file_offset % PAGE, GOT_PAGE)
    at = got + 8 * max(len(names) + 8 for names in live.referenced.values())
    sites = _round(at, PAGE) + (_round(file_offset, GOT_PAGE) + GOT_PAGE) % PAGE
    if sites > LIMIT:
        raise PopccError(f"the program takes {at - BASE} bytes, but must lie below {LIMIT:#x}; use fewer static arrays")
    layout = Layout(tuple(placed), {p.key: p for p in placed}, ranges, build_id, got, sites, {})
    return replace(layout, symbols=_symbols(layout, live))


def _place_group(
    group: Group,
    members: list[tuple[Key, dict[str, tuple[Section, ...]]]],
    at: int,
    placed: list[Placed],
    ranges: dict[Group, tuple[int, int]],
) -> int:
    aligned = max((_align(parts, group) for _, parts in members), default=1)
    if group in (Group.TLS, Group.PREINIT, Group.INIT, Group.FINI):
        aligned = max(aligned, TLS_ALIGN if group is Group.TLS else 8)
    if members or group is Group.TLS:
        at = _round(at, aligned)
    start = at
    for key, parts in members:
        at = _round(at, _align(parts, group))
        size = max(_extent(sections) for sections in parts.values())
        placed.append(Placed(key, group, at, size, parts))
        at += size + (GAP if group is Group.TEXT else 0)
    if group is Group.TLS:
        at = _round(at, aligned)
    elif group is Group.BSS:
        at = _round(at, PAGE)  # mapped to the end: all of it is common memory
    ranges[group] = (start, at)
    return at


def _group(resolution: Resolution, key: Key, parts: dict[str, tuple[Section, ...]]) -> Group:
    sections = [s for group in parts.values() for s in group]
    private = resolution.units[key.unit].unit.private or _is_by_product(resolution, key, parts)
    if any(s.flags & SHF_EXECINSTR for s in sections):
        return Group.PRIVATE_TEXT if private else Group.TEXT
    for prefix, array in _ARRAY_GROUPS.items():
        if key.name == prefix or key.name.startswith(prefix + "."):
            return array
    if key.name.startswith(".ptls."):
        return Group.TLS
    if all(s.type == SHT_NOBITS for s in sections):
        return Group.PRIVATE_BSS if private else Group.BSS
    if any(s.flags & SHF_WRITE for s in sections):
        return Group.PRIVATE_DATA if private else Group.DATA
    return Group.PRIVATE_RODATA if private else Group.RODATA


def _is_by_product(resolution: Resolution, key: Key, parts: dict[str, tuple[Section, ...]]) -> bool:
    """Whether code generation made the section: constant pools, jump tables. They differ between ISAs."""
    if key.name in _BY_PRODUCTS or key.name.startswith(_PRIVATE_PREFIXES):
        return True
    merged = key.name.startswith(".rodata.") and all(s.flags & _SHF_MERGE for group in parts.values() for s in group)
    if merged:
        return True
    if missing := [isa for isa in resolution.isas if isa not in parts]:
        unit = resolution.units[key.unit]
        raise PlacedError(
            Place(unit.origin, isa=", ".join(missing)),
            f"internal error: section {key.name} exists on {', '.join(parts)} only, against law 1 (one IR)",
        )
    return False


def _rank(key: Key, group: Group) -> tuple[int, str]:
    """Order within a group, before link order: priorities of arrays; sections that programs iterate over together."""
    if group in _ARRAY_GROUPS.values():
        priority = key.name.rsplit(".", 1)[1]
        return int(priority) if priority.isdigit() else _DEFAULT_PRIORITY, ""
    return 0, key.name if is_identifier(key.name) else ""


def _symbols(layout: Layout, live: LiveSections) -> dict[str, int]:
    """What compiled code, libc and the runtime find the parts of the image by."""
    ranges = layout.ranges
    symbols = {
        "__ehdr_start": BASE,
        "__executable_start": BASE,
        "__popcorn_build_id": layout.build_id,
        "__popcorn_text_start": ranges[Group.TEXT][0],
        "__popcorn_text_end": ranges[Group.TEXT][1],
        "__popcorn_data_start": ranges[Group.DATA][0],
        "__popcorn_data_end": ranges[Group.BSS][1],
        "__popcorn_tls_start": ranges[Group.TLS][0],
        "__popcorn_tls_end": ranges[Group.TLS][1],
        "__bss_start": ranges[Group.BSS][0],
        "__global_pointer$": ranges[Group.DATA][0] + 0x800,
    }
    for name, group in (("preinit", Group.PREINIT), ("init", Group.INIT), ("fini", Group.FINI)):
        symbols[f"__{name}_array_start"], symbols[f"__{name}_array_end"] = ranges[group]
    for name, group in (("etext", Group.TEXT), ("edata", Group.FINI)):
        symbols[name] = symbols["_" + name] = ranges[group][1]
    for section in sorted(live.bounded):
        members = [p for p in layout.placed if p.key.name == section]
        symbols[f"__start_{section}"] = members[0].address
        symbols[f"__stop_{section}"] = members[-1].address + members[-1].size
    return symbols


LINKER_DEFINED = frozenset(
    (
        *("__popcorn_build_id", "__popcorn_sites", "__popcorn_sites_end", "__popcorn_text_start", "__popcorn_text_end"),
        *("__popcorn_data_start", "__popcorn_data_end", "__popcorn_tls_start", "__popcorn_tls_end"),
        *("__preinit_array_start", "__preinit_array_end", "__init_array_start", "__init_array_end"),
        *("__fini_array_start", "__fini_array_end", "__ehdr_start", "__executable_start", "__global_pointer$"),
        *("__bss_start", "etext", "_etext", "edata", "_edata", "end", "_end"),
    )
)


def _align(parts: Mapping[str, tuple[Section, ...]], group: Group) -> int:
    least = TEXT_ALIGN if group in (Group.TEXT, Group.PRIVATE_TEXT) else 1
    return max(least, *(s.align for sections in parts.values() for s in sections))


def _extent(sections: tuple[Section, ...]) -> int:
    return max(offset + s.size for s, offset in part_offsets(sections))


def _round(value: int, align: int) -> int:
    return value + -value % align


def _congruent(file_offset: int, address: int) -> int:
    """Where in the file lld puts a segment that begins at `address`."""
    return file_offset + (address - file_offset) % PAGE
