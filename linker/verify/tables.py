"""The site table of an executable, read back and bounds-checked (layout: popcc.schema)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from popcc.errors import PopccError
from popcc.linker.elf import Elf
from popcc.linker.script import SITES_SECTION
from popcc.schema import NO_LOCATION, SITES_MAGIC, SITES_VERSION, SLOT, Func, Recipe, Site, SiteFlag, SitesHeader


@dataclass(frozen=True)
class TableSite:
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


@dataclass(frozen=True)
class TableFunction:
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
        return _Reader(elf.contents(section)).functions()
    except (struct.error, IndexError, ValueError) as problem:
        raise PopccError(f"{elf.where}: its site table is damaged ({problem}); link the program again") from None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.head = SitesHeader.unpack(data)
        if self.head.magic != SITES_MAGIC or self.head.version != SITES_VERSION:
            raise ValueError(f"format {self.head.version}, not {SITES_VERSION}")
        if self.head.bytes > len(data):
            raise ValueError("cut off")

    def functions(self) -> tuple[TableFunction, ...]:
        h = self.head
        returns = struct.unpack_from(f"<{h.nsites}I", self.data, h.ra_off)
        if list(returns) != sorted(set(returns)):
            raise ValueError("return addresses are not ascending")
        by_function: list[list[TableSite]] = [[] for _ in range(h.nfuncs)]
        for number, address in enumerate(returns):
            site = Site.unpack(self.data, h.site_off + number * Site.size())
            by_function[site.func].append(self._site(site, address))
        out = []
        for number, sites in enumerate(by_function):
            f = Func.unpack(self.data, h.func_off + number * Func.size())
            at = h.string_off + f.name
            name = self.data[at : self.data.index(b"\0", at)].decode("utf-8", "surrogateescape")
            out.append(TableFunction(name, f.start, f.bytes, f.flags, tuple(sites)))
        return tuple(out)

    def _site(self, s: Site, address: int) -> TableSite:
        saved = ((w >> 24, -8 * (w & 0xFFFFFF)) for w in self._words(s.saved, s.nsaved))
        first = self.head.recipe_off + s.recipes * Recipe.size()
        recipes = (Recipe.unpack(self.data, first + k * Recipe.size()) for k in range(s.nrecipes))
        return TableSite(
            s.id, address, s.frame, self._words(s.values, s.nvalues), tuple(saved), tuple(recipes), s.flags
        )

    def _words(self, first: int, count: int) -> tuple[int, ...]:
        return struct.unpack_from(f"<{count}I", self.data, self.head.word_off + 4 * first)
