"""What a function's proof depends on, as a digest that stays the same wherever the linker puts the function.

A proof goes by the function's code, its map, and the memory that can't change; addresses count only by what they are
the address of. So the digest is over the bytes of the object's section with its relocations and those of its jump
tables, each target as (which of the targets' sections, offset in it, contents if those can't change). The sections
are numbered in the order in which the function names them: where two are named, no proof goes by their distance.

That lld has moved the bytes unchanged is checked; that it fills in relocations rightly is not, here: ``popcorn
verify`` proves all of an executable afresh.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from functools import cached_property
from pathlib import Path
from typing import Any

import capstone
from msgspec import Struct

from popcc.isa import isa_named
from popcc.linker.addresses import Addresses
from popcc.linker.elf import SHF_EXECINSTR, SHF_WRITE, Elf, read_elf
from popcc.linker.index import BINDINGS, TABLES_IN
from popcc.linker.sitetable import LiveFunction
from popcc.linker.verify.listing import Listing, read_listings
from popcc.unit import IsaObject, Symbol

_FIELD, _WIDE_FIELD = 4, 8  # bytes that a relocation changes
_LINKER = Path(__file__).parent.parent


def tool_digest() -> bytes:
    """Names the verifier itself: what another one proved does not count."""
    digest = hashlib.sha1(capstone.__version__.encode())
    for folder in ("verify", "machine"):
        for file in sorted((_LINKER / folder).glob("*.py")):
            digest.update(file.read_bytes())
    return digest.digest()


class Objects(Struct, frozen=True, dict=True):
    """One ISA's objects, as the program refers to them."""

    addresses: Addresses

    @cached_property
    def files(self) -> tuple[UnitFile, ...]:
        """By unit; those that have none for this ISA are empty and never asked for."""
        return tuple(UnitFile(self, n) for n in range(len(self.addresses.resolution.units)))


class UnitFile(Struct, frozen=True, dict=True):
    """One unit's object."""

    program: Objects
    number: int

    @cached_property
    def object(self) -> IsaObject:
        """Its index."""
        return self.program.addresses.resolution.units[self.number].unit.objects[self.program.addresses.isa]

    @cached_property
    def elf(self) -> Elf:
        """The file itself."""
        return read_elf(self.object.elf, self.program.addresses.resolution.units[self.number].origin)

    @cached_property
    def names(self) -> dict[str, int]:
        """The indices of sections."""
        return {s.name: s.index for s in reversed(self.elf.sections)}

    @cached_property
    def listings(self) -> dict[int, Listing]:
        """The stack map, by section."""
        return read_listings(self.elf)

    @cached_property
    def relocations(self) -> dict[int, list[tuple[int, int, int, int]]]:
        """(offset, type, symbol, addend) by section, ascending."""
        out: dict[int, list[tuple[int, int, int, int]]] = {}
        for section, *rest in self.elf.relocations():
            out.setdefault(section, []).append(tuple(rest))  # type: ignore[arg-type]
        for found in out.values():
            found.sort()
        return out

    @cached_property
    def symbols(self) -> list[Symbol]:
        """The symbols by their index in the file."""
        return [
            Symbol(s.name, s.section, s.value, s.size, BINDINGS.get(s.binding, "global"), "") for s in self.elf.symbols
        ]

    @cached_property
    def targets(self) -> list[tuple[int, int, int] | None]:
        """(unit, section, value) of each symbol, as the program resolves it; None if it is in no section."""
        return [self._resolved(s) for s in self.symbols]

    def _resolved(self, symbol: Symbol) -> tuple[int, int, int] | None:
        addresses = self.program.addresses
        found = addresses.resolution.define(addresses.isa, self.number, symbol)
        if found is None or (found.unit, found.symbol.section) not in addresses.sections:
            return None
        return found.unit, found.symbol.section, found.symbol.value

    @cached_property
    def by_name(self) -> dict[str, tuple[int, int, int] | None]:
        """The targets of the names that recipes use."""
        return {s.name: target for s, target in zip(self.symbols, self.targets, strict=True) if s.name}

    def listing(self, function: LiveFunction) -> Listing:
        """What the stack map says of a function."""
        return self.listings.get(self.names[function.map.section], Listing({}))

    def content(self, section: int) -> bytes:
        """The digest of a section that can't be written to; nothing for others, and for code but the runtime's."""
        if section not in self._contents:
            header = self.elf.sections[section]
            private = self.program.addresses.resolution.units[self.number].unit.private
            fixed = not header.flags & (SHF_WRITE | (0 if private else SHF_EXECINSTR))
            self._contents[section] = hashlib.sha1(self.elf.contents(header)).digest() if fixed else b""
        return self._contents[section]

    @cached_property
    def _contents(self) -> dict[int, bytes]:
        return {}

    @cached_property
    def tables(self) -> list[int]:
        """Where jump tables begin, in the section they are in."""
        return sorted(offset for _, offset in self.object.tables)

    def table(self, start: int) -> list[tuple[int, int, str, int]]:
        """A jump table: the relocations of its entries, addends counted from the section of the function."""
        place = bisect_left(self.tables, start) + 1
        end = self.tables[place] if place < len(self.tables) else 1 << 62
        relocations = self.relocations.get(self.names[TABLES_IN], [])
        first = bisect_left(relocations, (start,))
        out = []
        for offset, type_, symbol, addend in relocations[first:]:
            if offset >= end:
                break
            s = self.symbols[symbol]
            out.append((offset - start, type_, "" if s.binding == "local" else s.name, s.value + addend))
        return out


def fingerprint(file: UnitFile, function: LiveFunction, linked: bytes, tool: bytes) -> bytes | None:
    """The digest; None when the linked code is not that of the object but for its relocations."""
    section = file.names[function.map.section]
    relocations = file.relocations.get(section, [])
    code = file.elf.contents(file.elf.sections[section])[: function.map.size]
    wide = isa_named(file.program.addresses.isa).wide_relocations
    fields = [(offset, _WIDE_FIELD if type_ in wide else _FIELD) for offset, type_, _, _ in relocations]
    if not _same_but_for(code, linked, fields):
        return None
    targets = _Targets(file)
    material = (
        tool,
        file.program.addresses.isa,
        code,
        [(offset, type_, targets.of(symbol, addend)) for offset, type_, symbol, addend in relocations],
        [
            (s.offset, s.frame, s.values, s.saved, s.flags, s.unproved,
             [(r.dest, r.kind, r.width, r.value, targets.named(r.symbol, r.imm)) for r in s.recipes])
            for s in function.map.sites
        ],
        file.listing(function).digest_input(),
    )  # fmt: skip
    return hashlib.sha1(repr(material).encode("utf-8", "surrogateescape")).digest()


class _Targets:
    """What one function's relocations and recipes name, numbered in that order."""

    def __init__(self, file: UnitFile) -> None:
        self.file = file
        self.numbers: dict[tuple[int, int], int] = {}

    def of(self, symbol: int, addend: int) -> tuple[Any, ...]:
        """A relocation's, without what moves when other functions change."""
        found = self.file.targets[symbol]
        return self._place(found, addend) if found else ("outside", self.file.symbols[symbol].name, addend)

    def named(self, name: str, addend: int) -> tuple[Any, ...]:
        """A recipe's symbol and addend."""
        if not name:
            return ("number", addend)
        if name.startswith("diff:"):
            return ("diff", addend, *(self.named(part, 0) for part in name.removeprefix("diff:").split("\0")))
        target = name.removeprefix("page:")
        if target.startswith("section:"):
            index = self.file.names.get(target.removeprefix("section:"))
            found = (self.file.number, index, 0) if index is not None else None
        else:
            found = self.file.by_name.get(target)
        return (name.startswith("page:"), self._place(found, addend) if found else ("outside", target, addend))

    def _place(self, found: tuple[int, int, int], addend: int) -> tuple[Any, ...]:
        unit, section, value = found
        if unit == self.file.number and section == self.file.names.get(TABLES_IN):
            # an addend of x86_64 is counted from the end of a field of 4 bytes when it is a distance
            for start in (value + addend, value + addend + 4):
                at = bisect_left(self.file.tables, start)
                if at < len(self.file.tables) and self.file.tables[at] == start:
                    number = self.numbers.setdefault((-1, start), len(self.numbers))
                    return ("table", number, value + addend - start, self.file.table(start))
        number = self.numbers.setdefault((unit, section), len(self.numbers))
        return ("section", number, value + addend, self.file.program.files[unit].content(section))


def _same_but_for(code: bytes, linked: bytes, fields: list[tuple[int, int]]) -> bool:
    """Whether two codes are the same outside the relocated fields, each an offset and how many bytes."""
    if len(code) != len(linked):
        return False
    at = 0
    for offset, size in fields:
        if code[at:offset] != linked[at:offset]:
            return False
        at = offset + size
    return code[at:] == linked[at:]
