"""The structures that cross Python and C: the committed header is what the declarations say."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from popcc.schema import header
from popcc.schema.record import Record
from popcc.schema.sites import Func, Recipe

_RANGES = {
    "u8": (0, 2**8),
    "u16": (0, 2**16),
    "u32": (0, 2**32),
    "u64": (0, 2**64),
    "s32": (-(2**31), 2**31),
    "s64": (-(2**63), 2**63),
}


def records() -> st.SearchStrategy[Record]:
    def of(record: type[Record]) -> st.SearchStrategy[Record]:
        parts: list[st.SearchStrategy[Any]] = []
        for _, c in record.layout():
            low, high = _RANGES[c.type]
            number = st.integers(low, high - 1)
            if c.count and c.type == "u8":
                parts.append(st.binary(min_size=c.count, max_size=c.count))
            elif c.count:
                parts.append(st.tuples(*[number] * c.count))
            else:
                parts.append(number)
        return st.tuples(*parts).map(lambda values: record(*values))

    return st.sampled_from(header.RECORDS).flatmap(of)


def test_header_is_fresh() -> None:
    assert header.HEADER.read_text() == header.c_header(), "run python -m popcc.schema"


@given(records(), st.binary(max_size=16))
def test_unpack_reads_what_pack_wrote(record: Record, before: bytes) -> None:
    packed = record.pack()
    assert len(packed) == record.size()
    assert type(record).unpack(before + packed, len(before)) == record


@pytest.mark.parametrize("record", header.RECORDS, ids=lambda r: r.c_name)
def test_fields_are_naturally_aligned_without_holes(record: type[Record]) -> None:
    # "<" packs without alignment, C aligns: both agree only when nothing needs padding
    aligned = struct.Struct("@" + "".join(c.code for _, c in record.layout()))
    largest = max(int(c.type[1:]) // 8 for _, c in record.layout())
    assert aligned.size == record.size()
    assert record.size() % largest == 0


def test_a_short_buffer_is_an_error() -> None:
    with pytest.raises(struct.error):
        Func.unpack(bytes(Func.size() - 1))


def test_sizes_the_contract_names() -> None:
    assert Recipe.size() == 16
    assert Func.size() == 20
