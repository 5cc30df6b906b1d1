"""An executable as the proof sees it: code by address, and the memory that can't change while it runs."""

from __future__ import annotations

from functools import cached_property

from msgspec import Struct

from popcc.errors import PopccError
from popcc.isa import ISAS
from popcc.linker.elf import Elf, SectionHeader
from popcc.linker.jumptables import jump_tables
from popcc.linker.layout import Group
from popcc.linker.machine.base import Code
from popcc.linker.script import OUTPUT_SECTIONS

_PT_LOAD, _PF_W = 1, 2


class Image(Struct, frozen=True, dict=True):
    """One ISA's executable."""

    elf: Elf

    def code(self, start: int, size: int) -> Code:
        """The code of a function. Raises `PopccError` when it is not one of the program's."""
        text = self._text
        if not text.address <= start <= start + size <= text.address + text.size:
            raise PopccError(f"{self.elf.where}: its site table names code at {start:#x}, where there is none")
        begin = text.offset + start - text.address
        rodata, address = self._tables
        # the linker fills what is between functions with what traps
        dead_end = self.elf.data.startswith(self._filler, begin + size)
        return Code(
            self.elf.data[begin : begin + size], text.name, {}, rodata, {}, self._table_starts, start, address, dead_end
        )  # fmt: skip

    def private_code(self, start: int, size: int) -> Code | None:
        """Code of the runtime and the helpers, which has no sites; None where there is none."""
        text = self.elf.section(OUTPUT_SECTIONS[Group.PRIVATE_TEXT])
        if text is None or not text.address <= start <= start + size <= text.address + text.size:
            return None
        begin = text.offset + start - text.address
        return Code(self.elf.data[begin : begin + size], text.name, {}, b"", {}, (), start)

    @cached_property
    def callees(self) -> dict[int, frozenset[str]]:
        """What is known of the runtime's functions, by address (popcc.linker.verify.callees)."""
        return {}

    def constant(self, address: int, size: int) -> int | None:
        """`size` bytes of memory that can't be written to, zero-extended; None if they are not such."""
        for start, end, offset in self._read_only:
            if start <= address and address + size <= end:
                at = offset + address - start
                return int.from_bytes(self.elf.data[at : at + size], "little")
        return None

    @cached_property
    def _text(self) -> SectionHeader:
        section = self.elf.section(OUTPUT_SECTIONS[Group.TEXT])
        if section is None:
            raise PopccError(f"{self.elf.where}: has no code")
        return section

    @cached_property
    def _filler(self) -> bytes:
        return next(isa.trap for isa in ISAS.values() if isa.elf_machine == self.elf.machine)

    @cached_property
    def _table_starts(self) -> tuple[int, ...]:
        return jump_tables(self.elf)

    @cached_property
    def _tables(self) -> tuple[bytes, int]:
        """Where jump tables lie: contents and address of the private read-only data."""
        section = self.elf.section(OUTPUT_SECTIONS[Group.PRIVATE_RODATA])
        return (b"", 0) if section is None else (self.elf.contents(section), section.address)

    @cached_property
    def _read_only(self) -> tuple[tuple[int, int, int], ...]:
        return tuple(
            (s.address, s.address + s.file_size, s.offset)
            for s in self.elf.segments
            if s.type == _PT_LOAD and not s.flags & _PF_W
        )
