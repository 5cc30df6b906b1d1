"""Addresses of sections and symbols, from the layout, before lld has run."""

from __future__ import annotations

from popcc.linker.collect import Key
from popcc.linker.layout import Layout, part_offsets
from popcc.linker.resolve import Resolution
from popcc.unit import Symbol

CODE_PAGE = 4096  # what instructions that form addresses in two halves count in


class Addresses:
    """One ISA's addresses; tables are made when they are first asked for, which is in the children of a link."""

    def __init__(self, isa: str, resolution: Resolution, layout: Layout) -> None:
        self.isa = isa
        self.resolution = resolution
        self.layout = layout
        self._sections: dict[tuple[int, int], int] | None = None
        self._own: dict[int, dict[str, Symbol]] = {}

    @property
    def sections(self) -> dict[tuple[int, int], int]:
        """(unit, section index) -> address, of what was kept."""
        if self._sections is None:
            self._sections = {
                (p.key.unit, section.index): p.address + offset
                for p in self.layout.placed
                for section, offset in part_offsets(p.parts.get(self.isa, ()))
            }
        return self._sections

    def symbol(self, unit: int, symbol: Symbol) -> int | None:
        """The address that `symbol` of `unit`'s object means; None when undefined or not kept.

        What may be missing, and is, lies at 0.
        """
        found = self.resolution.define(self.isa, unit, symbol)
        if found is None:
            return self.layout.symbols.get(symbol.name, 0 if symbol.binding == "weak" else None)
        section = self.sections.get((found.unit, found.symbol.section))
        if section is not None:
            return section + found.symbol.value
        sections = self.resolution.units[found.unit].unit.objects[self.isa].sections
        absolute = all(s.index != found.symbol.section for s in sections)
        return found.symbol.value if absolute else None

    def name(self, unit: int, name: str) -> int | None:
        """The address of what `name` is in `unit`: a symbol of its own, a section, a global of the program."""
        own = self._symbols(unit).get(name)
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

    def _symbols(self, unit: int) -> dict[str, Symbol]:
        """The symbols of a unit's object by their names."""
        if unit not in self._own:
            obj = self.resolution.units[unit].unit.objects.get(self.isa)
            self._own[unit] = {s.name: s for s in obj.symbols if s.name} if obj else {}
        return self._own[unit]
