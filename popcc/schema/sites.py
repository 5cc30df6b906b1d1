"""The site table of a program: written by the linker, read by the runtime and `popcorn sites`."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from popcc.schema.record import C, Record

SITES_MAGIC = 0x54495350  # "PSIT"
SITES_VERSION = 2
NO_SITE = 0xFFFFFFFF  # no site's id
NO_LOCATION = 0x7FFFFFFF  # location word: this ISA's code has the value as a constant, nothing to read or write
SLOT = 0x80000000  # location word: slot at CFA - (word & ~SLOT); else a DWARF register number


class SiteFlag(IntEnum):
    """Flags of a site."""

    UNUSABLE = 1  # unproved: a thread here can't move now; frame and saved registers hold nevertheless
    SETJMP = 2  # the call of __popcorn_setjmp
    NORETURN = 4  # control never comes back: what stands behind the call is not its continuation


class FunctionFlag(IntEnum):
    """Flags of a function with sites."""

    HAS_FRAME = 1  # value 0 of each of its sites, except setjmp sites, is the common frame pointer
    MEMORY_TIER = 2
    CALLS_SETJMP = 4


class RecipeKind(IntEnum):
    """How a machine value that is no IR value is remade."""

    CONST = 0  # imm
    VALUE = 1  # value[k] + imm
    TP = 2  # thread pointer + imm
    CFA = 3  # CFA + imm
    LOAD = 4  # from address imm, `width` bytes
    ZEXT = 5  # the low imm bytes of value[k], zero extended
    SEXT = 6  # the low imm bytes of value[k], sign extended


class SitesHeader(Record, frozen=True):
    """Head of the site table. Offsets in bytes from the table's start, all multiples of 8 but string_off.

    Numbers in code[] are unsigned LEB128 (DWARF 5, section 7.6). What is equal is there once. Maps start at even bytes.
      map       frame / 8, flags (POPCORN_SITE_* | POPCORN_FUNC_* << 4), offset of its saved registers, offset of its
                recipes, count of values, their locations: 0 NO_LOCATION, 2 r + 1 register r, n / 4 slot at CFA - n
      saved     count, then DWARF register and (CFA - save slot) / 8 for each
      recipes   count, then for each its index into recipe[]
    """

    c_name = "popcorn_sites_header"
    magic: Annotated[int, C("u32", "POPCORN_SITES_MAGIC")]
    version: Annotated[int, C("u32", "POPCORN_SITES_VERSION")]
    nids: Annotated[int, C("u32", "global site ids of the program")]
    nfuncs: Annotated[int, C("u32", "entries in func[]")]
    wide: Annotated[int, C("u32", "map[] is of u32, not u16")]
    ra_off: Annotated[int, C("u32", "u32 ra[nids]: return address by id, 0 where this ISA's code has no such site")]
    map_off: Annotated[int, C("u32", "map[nids]: where a site's map is, by id: offset in code[] / 2")]
    unusable_off: Annotated[int, C("u32", "u8 unusable[(nids + 7) / 8]: bit id % 8 of POPCORN_SITE_UNUSABLE sites")]
    func_off: Annotated[int, C("u32", "struct popcorn_func[nfuncs], ascending by start")]
    order_off: Annotated[
        int, C("u32", "u16 order[]: n, then n sites by ascending address, each id less the func's first")
    ]
    code_off: Annotated[int, C("u32", "u8 code[]: see above")]
    recipe_off: Annotated[int, C("u32", "struct popcorn_recipe[]")]
    string_off: Annotated[int, C("u32", "NUL-terminated names")]
    bytes: Annotated[int, C("u32", "size of the whole table")]


class Func(Record, frozen=True):
    """A function with sites."""

    c_name = "popcorn_func"
    start: Annotated[int, C("u32", "first address")]
    bytes: Annotated[int, C("u32", "length of its code")]
    name: Annotated[int, C("u32", "offset from string_off")]
    first: Annotated[int, C("u32", "lowest id of its sites")]
    order: Annotated[int, C("u32", "index into order[]")]


class Recipe(Record, frozen=True):
    """Remakes one register or slot; a register is always written whole."""

    c_name = "popcorn_recipe"
    dest: Annotated[int, C("u32", "location word")]
    kind: Annotated[int, C("u8", "POPCORN_RECIPE_*")]
    width: Annotated[int, C("u8", "bytes written to the destination: 1, 2, 4, 8, 16")]
    value: Annotated[int, C("u16", "k")]
    imm: Annotated[int, C("s64", "")]
