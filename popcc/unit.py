"""A compiled unit: what one source file became, for every ISA, as objects carry it and the linker reads it.

The payload of an object's ``.popcorn.unit`` section is ``b"POPU"``, a little-endian u64 length and u32 CRC of
what follows, then a u32 length of a zlib-compressed JSON header and the ELF objects of the ISAs one behind the
other. It delimits itself, so that ``ld -r`` may concatenate payloads.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from itertools import accumulate, pairwise

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from popcc.errors import PopccError

MAGIC = b"POPU"
VERSION = 6
_HEAD = struct.Struct("<QI")


class Section(Struct, frozen=True, array_like=True):
    """An allocated section of one ISA's object. `type` and `flags` are ELF's numbers."""

    index: int
    name: str
    size: int
    align: int
    flags: int
    type: int


class Symbol(Struct, frozen=True, array_like=True):
    """A symbol of one ISA's object. `section` is a section index, 0 undefined, 0xfff1 absolute, 0xfff2 common."""

    name: str
    section: int
    value: int
    size: int
    binding: str  # "local" | "global" | "weak"
    type: str  # "notype" | "object" | "func" | "section"


class Recipe(Struct, frozen=True, array_like=True):
    """How to remake a machine value that is no IR value (design 5). `symbol` is added to `imm` at link."""

    dest: int
    kind: int
    width: int
    value: int
    imm: int
    symbol: str = ""


class SiteMap(Struct, frozen=True, array_like=True):
    """One call address of a site on one ISA; field meanings as in `popcc.schema`'s site table.

    `offset` is the return address's offset in the function's section. `unproved` tells why the site can't
    be used, "" when it is proved.
    """

    id: int
    offset: int
    frame: int
    values: tuple[int, ...]
    saved: tuple[int, ...]
    recipes: tuple[Recipe, ...]
    flags: int
    unproved: str = ""


class FunctionMap(Struct, frozen=True, array_like=True):
    """The sites of one function on one ISA. `section` names the function's own section."""

    name: str
    section: str
    size: int
    flags: int
    sites: tuple[SiteMap, ...]


class IsaObject(Struct, frozen=True):
    """One ISA's code: the ELF object, an index of it, and its completed site maps."""

    elf: bytes
    sections: tuple[Section, ...]
    symbols: tuple[Symbol, ...]
    references: dict[int, tuple[int, ...]]  # section index -> indices into `symbols` its relocations name
    functions: tuple[FunctionMap, ...]
    tables: tuple[tuple[int, int], ...] = ()  # jump tables: section index and offset


class SiteInfo(Struct, frozen=True, array_like=True):
    """What is the same on all ISAs about a site; its id is its position in `Unit.sites`."""

    function: str
    line: int
    callee: str
    values: tuple[tuple[str, str], ...]  # (IR name, IR type)
    noreturn: bool = False  # control never comes back behind the call


class Prototypes(Struct, frozen=True):
    """Functions with variable arguments: those defined here, and by name where they are called.

    `called` with a prototype that ends in ``...``, or `without` any, and with arguments.
    """

    defined: tuple[str, ...] = ()
    called: dict[str, str] = {}
    without: dict[str, str] = {}


class Unit(Struct, frozen=True):
    """One source file compiled for every ISA."""

    name: str  # unique within a program by content: hash of source path and IR
    source: str
    private: bool  # belongs to the node-private area (the runtime, compiler-rt): one plain object per ISA
    leaf_calls: tuple[str, ...]  # functions called without a site; the linker checks that they have none
    sites: tuple[SiteInfo, ...]
    memory_tier: dict[str, str]  # functions that fell to the memory tier, with all or some of their values, and why
    without_sites: dict[str, str]  # functions for which LLVM could make code only without sites, and why
    objects: dict[str, IsaObject]
    prototypes: Prototypes = Prototypes()

    def encode(self) -> bytes:
        """The payload of the ``.popcorn.unit`` section."""
        rest = replace(self, objects={isa: replace(o, elf=b"") for isa, o in self.objects.items()})
        header = {
            "version": VERSION,
            "elf": {isa: len(o.elf) for isa, o in self.objects.items()},
            "unit": msgspec.to_builtins(rest, str_keys=True),
        }
        # not msgspec's JSON, which has no way to write names of files that are not UTF-8
        packed = zlib.compress(json.dumps(header, separators=(",", ":")).encode(), 1)
        body = struct.pack("<I", len(packed)) + packed + b"".join(o.elf for o in self.objects.values())
        return MAGIC + _HEAD.pack(len(body), zlib.crc32(body)) + body


def decode_units(payload: bytes, where: str) -> list[Unit]:
    """All units of a ``.popcorn.unit`` section. Raises `PopccError` naming `where` when it is damaged."""
    return list(_decode(payload, where))


def _decode(payload: bytes, where: str) -> Iterator[Unit]:
    pos = 0
    while pos < len(payload):
        if not payload[pos:].strip(b"\0"):
            return  # padding that a linker put between or behind payloads
        pos = payload.find(MAGIC, pos, pos + 64)
        if pos < 0 or pos + 4 + _HEAD.size > len(payload):
            raise PopccError(f"{where}: section .popcorn.unit is damaged; compile the file again")
        length, crc = _HEAD.unpack_from(payload, pos + 4)
        begin = pos + 4 + _HEAD.size
        body = payload[begin : begin + length]
        if len(body) != length:
            raise PopccError(f"{where}: section .popcorn.unit is truncated at offset {pos}; compile the file again")
        if zlib.crc32(body) != crc:
            raise PopccError(f"{where}: section .popcorn.unit was altered after popcc made it; compile the file again")
        yield _decode_unit(body, where)
        pos = begin + length


def _decode_unit(body: bytes, where: str) -> Unit:
    try:
        (n,) = struct.unpack_from("<I", body)
        header = json.loads(zlib.decompress(body[4 : 4 + n]))
        if (version := header["version"]) != VERSION:
            raise PopccError(f"{where}: made by another popcc (unit format {version}, not {VERSION}); compile it again")
        unit = msgspec.convert(header["unit"], Unit, str_keys=True)
        ends = accumulate(header["elf"].values(), initial=4 + n)
        elves = {isa: body[begin:end] for isa, (begin, end) in zip(header["elf"], pairwise(ends), strict=True)}
        return replace(unit, objects={isa: replace(o, elf=elves[isa]) for isa, o in unit.objects.items()})
    except (struct.error, zlib.error, msgspec.ValidationError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise PopccError(f"{where}: section .popcorn.unit is damaged ({e}); compile the file again") from None
