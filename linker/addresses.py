"""Addresses of sections and symbols, from the layout, before lld has run."""

from __future__ import annotations

from functools import cached_property

from msgspec import Struct

from popcc.linker.collect import Key
from popcc.linker.layout import Layout, part_offsets
from popcc.linker.resolve import Resolution
from popcc.unit import Symbol

CODE_PAGE = 4096  # what instructions that form addresses in two halves count in


class Addresses(Struct, frozen=True, dict=True):
    """One ISA's addresses."""

    isa: str
    resolution: Resolution
    layout: Layout

    @cached_property
    def sections(self) -> dict[tuple[int, int], int]:
        """(unit, section index) -> address, of what was kept."""
        return {
            (p.key.unit, section.index): p.address + offset
            for p in self.layout.placed
            for section, offset in part_offsets(p.parts.get(self.isa, ()))
        }

    def symbol(self, unit: int, symbol: Symbol) -> int | None:
        """The address that `symbol` of `unit`'s object means; None when undefined or not kept.

        What may be missing, and is, lies at 0.
        """
        found = self.resolution.define(self.isa, unit, symbol)
        if found is None:
            return self.layout.symbols.get(symbol.name, 0 if symbol.binding == "weak" else None)
        if found.symbol.section not in self._indices[found.unit]:
            return found.symbol.value  # absolute
        section = self.sections.get((found.unit, found.symbol.section))
        return None if section is None else section + found.symbol.value

    def name(self, unit: int, name: str) -> int | None:
        """The address of what `name` is in `unit`: a symbol of its own, a section, a global of the program."""
        own = self._own[unit].get(name)
        if own is not None:
            return self.symbol(unit, own)
        placed = self.layout.by_key.get(Key(unit, name))
        if placed is not None and self.isa in placed.parts:
            return placed.address
        return self.symbol(unit, Symbol(name, 0, 0, 0, "global", "notype"))

    def recipe(self, unit: int, symbol: str, addend: int) -> int | None:
        """What a recipe's symbol and addend come to.

        The symbol is ``NAME`` or ``section:NAME``; with ``page:`` before it, the page of that is meant; ``diff:A\\0B``
        is the distance from B to A, where no name stands for 0.
        ``page:got:NAME`` is the page of the global offset table, which has one page only.
        """
        if not symbol:
            return addend
        if symbol.startswith("diff:"):
            first, second = (self.recipe(unit, s, 0) for s in symbol.removeprefix("diff:").split("\0"))
            return None if first is None or second is None else first - second + addend
        if symbol.startswith("page:got:"):
            return self.layout.got + addend - (self.layout.got + addend) % CODE_PAGE
        target = symbol.removeprefix("page:")
        if target.startswith("section:"):
            placed = self.layout.by_key.get(Key(unit, target.removeprefix("section:")))
            address = placed.address if placed is not None and self.isa in placed.parts else None
        else:
            address = self.name(unit, target)
        if address is None:
            return None
        address += addend
        return address - address % CODE_PAGE if symbol.startswith("page:") else address

    @cached_property
    def _own(self) -> tuple[dict[str, Symbol], ...]:
        objects = (item.unit.objects.get(self.isa) for item in self.resolution.units)
        return tuple({s.name: s for s in obj.symbols if s.name} if obj else {} for obj in objects)

    @cached_property
    def _indices(self) -> tuple[frozenset[int], ...]:
        objects = (item.unit.objects.get(self.isa) for item in self.resolution.units)
        return tuple(frozenset(s.index for s in obj.sections) if obj else frozenset() for obj in objects)
