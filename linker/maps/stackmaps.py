"""LLVM's stack maps, version 3 (LLVM "Stack maps and patch points", section "Stack Map Format")."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from popcc.linker.elf import Elf

REGISTER, DIRECT, INDIRECT, CONSTANT, CONSTANT_INDEX = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class Location:
    """Where a value is after the call: `register` DWARF number, `offset` for memory or the constant."""

    kind: int
    size: int
    register: int
    offset: int


@dataclass(frozen=True)
class Record:
    """One statepoint: its id, the return address's offset in the function, its deopt values in our order."""

    id: int
    offset: int
    values: tuple[Location, ...]


def read_stack_maps(elf: Elf) -> dict[tuple[int, int], list[Record]]:
    """Records by (section index, offset in it) of the function they belong to."""
    section = elf.section(".llvm_stackmaps")
    if section is None:
        return {}
    data = elf.contents(section)
    symbols = elf.symbols
    functions_at = {
        offset: (symbols[symbol].section, symbols[symbol].value + addend)
        for index, offset, _, symbol, addend in elf.relocations()
        if index == section.index
    }
    functions, constants, _ = struct.unpack_from("<III", data, 4)
    pos = 16
    owners = []
    for _ in range(functions):
        _, _, count = struct.unpack_from("<QQQ", data, pos)
        owners.append((functions_at[pos], count))
        pos += 24
    pos += 8 * constants
    out: dict[tuple[int, int], list[Record]] = {}
    for owner, count in owners:
        records = out.setdefault(owner, [])
        for _ in range(count):
            record, pos = _record(data, pos)
            records.append(record)
    return out


def _record(data: bytes, pos: int) -> tuple[Record, int]:
    id_, offset, _, count = struct.unpack_from("<QIHH", data, pos)
    pos += 16
    locations = []
    for _ in range(count):
        kind, _, size, register, _, value = struct.unpack_from("<BBHHHi", data, pos)
        locations.append(Location(kind, size, register, value))
        pos += 12
    pos = (pos + 7) & -8
    (live_outs,) = struct.unpack_from("<H", data, pos + 2)
    pos = (pos + 4 + 4 * live_outs + 7) & -8
    # calling convention, flags, number of deopt values; then those, then the gc pairs
    deopts = locations[2].offset
    return Record(id_, offset, tuple(locations[3 : 3 + deopts])), pos
