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
from pathlib import Path
from typing import Any

import capstone

from popcc.isa import isa_named
from popcc.linker.addresses import Addresses
from popcc.linker.elf import SHF_EXECINSTR, SHF_WRITE, read_elf
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


class Objects:
    """One ISA's objects, as the program refers to them."""

    def __init__(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self._files: dict[int, UnitFile] = {}

    def file(self, unit: int) -> UnitFile:
        """The object of a unit, which has one for this ISA."""
        if unit not in self._files:
            self._files[unit] = UnitFile(self, unit)
        return self._files[unit]


class UnitFile:
    """One unit's object. What says how its functions refer to others is made when it is first asked for."""

    def __init__(self, program: Objects, number: int) -> None:
        item = program.addresses.resolution.units[number]
        self.program = program
        self.number = number
        self.private = item.unit.private
        self.object: IsaObject = item.unit.objects[program.addresses.isa]
        self.elf = read_elf(self.object.elf, item.origin)
        self.names = {s.name: s.index for s in reversed(self.elf.sections)}
        self.tables = sorted(offset for _, offset in self.object.tables)  # where jump tables begin, in their section
        self._contents: dict[int, bytes] = {}
        self._listings: dict[int, Listing] | None = None
        self._relocations: dict[int, list[tuple[int, int, int, int]]] | None = None
        self._symbols: list[Symbol] | None = None
        self._targets: list[tuple[int, int, int] | None] | None = None
        self._by_name: dict[str, tuple[int, int, int] | None] | None = None

    def relocations(self, section: int) -> list[tuple[int, int, int, int]]:
        """(offset, type, symbol, addend) of each of a section's, ascending."""
        if self._relocations is None:
            self._relocations = {}
            for of, offset, type_, symbol, addend in self.elf.relocations():
                self._relocations.setdefault(of, []).append((offset, type_, symbol, addend))
            for found in self._relocations.values():
                found.sort()
        return self._relocations.get(section, [])

    def code(self, function: LiveFunction) -> tuple[bytes, list[tuple[int, int, int, int]]]:
        """A function's code, not relocated yet, and its relocations."""
        section = self.names[function.map.section]
        return self.elf.contents(self.elf.sections[section])[: function.map.size], self.relocations(section)

    @property
    def symbols(self) -> list[Symbol]:
        """The symbols by their index in the file."""
        if self._symbols is None:
            self._symbols = [
                Symbol(s.name, s.section, s.value, s.size, BINDINGS.get(s.binding, "global"), "")
                for s in self.elf.symbols
            ]
        return self._symbols

    @property
    def targets(self) -> list[tuple[int, int, int] | None]:
        """(unit, section, value) of each symbol, as the program resolves it; None if it is in no section of it."""
        if self._targets is None:
            self._targets = [self.resolved(s) for s in self.symbols]
        return self._targets

    def resolved(self, symbol: Symbol) -> tuple[int, int, int] | None:
        """What one of its symbols means."""
        addresses = self.program.addresses
        found = addresses.resolution.define(addresses.isa, self.number, symbol)
        if found is None or (found.unit, found.symbol.section) not in addresses.sections:
            return None
        return found.unit, found.symbol.section, found.symbol.value

    @property
    def by_name(self) -> dict[str, tuple[int, int, int] | None]:
        """The targets of the names that recipes use."""
        if self._by_name is None:
            self._by_name = {s.name: t for s, t in zip(self.symbols, self.targets, strict=True) if s.name}
        return self._by_name

    def listing(self, function: LiveFunction) -> Listing:
        """What the stack map says of a function."""
        if self._listings is None:
            self._listings = read_listings(self.elf)
        return self._listings.get(self.names[function.map.section], Listing({}))

    def content(self, section: int) -> bytes:
        """The digest of a section that can't be written to; nothing for others, and for code but the runtime's."""
        if section not in self._contents:
            header = self.elf.sections[section]
            fixed = not header.flags & (SHF_WRITE | (0 if self.private else SHF_EXECINSTR))
            self._contents[section] = hashlib.sha1(self.elf.contents(header)).digest() if fixed else b""
        return self._contents[section]

    def table(self, start: int) -> list[tuple[int, int, str, int]]:
        """A jump table: the relocations of its entries, addends counted from the section of the function."""
        place = bisect_left(self.tables, start) + 1
        end = self.tables[place] if place < len(self.tables) else 1 << 62
        relocations = self.relocations(self.names[TABLES_IN])
        first = bisect_left(relocations, (start,))
        out = []
        for offset, type_, symbol, addend in relocations[first:]:
            if offset >= end:
                break
            s = self.symbols[symbol]
            out.append((offset - start, type_, "" if s.binding == "local" else s.name, s.value + addend))
        return out


def unchanged(file: UnitFile, function: LiveFunction, linked: bytes) -> bool:
    """Whether the linked code is that of the object but for its relocations."""
    code, relocations = file.code(function)
    wide = isa_named(file.program.addresses.isa).wide_relocations
    fields = [(offset, _WIDE_FIELD if type_ in wide else _FIELD) for offset, type_, _, _ in relocations]
    return _same_but_for(code, linked, fields)


def fingerprint(file: UnitFile, function: LiveFunction, tool: bytes) -> bytes:
    """A function's digest."""
    code, relocations = file.code(function)
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
    return _digest(material)


def unit_fingerprint(file: UnitFile, tool: bytes) -> bytes:
    """The digest of all that the fingerprints of a unit's functions go by: with it, those need not be worked out.

    Its own sections are known by the file; those of others, numbered as for a function, by what can't change in them.
    """
    targets = _Targets(file)
    placed = file.program.addresses.sections
    material = (
        tool,
        file.program.addresses.isa,
        hashlib.sha1(file.object.elf).digest(),
        file.object.functions,
        [s.index for s in file.object.sections if (file.number, s.index) in placed],
        [targets.of_unit(symbol) for symbol in file.object.symbols],
    )
    return _digest(material)


def _digest(material: tuple[Any, ...]) -> bytes:
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

    def of_unit(self, symbol: Symbol) -> tuple[Any, ...]:
        """What a symbol of the unit is, its own sections by their numbers in the file."""
        found = self.file.resolved(symbol)
        if found is None:
            return ("outside", symbol.name)
        return ("own", *found[1:]) if found[0] == self.file.number else self._section(found, 0)

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
        return self._section(found, addend)

    def _section(self, found: tuple[int, int, int], addend: int) -> tuple[Any, ...]:
        unit, section, value = found
        number = self.numbers.setdefault((unit, section), len(self.numbers))
        return ("section", number, value + addend, self.file.program.file(unit).content(section))


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
