"""Functions of an object generated anew, put where the old ones were; the rest of the object stays as it is.

When one function of a unit goes a rung down the ladder, the code of all others is what it was. The new code comes from
a module that defines nothing else (popcc.passes.alone). Every function and variable has a section of its own
(popcc.passes.sections), so the code is exchanged with its section, its relocations name the object's own symbols and
sections instead of undefined ones, jump tables are appended to those that are there, and constants in pools are looked
for in the object's; the object's stack map gets the new records, and its call frame information the new entries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from functools import cached_property

from popcc.linker.elf import (
    RELA,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_MERGE,
    SHN_UNDEF,
    SHT_REL,
    SHT_RELA,
    SHT_SYMTAB,
    SHT_SYMTAB_SHNDX,
    STT_FILE,
    STT_SECTION,
    SYMBOL,
    Elf,
    ElfSymbol,
    SectionHeader,
    read_elf,
    with_sections,
)
from popcc.linker.index import DROPPED_SECTIONS, TABLES_IN
from popcc.linker.maps.stackmaps import STACK_MAPS, StackMaps, function_numbers

_KINDS = ("text", "rodata", "data", "bss")  # of the sections that variables and functions have
_GLOBAL = 1 << 4
_HIDDEN = 2
_FRAMES = (
    ".debug_frame"  # DWARF 4, section 6.4.1: entries of whole words, in which 8 bytes of length follow the address
)
_LENGTH = 8


class CannotSplice(Exception):
    """The new code needs something that the object does not have in the expected way. Generate all of it again."""


def spliced(old: bytes, new: bytes, functions: Collection[str]) -> bytes:
    """The object `old` with `functions` as `new` has them, which defines no others. Raises `CannotSplice`."""
    splice = _Splice(read_elf(old, "the object"), read_elf(new, "the new code"))
    for name in functions:
        splice.exchange(name)
    return splice.result()


class _Splice:
    """The work on one object: `old` keeps its section numbers and symbol numbers, symbols are added behind them."""

    def __init__(self, old: Elf, new: Elf) -> None:
        self._old, self._new = old, new
        self._contents: dict[int, bytearray] = {}
        self._sections = {s.name: s for s in old.sections}
        self._named = {s.name: n for n, s in enumerate(old.symbols) if s.name and s.type not in (STT_SECTION, STT_FILE)}
        # by section, a symbol in it: its own, else a label, which maps take for the section, else one with its own name
        self._of_section = {s.section: n for n, s in enumerate(old.symbols) if s.name and s.name[0] != "$"}
        self._of_section |= {s.section: n for n, s in enumerate(old.symbols) if s.name.startswith(".L")}
        self._of_section |= {s.section: n for n, s in enumerate(old.symbols) if s.type == STT_SECTION}
        self._relocations = {s.info: s for s in old.sections if s.type == SHT_RELA}
        tables = [s for s in old.sections if s.type == SHT_SYMTAB]
        unusual = (SHT_REL, SHT_SYMTAB_SHNDX)
        if len(tables) != 1 or any(s.type in unusual for s in (*old.sections, *new.sections)):
            raise CannotSplice("unusual tables")
        (self._symbols,) = tables
        self._maps, self._numbers = _stack_maps(old)
        self._its_maps, self._its_numbers = _stack_maps(new)
        self._frames: dict[int, list[int]] = {}  # by section of a function, where the call frame information names it
        for target, offset, _, symbol, _ in old.relocations():
            if old.sections[target].name == _FRAMES:
                self._frames.setdefault(old.symbols[symbol].section, []).append(offset)
        self._moved: dict[int, tuple[SectionHeader, int]] = {}  # by section of the new code, where it is in the old
        self._rows: dict[int, list[tuple[int, int, int, int]]] = {}
        for target, offset, type_, symbol, addend in new.relocations():
            self._rows.setdefault(target, []).append((offset, type_, symbol, addend))
        for section in new.sections:
            loaded = section.flags & SHF_ALLOC and not section.name.startswith(DROPPED_SECTIONS)
            if section.size and (loaded or section.name == _FRAMES):
                self._moved[section.index] = self._place(section)

    def _place(self, section: SectionHeader) -> tuple[SectionHeader, int]:
        """Where a section of the new code goes: tables behind the old ones, code to where the old code is."""
        place = self._sections.get(section.name)
        if place is None or (place.type, place.flags) != (section.type, section.flags) or section.align > place.align:
            raise CannotSplice(f"section {section.name}")
        if section.flags & (SHF_EXECINSTR | SHF_MERGE):
            return place, 0
        if section.name not in (TABLES_IN, _FRAMES):
            raise CannotSplice(f"section {section.name}")
        contents = self._of(place)
        contents += bytes(-len(contents) % section.align)
        base = len(contents)
        contents += self._new.contents(section)
        return place, base

    def _of(self, section: SectionHeader) -> bytearray:
        if section.index not in self._contents:
            self._contents[section.index] = bytearray(self._old.contents(section))
        return self._contents[section.index]

    def exchange(self, name: str) -> None:
        """Puts the new code of a function where the old one is."""
        symbol = next((s for s in self._new.symbols if s.name == name and s.section in self._moved), None)
        number = self._named.get(name)
        if symbol is None or number is None:
            raise CannotSplice(f"no symbol {name}")
        code = self._new.sections[symbol.section]
        place, _ = self._moved[symbol.section]
        before = self._old.symbols[number]
        if symbol.value or before.value or (before.section, before.size) != (place.index, place.size):
            raise CannotSplice(f"{name} is not alone in its section")
        self._of(place)[:] = self._new.contents(code)
        if place.index in self._relocations:
            self._of(self._relocations[place.index]).clear()
        self._record(place, code)
        self._forget_frame(place)
        row = list(SYMBOL.unpack_from(self._of(self._symbols), number * SYMBOL.size))
        row[5] = symbol.size
        SYMBOL.pack_into(self._of(self._symbols), number * SYMBOL.size, *row)

    def _record(self, place: SectionHeader, code: SectionHeader) -> None:
        """Gives the function its new records."""
        at, other = self._numbers.get(place.index), self._its_numbers.get(code.index)
        if at is None and other is None:
            return
        if at is None or other is None:
            raise CannotSplice(f"{place.name} has sites in one of the two only")
        self._maps.replace(at, self._its_maps, other)

    def _forget_frame(self, place: SectionHeader) -> None:
        """Has the old code's entries among the call frame information speak of no byte."""
        for offset in self._frames.get(place.index, ()):
            contents = self._of(self._sections[_FRAMES])
            contents[offset + _LENGTH : offset + 2 * _LENGTH] = bytes(_LENGTH)

    def result(self) -> bytes:
        """The object."""
        for index, (place, base) in self._moved.items():
            rows = self._rows.get(index, ())
            if rows and place.index not in self._relocations:
                raise CannotSplice(f"{place.name} had no relocations")
            for offset, type_, symbol, addend in rows:
                number, distance = self._target(self._new.symbols[symbol], addend)
                table = self._of(self._relocations[place.index])
                table += RELA.pack(base + offset, number << 32 | type_, addend + distance)
        if self._numbers:
            self._of(self._sections[STACK_MAPS])[:] = self._maps.written()
        return with_sections(self._old.data, self._old.where, self._contents)

    def _target(self, symbol: ElfSymbol, addend: int) -> tuple[int, int]:
        """The old object's symbol for what the new code refers to, and what the addend changes by."""
        if symbol.section in self._moved:
            place, base = self._moved[symbol.section]
            if place.flags & SHF_MERGE:
                return self._pooled(symbol, addend, place)
            return self._in_section(place, base + symbol.value)
        if symbol.section != SHN_UNDEF or not symbol.name:
            raise CannotSplice(f"a reference to {symbol.name or 'a section'}")
        if symbol.name in self._named:
            return self._named[symbol.name], 0
        for kind in _KINDS:
            section = self._sections.get(f".{kind}.{symbol.name}")
            if section:
                return self._in_section(section, 0)
        return self._added(symbol.name, SHN_UNDEF), 0

    def _in_section(self, section: SectionHeader, offset: int) -> tuple[int, int]:
        number = self._of_section.get(section.index)
        if number is None:
            # code of a higher rung may hold a constant's bytes in an instruction, and have no use for the constant
            return self._added(f"{section.name}.{self._unique}", section.index), offset
        return number, offset - self._old.symbols[number].value

    def _pooled(self, symbol: ElfSymbol, addend: int, place: SectionHeader) -> tuple[int, int]:
        """As `_target`, for a constant in a section that the linker merges: by a name of its own, or by its section."""
        pool, by_section = self._new.sections[symbol.section], symbol.type == STT_SECTION
        at = symbol.value + (addend if by_section else 0)
        constant = self._new.contents(pool)[at : at + pool.entsize]
        known = self._old.contents(place)
        if at < 0 or at % pool.entsize or len(constant) != pool.entsize:
            raise CannotSplice(f"what is referred to in {place.name}")
        for number, s in enumerate(self._old.symbols):
            if s.section == place.index and (s.type == STT_SECTION) == by_section:
                for offset in range(0, len(known), pool.entsize) if by_section else (s.value,):
                    if known[offset : offset + pool.entsize] == constant:
                        return number, offset - at if by_section else 0
        raise CannotSplice(f"a constant in {place.name}")

    def _added(self, name: str, section: int) -> int:
        """A new symbol, which another object defines or which is the beginning of a section."""
        if name not in self._named:
            names = self._of(self._old.sections[self._symbols.link])
            table = self._of(self._symbols)
            self._named[name] = len(table) // SYMBOL.size
            table += SYMBOL.pack(len(names), _GLOBAL, _HIDDEN if section else 0, section, 0, 0)
            names += name.encode("utf-8", "surrogateescape") + b"\0"
        return self._named[name]

    @cached_property
    def _unique(self) -> str:
        """What no other object's symbols end in."""
        return hashlib.sha1(self._old.data).hexdigest()[:16]


def _stack_maps(elf: Elf) -> tuple[StackMaps, dict[int, int]]:
    """The object's stack maps, and by the section of a function the number of its entry."""
    section = elf.section(STACK_MAPS)
    if section is None:
        return StackMaps(b"", [], [], []), {}
    return StackMaps.read(elf.contents(section)), function_numbers(elf, section)
