"""Stack maps taken apart, exchanged function by function, and written again."""

from __future__ import annotations

import struct

from popcc.linker.maps.stackmaps import CONSTANT, CONSTANT_INDEX, REGISTER, StackMaps

HEAD = bytes((3, 0, 0, 0))


def record(id_: int, *locations: tuple[int, int]) -> bytes:
    """A record whose values are at (kind, register or constant's number), behind convention, flags and their count."""
    leading = ((CONSTANT, 0), (CONSTANT, 0), (CONSTANT, len(locations)))
    out = struct.pack("<QIHH", id_, 16 * id_, 0, len(leading) + len(locations))
    for kind, value in (*leading, *locations):
        register, offset = (value, 0) if kind == REGISTER else (0, value)
        out += struct.pack("<BBHHHi", kind, 0, 8, register, 0, offset)
    out += bytes(-len(out) % 8) + struct.pack("<HH", 0, 0)
    return out + bytes(-len(out) % 8)


def test_a_section_comes_back_as_it_was() -> None:
    maps = StackMaps(HEAD, [(0, 24, 2), (0, 8, 1)], [1 << 40], [[record(0), record(1, (REGISTER, 3))], [record(2)]])
    data = maps.written()
    assert data[4:16] == struct.pack("<III", 2, 1, 3)
    assert StackMaps.read(data) == maps and StackMaps.read(data).written() == data


def test_constants_of_exchanged_records_keep_their_meaning() -> None:
    """Large constants stand in one list per section; those of the new records come behind those that are there."""
    old = StackMaps(HEAD, [(0, 24, 1), (0, 8, 1)], [7, 8], [[record(0, (CONSTANT_INDEX, 1))], [record(1)]])
    new = StackMaps(HEAD, [(0, 40, 2)], [9], [[record(1, (CONSTANT_INDEX, 0), (REGISTER, 5)), record(2)]])
    old.replace(1, new, 0)
    again = StackMaps.read(old.written())
    assert again.constants == [7, 8, 9] and again.functions == [(0, 24, 1), (0, 40, 2)]
    assert again.records == [
        [record(0, (CONSTANT_INDEX, 1))],
        [record(1, (CONSTANT_INDEX, 2), (REGISTER, 5)), record(2)],
    ]
