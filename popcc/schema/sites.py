"""The site table of a program: written by the linker, read by the runtime and `popcorn sites`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

from popcc.schema.record import C, Record

SITES_MAGIC = 0x54495350  # "PSIT"
SITES_VERSION = 1
NO_SITE = 0xFFFFFFFF  # in the id index: this site can't be rebuilt on this ISA
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


@dataclass(frozen=True)
class SitesHeader(Record):
    """Head of the site table. Offsets in bytes from the table's start, all multiples of 8 but string_off."""

    c_name = "popcorn_sites_header"
    magic: Annotated[int, C("u32", "POPCORN_SITES_MAGIC")]
    version: Annotated[int, C("u32", "POPCORN_SITES_VERSION")]
    nsites: Annotated[int, C("u32", "entries in ra[] and site[]")]
    nids: Annotated[int, C("u32", "global site ids of the program")]
    nfuncs: Annotated[int, C("u32", "entries in func[]")]
    ra_off: Annotated[int, C("u32", "u32 ra[nsites], ascending return addresses")]
    site_off: Annotated[int, C("u32", "struct popcorn_site[nsites], parallel to ra")]
    id_off: Annotated[int, C("u32", "u32 index[nids]: site id to index into site[], or POPCORN_NO_SITE")]
    func_off: Annotated[int, C("u32", "struct popcorn_func[nfuncs], ascending by start")]
    word_off: Annotated[int, C("u32", "u32 words[]: locations and saved-register words")]
    recipe_off: Annotated[int, C("u32", "struct popcorn_recipe[]")]
    string_off: Annotated[int, C("u32", "NUL-terminated names")]
    bytes: Annotated[int, C("u32", "size of the whole table")]


@dataclass(frozen=True)
class Site(Record):
    """One call address of a site on one ISA."""

    c_name = "popcorn_site"
    id: Annotated[int, C("u32", "global site id")]
    func: Annotated[int, C("u32", "index into func[]")]
    frame: Annotated[int, C("u32", "CFA - SP, SP being the value right after the call has returned")]
    values: Annotated[int, C("u32", "first location word")]
    saved: Annotated[int, C("u32", "first saved word: DWARF register << 24 | (CFA - save slot) / 8")]
    recipes: Annotated[int, C("u32", "first recipe")]
    nvalues: Annotated[int, C("u16", "")]
    nsaved: Annotated[int, C("u16", "")]
    nrecipes: Annotated[int, C("u16", "")]
    flags: Annotated[int, C("u16", "POPCORN_SITE_*")]


@dataclass(frozen=True)
class Func(Record):
    """A function with sites."""

    c_name = "popcorn_func"
    start: Annotated[int, C("u32", "first address")]
    bytes: Annotated[int, C("u32", "length of its code")]
    name: Annotated[int, C("u32", "offset from string_off")]
    flags: Annotated[int, C("u32", "POPCORN_FUNC_*")]


@dataclass(frozen=True)
class Recipe(Record):
    """Remakes one register or slot; a register is always written whole."""

    c_name = "popcorn_recipe"
    dest: Annotated[int, C("u32", "location word")]
    kind: Annotated[int, C("u8", "POPCORN_RECIPE_*")]
    width: Annotated[int, C("u8", "bytes written to the destination: 1, 2, 4, 8, 16")]
    value: Annotated[int, C("u16", "k")]
    imm: Annotated[int, C("s64", "")]
