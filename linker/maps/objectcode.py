"""An object as completion sees it: code with its relocations, where jump tables lie, what can't be written to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct

from popcc.linker.elf import SHF_WRITE, STT_SECTION, Elf
from popcc.linker.machine.base import Code, Relocation


class ObjectCode(Struct, frozen=True, dict=True):
    """Of one object what completion goes by."""

    elf: Elf
    relocations: Mapping[int, Mapping[int, tuple[Relocation, ...]]]
    rodata: bytes
    rodata_relocations: Mapping[int, Relocation]
    table_starts: tuple[int, ...]

    def code(self, section: int) -> Code:
        """A function's section, to be decoded."""
        header = self.elf.sections[section]
        return Code(
            self.elf.contents(header), header.name, self.relocations.get(section, {}), self.rodata,
            self.rodata_relocations, self.table_starts,
        )  # fmt: skip

    def read_only(self, symbol: str) -> bool:
        """Whether a symbol's section can't be written to."""
        return symbol in self._read_only

    def constant(self, symbol: str, offset: int, size: int) -> int | None:
        """`size` bytes of read-only memory, zero-extended; None if they are not there or the linker fills them in."""
        section, value = self._read_only.get(symbol, (0, 0))
        at = value + offset
        contents = self.elf.contents(self.elf.sections[section])
        relocated = self.relocations.get(section, {})
        if not 0 <= at <= len(contents) - size or any(at - 8 < r < at + size for r in relocated):
            return None
        return int.from_bytes(contents[at : at + size], "little")

    @cached_property
    def _read_only(self) -> dict[str, tuple[int, int]]:
        """Section and offset of the names whose first bearer in the object is a read-only section or lies in one."""
        sections = self.elf.sections
        found: dict[str, tuple[int, int] | None] = {}
        for header in sections:
            place = None if header.flags & SHF_WRITE else (header.index, 0)
            found.setdefault("section:" + header.name, place)
        for s in self.elf.symbols:
            if not s.name.startswith("section:"):
                in_section = 0 < s.section < len(sections) and not sections[s.section].flags & SHF_WRITE
                found.setdefault(s.name, (s.section, s.value) if in_section else None)
        return {name: place for name, place in found.items() if place}


def read_object(file: Elf) -> ObjectCode:
    """Relocations by section and offset, jump tables, read-only memory."""
    names = []
    for s in file.symbols:
        names.append("section:" + file.sections[s.section].name if s.type == STT_SECTION else s.name)
    rodata = file.section(".rodata")
    by_section: dict[int, dict[int, tuple[Relocation, ...]]] = {}
    rodata_relocations: dict[int, Relocation] = {}
    starts: set[int] = set()
    for section, offset, type_, symbol, addend in file.relocations():
        name, addend = _as_section(file, names, symbol, addend)
        r = Relocation(offset, type_, name, addend)
        here = by_section.setdefault(section, {})
        here[offset] = (*here.get(offset, ()), r)
        if rodata is not None and section == rodata.index:
            rodata_relocations[offset] = r
        elif name == "section:.rodata":
            starts.add(addend)
    contents = file.contents(rodata) if rodata is not None else b""
    return ObjectCode(file, by_section, contents, rodata_relocations, tuple(sorted(starts)))


def _as_section(file: Elf, names: list[str], symbol: int, addend: int) -> tuple[str, int]:
    """A relocation's target; local labels in .rodata are given by section and offset, as jump tables are looked up."""
    s = file.symbols[symbol]
    if s.binding == 0 and s.type != STT_SECTION and 0 < s.section < len(file.sections) and s.name.startswith(".L"):
        return "section:" + file.sections[s.section].name, addend + s.value
    return names[symbol], addend
