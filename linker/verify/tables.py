"""The site table of an executable, read back and bounds-checked (layout: popcc.schema)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from msgspec import Struct

from popcc.errors import PopccError
from popcc.linker.elf import Elf
from popcc.linker.script import SITES_SECTION
from popcc.schema.sites import NO_LOCATION, SITES_MAGIC, SITES_VERSION, SLOT, Func, Recipe, SiteFlag, SitesHeader


class TableSite(Struct, frozen=True):
    """One call address of a site."""

    id: int
    returns_to: int
    frame: int
    values: tuple[int, ...]  # location words
    saved: tuple[tuple[int, int], ...]  # (DWARF register, CFA offset of its slot)
    recipes: tuple[Recipe, ...]
    flags: int

    @property
    def usable(self) -> bool:
        """Whether a thread may leave and arrive here."""
        return not self.flags & SiteFlag.UNUSABLE


class TableFunction(Struct, frozen=True):
    """A function with sites; these by ascending return address."""

    name: str
    start: int
    size: int
    flags: int
    sites: tuple[TableSite, ...]


def slot_of(word: int) -> int | None:
    """The CFA offset that a location word means; None for a register or a constant."""
    return -(word & ~SLOT) if word & SLOT else None


def is_constant(word: int) -> bool:
    """Whether a location word says that the code has the value as a constant."""
    return word == NO_LOCATION


def read_table(elf: Elf) -> tuple[TableFunction, ...]:
    """The table's functions, by ascending address. Raises `PopccError` when there is none or it is damaged."""
    section = elf.section(SITES_SECTION)
    if section is None:
        raise PopccError(f"{elf.where}: has no site table (section {SITES_SECTION})")
    try:
        return decode(elf.contents(section))
    except (struct.error, IndexError, ValueError) as problem:
        raise PopccError(f"{elf.where}: its site table is damaged ({problem}); link the program again") from None


def decode(data: bytes) -> tuple[TableFunction, ...]:
    """Likewise from its bytes. Raises `ValueError`, `IndexError` or `struct.error`."""
    return _Reader(data).functions()


# flags of site and function, frame, values, saved, recipes
_Map = tuple[int, int, tuple[int, ...], tuple[tuple[int, int], ...], tuple[Recipe, ...]]


class _Reader:
    """Expands the table as it goes; whatever is out of bounds or contradicts itself ends in an error."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.head = h = SitesHeader.unpack(data)
        if h.magic != SITES_MAGIC or h.version != SITES_VERSION:
            raise ValueError(f"format {h.version}, not {SITES_VERSION}")
        if h.bytes > len(data):
            raise ValueError("cut off")
        self.returns = self._array("I", h.ra_off, h.nids)
        self.maps = self._array("I" if h.wide else "H", h.map_off, h.nids)
        self.read: dict[int, _Map] = {}

    def functions(self) -> tuple[TableFunction, ...]:
        rows = [Func.unpack(self.data, self.head.func_off + n * Func.size()) for n in range(self.head.nfuncs)]
        functions = tuple(self._function(f) for f in rows)
        returns = [s.returns_to for f in functions for s in f.sites]
        if returns != sorted(set(returns)) or len(returns) != sum(map(bool, self.returns)):
            raise ValueError("return addresses are not ascending")
        return functions

    def _function(self, f: Func) -> TableFunction:
        at = self.head.order_off + 2 * f.order
        (count,) = self._array("H", at, 1)
        sites, flags = [], 0
        for k in self._array("H", at + 2, count):
            site, flags = self._site(f.first + k)
            sites.append(site)
        at = self.head.string_off + f.name
        name = self.data[at : self.data.index(b"\0", at)].decode("utf-8", "surrogateescape")
        return TableFunction(name, f.start, f.bytes, flags, tuple(sites))

    def _site(self, number: int) -> tuple[TableSite, int]:
        """The site, and its function's flags."""
        flags, frame, values, saved, recipes = self._map(self.maps[number])
        flags |= self.data[self.head.unusable_off + number // 8] >> number % 8 & SiteFlag.UNUSABLE
        return TableSite(number, self.returns[number], frame, values, saved, recipes, flags & 0xF), flags >> 4

    def _map(self, at: int) -> _Map:
        if at not in self.read:
            numbers = self._numbers(2 * at)
            frame, flags, saved, recipes, count = (next(numbers) for _ in range(5))
            words = tuple(_word(next(numbers)) for _ in range(count))
            self.read[at] = (flags, 8 * frame, words, tuple(self._saved(saved)), tuple(self._recipes(recipes)))
        return self.read[at]

    def _saved(self, at: int) -> Iterator[tuple[int, int]]:
        numbers = self._numbers(at)
        for _ in range(next(numbers)):
            yield next(numbers), -8 * next(numbers)

    def _recipes(self, at: int) -> Iterator[Recipe]:
        numbers = self._numbers(at)
        for _ in range(next(numbers)):
            yield Recipe.unpack(self.data, self.head.recipe_off + next(numbers) * Recipe.size())

    def _numbers(self, at: int) -> Iterator[int]:
        """Unsigned LEB128 numbers from an offset in code[] on, without end."""
        at += self.head.code_off
        while True:
            number = shift = 0
            while True:
                byte = self.data[at]
                at += 1
                number |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
                if shift > 28:
                    raise ValueError("a number is too large")
            yield number

    def _array(self, code: str, at: int, count: int) -> tuple[int, ...]:
        return struct.unpack_from(f"<{count}{code}", self.data, at)


def _word(location: int) -> int:
    if location & 1:
        return location >> 1
    return SLOT | 4 * location if location else NO_LOCATION
