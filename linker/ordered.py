"""One ISA's objects as lld gets them: every placed section named by its turn, and as long as the way to the next.

Then a pattern per kind of section sorts them by name, and each comes to lie where the layout wants it. A pattern per
section would do so too, but lld holds each against every section: for 17,500 constants that took 19 seconds.

All objects are members of one archive (`popcc.linker.archive`), since opening a file is slower than writing one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from popcc.isa import isa_named
from popcc.linker.archive import MAGIC, member
from popcc.linker.elf import SHF_EXECINSTR, NewHeader, with_headers
from popcc.linker.layout import Group, Layout, part_offsets
from popcc.unit import Section, Unit

ARCHIVE = "objects"
_PREFIX = ".popcorn.place."
_NAME = re.compile(re.escape(_PREFIX) + r"\d+\.(\d+)")
_OBJECT = re.compile(rf"\b{ARCHIVE}\(u(\d+)\.o\)")


class Ordered(Struct, frozen=True):
    """The sections of one ISA that the layout places, ascending: each with its unit and how long it is made."""

    isa: str
    units: frozenset[int]
    starts: Mapping[Group, int]  # where the first of a group lies, which need not be where the group begins
    members: tuple[tuple[int, Group, Section, int], ...]

    def pattern(self, group: Group) -> str:
        """What a linker script says for all sections of a group, in order."""
        return f". = {self.starts[group]:#x}; KEEP(*(SORT_BY_NAME({_PREFIX}{group}.*)))"

    def archive(self, units: Callable[[int], Unit]) -> Iterator[bytes]:
        """The file's bytes, in pieces."""
        headers: dict[int, list[NewHeader]] = {number: [] for number in sorted(self.units)}
        trap = isa_named(self.isa).trap
        for n, (unit, group, section, size) in enumerate(self.members):
            filler = trap if section.flags & SHF_EXECINSTR else b"\0"
            headers[unit].append(NewHeader(section.index, f"{_PREFIX}{group}.{n:08}", size, filler))
        yield MAGIC
        for number, changed in headers.items():
            if found := units(number).objects.get(self.isa):
                yield member(f"u{number}.o", with_headers(found.elf, changed))

    def translated(self, text: str, origin: Callable[[int], str]) -> str:
        """What lld says, with the names that users know."""
        text = _OBJECT.sub(lambda m: origin(int(m[1])), text)
        return _NAME.sub(lambda m: self.members[int(m[1])][2].name, text)


def ordered(layout: Layout, isa: str) -> Ordered:
    """The order of what `isa` has."""
    by_group: dict[Group, list[tuple[int, int, Section]]] = {group: [] for group in layout.ranges}
    for p in layout.placed:
        for section, offset in part_offsets(p.parts.get(isa, ())):
            by_group[p.group].append((p.address + offset, p.key.unit, section))
    found: list[tuple[int, Group, Section, int]] = []
    starts: dict[Group, int] = {}
    for group, sections in by_group.items():
        end = layout.ranges[group][1]
        starts[group] = sections[0][0] if sections else end
        ends = [*(at for at, _, _ in sections[1:]), end]
        found += [(unit, group, s, to - at) for (at, unit, s), to in zip(sections, ends, strict=False)]
    return Ordered(isa, frozenset(p.key.unit for p in layout.placed), starts, tuple(found))
