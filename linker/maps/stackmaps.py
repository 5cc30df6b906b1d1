"""LLVM's stack maps, version 3 (LLVM "Stack maps and patch points", section "Stack Map Format")."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from popcc.linker.elf import Elf

_LOCATION = struct.Struct("<BBHHHi")  # kind, reserved, size, register, reserved, offset
REGISTER, DIRECT, INDIRECT, CONSTANT, CONSTANT_INDEX = 1, 2, 3, 4, 5


class Location(NamedTuple):
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
