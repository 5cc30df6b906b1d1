"""Little-endian ELF64, as far as the linker needs it: read an index, append sections.

Reading goes by `struct` tables at once; pyelftools, which makes an object of every relocation, is too slow
for that and serves as an independent second opinion in the tests. Appending keeps every byte of the file in
its place, so that the result is reproducible and every tool that understands ELF understands it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from popcc.errors import PopccError

ET_REL, ET_EXEC, ET_DYN = 1, 2, 3
SHT_NULL, SHT_PROGBITS, SHT_SYMTAB, SHT_RELA, SHT_NOBITS, SHT_REL, SHT_SYMTAB_SHNDX = 0, 1, 2, 4, 8, 9, 18
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_MERGE, SHF_STRINGS, SHF_TLS = 1, 2, 4, 0x10, 0x20, 0x400
SHF_GNU_RETAIN, SHF_EXCLUDE = 0x200000, 0x80000000
SHN_UNDEF, SHN_LORESERVE, SHN_ABS, SHN_COMMON, SHN_XINDEX = 0, 0xFF00, 0xFFF1, 0xFFF2, 0xFFFF
STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE, STT_COMMON, STT_TLS, STT_GNU_IFUNC = 0, 1, 2, 3, 4, 5, 6, 10
STB_LOCAL, STB_GLOBAL, STB_WEAK = 0, 1, 2

_EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
_SHDR = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
RELA = struct.Struct("<QQq")
_REL = struct.Struct("<QQ")
_PHDR = struct.Struct("<IIQQQQQQ")
_INDEX = struct.Struct("<I")
_MAX_ZEROS = 1 << 31  # the whole program lies below
_MAX_ALIGN = 1 << 16  # of what is not loaded


class SectionHeader(Struct, frozen=True):
    """One entry of the section header table, its name resolved."""

    index: int
    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entsize: int


class ElfSymbol(Struct, frozen=True):
    """One entry of the symbol table, in ELF's numbers; an extended section index is resolved."""

    name: str
    binding: int
    type: int
    section: int
    value: int
    size: int


class Segment(Struct, frozen=True):
    """One program header."""

    type: int
    flags: int
    offset: int
    address: int
    file_size: int
    memory_size: int
    align: int


class Elf:
    """A parsed file. Everything beyond the section headers is read when asked for, the symbols once."""

    def __init__(
        self, where: str, data: bytes, type_: int, machine: int, entry: int, sections: tuple[SectionHeader, ...],
        names_index: int,
    ) -> None:  # fmt: skip
        """`names_index`: the section of the sections' names."""
        self.where = where
        self.data = data
        self.type = type_
        self.machine = machine
        self.entry = entry
        self.sections = sections
        self.names_index = names_index
        self._symbols: tuple[ElfSymbol, ...] | None = None

    def section(self, name: str) -> SectionHeader | None:
        """The first section called `name`."""
        return next((s for s in self.sections if s.name == name), None)

    def contents(self, section: SectionHeader) -> bytes:
        """The bytes of `section`; zeros when it has none in the file."""
        if section.type == SHT_NOBITS:
            if section.size > _MAX_ZEROS:
                raise PopccError(f"{self.where}: damaged ELF file: section {section.name} is too large")
            return bytes(section.size)
        return self.data[section.offset : section.offset + section.size]

    @property
    def symbols(self) -> tuple[ElfSymbol, ...]:
        """The symbol table in file order, the null symbol first; empty when the file was stripped."""
        if self._symbols is None:
            self._symbols = self._read_symbols()
        return self._symbols

    def _read_symbols(self) -> tuple[ElfSymbol, ...]:
        table = next((s for s in self.sections if s.type == SHT_SYMTAB), None)
        if table is None:
            return ()
        names = self.contents(self._linked(table))
        extended = next((s for s in self.sections if s.type == SHT_SYMTAB_SHNDX and s.link == table.index), None)
        indices = [i for (i,) in self._rows(_INDEX, extended)] if extended else []
        symbols = []
        for i, (name, info, _, section, value, size) in enumerate(self._rows(SYMBOL, table)):
            number = indices[i] if section == SHN_XINDEX and i < len(indices) else section
            symbols.append(ElfSymbol(_string(names, name), info >> 4, info & 15, number, value, size))
        return tuple(symbols)

    def relocations(self) -> Iterator[tuple[int, int, int, int, int]]:
        """(section relocated, offset in it, type, symbol index, addend) of every relocation."""
        for s in self.sections:
            if s.type == SHT_RELA:
                for offset, info, addend in self._rows(RELA, s):
                    yield s.info, offset, info & 0xFFFFFFFF, info >> 32, addend
            elif s.type == SHT_REL:
                for offset, info in self._rows(_REL, s):
                    yield s.info, offset, info & 0xFFFFFFFF, info >> 32, 0

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The program header table."""
        header = _EHDR.unpack_from(self.data)
        start, size, count = header[5], header[9], header[10]
        if count and (size < _PHDR.size or start + count * size > len(self.data)):
            raise PopccError(f"{self.where}: truncated ELF file: its segment table lies outside of it")
        rows = (_PHDR.unpack_from(self.data, start + i * size) for i in range(count))
        return tuple(Segment(t, f, off, addr, fs, ms, al) for t, f, off, addr, _, fs, ms, al in rows)

    def _rows(self, row: struct.Struct, section: SectionHeader) -> Iterator[tuple[Any, ...]]:
        if section.size % row.size or section.type == SHT_NOBITS:
            raise PopccError(f"{self.where}: damaged ELF file: section {section.name} holds no whole entries")
        return row.iter_unpack(self.contents(section))

    def _linked(self, section: SectionHeader) -> SectionHeader:
        if section.link >= len(self.sections):
            raise PopccError(f"{self.where}: damaged ELF file: section {section.name} links to none")
        return self.sections[section.link]


class NewSection(Struct, frozen=True):
    """A section to append: no address, not loaded."""

    name: str
    flags: int
    contents: bytes


def is_elf(data: bytes) -> bool:
    """Whether `data` starts like an ELF file of any kind."""
    return data[:4] == b"\x7fELF"


def read_elf(data: bytes, where: str) -> Elf:
    """Parse `data`. Raises `PopccError` naming `where` when it is no sound little-endian ELF64 file."""
    if not is_elf(data):
        raise PopccError(f"{where}: not an ELF file")
    if len(data) < _EHDR.size:
        raise PopccError(f"{where}: truncated ELF file")
    ident, kind, machine, _, entry, _, shoff, _, _, _, _, shentsize, shnum, shstrndx = _EHDR.unpack_from(data)
    if ident[4] != 2 or ident[5] != 1:
        raise PopccError(f"{where}: not a little-endian 64-bit ELF file")
    if shoff == 0:
        return Elf(where, data, kind, machine, entry, (), 0)
    if shentsize != _SHDR.size or shoff + _SHDR.size > len(data):
        raise PopccError(f"{where}: truncated ELF file: its section table lies outside of it")
    first = _SHDR.unpack_from(data, shoff)
    count = shnum or first[5]  # a count that does not fit the header stands in section 0
    names_index = _names_index(data, shoff, shstrndx)
    if shoff + count * _SHDR.size > len(data) or names_index >= count:
        raise PopccError(f"{where}: truncated ELF file: its section table lies outside of it")
    rows = list(_SHDR.iter_unpack(data[shoff : shoff + count * _SHDR.size]))
    for r in rows:
        if r[1] not in (0, SHT_NOBITS) and r[4] + r[5] > len(data):
            raise PopccError(f"{where}: truncated ELF file: a section lies outside of it")
    names = data[rows[names_index][4] : rows[names_index][4] + rows[names_index][5]]
    sections = tuple(
        SectionHeader(i, _string(names, name), type_, flags, addr, off, size, link, info, align, entsize)
        for i, (name, type_, flags, addr, off, size, link, info, align, entsize) in enumerate(rows)
    )
    return Elf(where, data, kind, machine, entry, sections, names_index)


def _names_index(data: bytes, shoff: int, shstrndx: int) -> int:
    """The section of the sections' names; an index that does not fit the header stands in section 0."""
    return int(_SHDR.unpack_from(data, shoff)[6]) if shstrndx == SHN_XINDEX else shstrndx


def append_sections(data: bytes, where: str, new: tuple[NewSection, ...]) -> bytes:
    """`data` with sections behind its own. Addresses, segments and indices of what was there stay."""
    elf = read_elf(data, where)
    if not elf.sections:
        raise PopccError(f"{where}: has no section table to append to (stripped with --strip-section-headers?)")
    old_names = elf.sections[elf.names_index]
    names = bytearray(elf.contents(old_names))
    out = bytearray(data)
    shoff = _EHDR.unpack_from(data)[6]
    rows = [list(r) for r in _SHDR.iter_unpack(data[shoff : shoff + len(elf.sections) * _SHDR.size])]
    for section in new:
        name = len(names)
        names += section.name.encode() + b"\0"
        _pad(out, 8)
        rows.append([name, SHT_PROGBITS, section.flags, 0, len(out), len(section.contents), 0, 0, 8, 0])
        out += section.contents
    # The name table moves behind its longer self; as a prefix it still serves a symbol table that shares it.
    rows[elf.names_index][4:6] = [len(out), len(names)]
    out += names
    _pad(out, 8)
    header = list(_EHDR.unpack_from(data))
    header[6] = len(out)
    if len(rows) >= SHN_LORESERVE:
        header[12] = 0
        rows[0][5] = len(rows)
    else:
        header[12] = len(rows)
    for r in rows:
        out += _SHDR.pack(*r)
    out[: _EHDR.size] = _EHDR.pack(*header)
    return bytes(out)


def with_contents(data: bytes, where: str, name: str, contents: bytes) -> bytes:
    """The file with the bytes of section `name` replaced by as many others."""
    section = read_elf(data, where).section(name)
    assert section is not None and section.size >= len(contents), name
    return data[: section.offset] + contents + data[section.offset + len(contents) :]


def with_sections(data: bytes, where: str, contents: Mapping[int, bytes | bytearray]) -> bytes:
    """The relocatable object with other contents, of any size, for some sections; their numbers and all else stay."""
    elf = read_elf(data, where)
    header = list(_EHDR.unpack_from(data))
    rows = [list(r) for r in _SHDR.iter_unpack(data[header[6] : header[6] + len(elf.sections) * _SHDR.size])]
    out = bytearray(data[: _EHDR.size])
    for section, row in zip(elf.sections, rows, strict=True):
        if section.type not in (SHT_NULL, SHT_NOBITS):
            new = contents.get(section.index, elf.contents(section))
            _pad(out, min(max(1, section.align), _MAX_ALIGN))
            row[4:6] = [len(out), len(new)]
            out += new
    _pad(out, 8)
    header[6] = len(out)
    for r in rows:
        out += _SHDR.pack(*r)
    out[: _EHDR.size] = _EHDR.pack(*header)
    return bytes(out)


class NewHeader(Struct, frozen=True):
    """What a section of a relocatable becomes: another name, at least as long, with no alignment of its own."""

    index: int
    name: str
    size: int
    filler: bytes  # repeated behind its contents


def with_headers(data: bytes, changes: Iterable[NewHeader]) -> bytes:
    """A sound relocatable object with its sections changed so; their contents, relocations and symbols stay."""
    out = bytearray(data)
    header = _EHDR.unpack_from(data)
    names_at = header[6] + _names_index(data, header[6], header[13]) * _SHDR.size
    names_row = list(_SHDR.unpack_from(data, names_at))
    names = bytearray(data[names_row[4] : names_row[4] + names_row[5]])
    for new in changes:
        at = header[6] + new.index * _SHDR.size
        _, type_, flags, address, offset, size, link, info, _, _ = _SHDR.unpack_from(data, at)
        if new.size > size and type_ != SHT_NOBITS:
            more = new.size - size
            contents = data[offset : offset + size]
            offset = len(out)
            out += contents + (new.filler * more)[:more]
        flags &= ~(SHF_MERGE | SHF_STRINGS)
        _SHDR.pack_into(out, at, len(names), type_, flags, address, offset, new.size, link, info, 1, 0)
        names += new.name.encode() + b"\0"
    names_row[4:6] = [len(out), len(names)]
    _SHDR.pack_into(out, names_at, *names_row)
    return bytes(out + names)


def drop_sections(data: bytes, where: str, prefixes: tuple[str, ...]) -> bytes:
    """`data` without the unloaded sections whose names begin so; what is loaded stays in its place."""
    elf = read_elf(data, where)
    header = list(_EHDR.unpack_from(data))
    rows = [list(r) for r in _SHDR.iter_unpack(data[header[6] : header[6] + len(elf.sections) * _SHDR.size])]
    kept = [
        s for s in elf.sections if s.flags & SHF_ALLOC or not s.name.startswith(prefixes) or s.index == elf.names_index
    ]
    number = {s.index: i for i, s in enumerate(kept)}
    ends = [s.offset + s.size for s in kept if s.flags & SHF_ALLOC and s.type != SHT_NOBITS]
    ends += [g.offset + g.file_size for g in elf.segments]
    out = bytearray(data[: max(ends, default=_EHDR.size)])
    for s in kept:
        row = rows[s.index]
        row[6] = number.get(s.link, 0)
        if s.type in (SHT_REL, SHT_RELA):
            row[7] = number.get(s.info, 0)
        if s.index and not s.flags & SHF_ALLOC and s.type != SHT_NOBITS:
            _pad(out, min(max(1, s.align), _MAX_ALIGN))
            row[4] = len(out)
            out += elf.contents(s)
    _pad(out, 8)
    header[6], header[12], header[13] = len(out), len(kept), number[elf.names_index]
    for s in kept:
        out += _SHDR.pack(*rows[s.index])
    out[: _EHDR.size] = _EHDR.pack(*header)
    return bytes(out)


def _pad(out: bytearray, align: int) -> None:
    out += bytes(-len(out) % align)


def _string(table: bytes, offset: int) -> str:
    return table[offset : table.find(b"\0", offset)].decode("utf-8", "surrogateescape")
