"""LLVM's stack maps, version 3 (LLVM "Stack maps and patch points", section "Stack Map Format")."""

from __future__ import annotations

import struct
from typing import NamedTuple

from msgspec import Struct

from popcc.linker.elf import Elf, SectionHeader

_LOCATION = struct.Struct("<BBHHHi")  # kind, reserved, size, register, reserved, offset
_COUNTS = struct.Struct("<III")
_FUNCTION = struct.Struct("<QQQ")
_RECORD = struct.Struct("<QIHH")
STACK_MAPS = ".llvm_stackmaps"
REGISTER, DIRECT, INDIRECT, CONSTANT, CONSTANT_INDEX = 1, 2, 3, 4, 5


class Location(NamedTuple):
    """Where a value is after the call: `register` DWARF number, `offset` for memory or the constant."""

    kind: int
    size: int
    register: int
    offset: int


class Record(Struct, frozen=True):
    """One statepoint: its id, the return address's offset in the function, its deopt values in our order."""

    id: int
    offset: int
    values: tuple[Location, ...]


class StackMaps(Struct):
    """A section, taken apart: its functions' entries (address, frame size, number of records), constants, records."""

    head: bytes
    functions: list[tuple[int, int, int]]
    constants: list[int]
    records: list[list[bytes]]  # by function

    @classmethod
    def read(cls, data: bytes) -> StackMaps:
        """Takes the section's contents apart."""
        count, constants, _ = _COUNTS.unpack_from(data, 4)
        functions = [_FUNCTION.unpack_from(data, 16 + _FUNCTION.size * n) for n in range(count)]
        pos = 16 + _FUNCTION.size * count
        words = list(struct.unpack_from(f"<{constants}Q", data, pos))
        pos += 8 * constants
        records = []
        for *_, number in functions:
            of_function = []
            for _ in range(number):
                begin, pos = pos, _record(data, pos)[1]
                of_function.append(data[begin:pos])
            records.append(of_function)
        return cls(data[:4], functions, words, records)

    def written(self) -> bytes:
        """The section's contents."""
        counts = _COUNTS.pack(len(self.functions), len(self.constants), sum(map(len, self.records)))
        entries = b"".join(_FUNCTION.pack(*f) for f in self.functions)
        constants = struct.pack(f"<{len(self.constants)}Q", *self.constants)
        return self.head + counts + entries + constants + b"".join(r for of in self.records for r in of)

    def replace(self, number: int, other: StackMaps, its_number: int) -> None:
        """Gives a function the entry and the records that another section has for it."""
        base = len(self.constants)
        self.functions[number] = other.functions[its_number]
        self.records[number] = [_with_constants_from(r, base) for r in other.records[its_number]]
        self.constants += other.constants


def _with_constants_from(record: bytes, base: int) -> bytes:
    """A record whose constants' numbers begin at `base`."""
    out = bytearray(record)
    (count,) = struct.unpack_from("<H", record, _RECORD.size - 2)
    for at in range(_RECORD.size, _RECORD.size + count * _LOCATION.size, _LOCATION.size):
        *words, value = _LOCATION.unpack_from(record, at)
        if words[0] == CONSTANT_INDEX:
            _LOCATION.pack_into(out, at, *words, value + base)
    return bytes(out)


def function_numbers(elf: Elf, section: SectionHeader) -> dict[int, int]:
    """By the section of a function, each of which has its own, the number of its entry."""
    return {
        elf.symbols[symbol].section: (offset - 16) // _FUNCTION.size
        for index, offset, _, symbol, _ in elf.relocations()
        if index == section.index
    }


def read_stack_maps(elf: Elf) -> dict[tuple[int, int], list[Record]]:
    """Records by (section index, offset in it) of the function they belong to."""
    section = elf.section(STACK_MAPS)
    if section is None:
        return {}
    data = elf.contents(section)
    symbols = elf.symbols
    functions_at = {
        offset: (symbols[symbol].section, symbols[symbol].value + addend)
        for index, offset, _, symbol, addend in elf.relocations()
        if index == section.index
    }
    functions, constants, _ = _COUNTS.unpack_from(data, 4)
    pos = 16
    owners = []
    for _ in range(functions):
        _, _, count = _FUNCTION.unpack_from(data, pos)
        owners.append((functions_at[pos], count))
        pos += _FUNCTION.size
    pos += 8 * constants
    out: dict[tuple[int, int], list[Record]] = {}
    for owner, count in owners:
        records = out.setdefault(owner, [])
        for _ in range(count):
            record, pos = _record(data, pos)
            records.append(record)
    return out


def _record(data: bytes, pos: int) -> tuple[Record, int]:
    id_, offset, _, count = _RECORD.unpack_from(data, pos)
    pos += _RECORD.size
    # calling convention, flags, number of deopt values; then those, then the gc pairs
    first = pos + 3 * _LOCATION.size
    deopts = _LOCATION.unpack_from(data, pos + 2 * _LOCATION.size)[5]
    values = _LOCATION.iter_unpack(data[first : first + deopts * _LOCATION.size])
    locations = tuple(Location(kind, size, register, value) for kind, _, size, register, _, value in values)
    pos += count * _LOCATION.size
    pos = (pos + 7) & -8
    (live_outs,) = struct.unpack_from("<H", data, pos + 2)
    pos = (pos + 4 + 4 * live_outs + 7) & -8
    return Record(id_, offset, locations), pos
