"""Does a map list each value where LLVM's stack map has it?

Which of a site's values is which is the one thing that machine code does not tell: two that change places are both
still there. So at link, where the objects are at hand, each site is held against its record in the object's stack map
(LLVM "Stack maps and patch points", section "Stack Map Format"), read here once more.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from msgspec import Struct

from popcc.linker.elf import Elf
from popcc.linker.verify.frame import Step
from popcc.linker.verify.tables import TableFunction, is_constant, slot_of

_SECTION = ".llvm_stackmaps"
_HEAD, _OWNER, _RECORD, _LOCATION = map(struct.Struct, ("<4xIIi", "<QQQ", "<QIHH", "<BxHHxxi"))
_REGISTER, _INDIRECT, _CONSTANTS = 1, 3, (4, 5)
_LEADING = 3  # constants in front of the values: calling convention, flags, number of values


class Listing(Struct, frozen=True):
    """What the stack map says of one function: its records by return address, as offsets in the function's section."""

    records: Mapping[int, bytes]  # the locations, 12 bytes each

    def digest_input(self) -> bytes:
        """All of it, for fingerprints."""
        return b"".join(struct.pack("<II", offset, len(r)) + r for offset, r in sorted(self.records.items()))


def read_listings(elf: Elf) -> dict[int, Listing]:
    """The listings of an object's functions, by the index of their section. Each function has a section of its own."""
    section = elf.section(_SECTION)
    if section is None:
        return {}
    data = elf.contents(section)
    owner_at = {
        at: elf.symbols[symbol].section for index, at, _, symbol, _ in elf.relocations() if index == section.index
    }
    functions, constants, _ = _HEAD.unpack_from(data, 0)
    owners = [(owner_at[16 + 24 * n], _OWNER.unpack_from(data, 16 + 24 * n)[2]) for n in range(functions)]
    at = 16 + 24 * functions + 8 * constants
    out: dict[int, dict[int, bytes]] = {}
    for owner, count in owners:
        for _ in range(count):
            _, offset, _, locations = _RECORD.unpack_from(data, at)
            at += _RECORD.size
            out.setdefault(owner, {})[offset] = data[at : at + 12 * locations]
            at = (at + 12 * locations + 7) & -8
            at = (at + 4 + 4 * struct.unpack_from("<H", data, at + 2)[0] + 7) & -8
    return {owner: Listing(records) for owner, records in out.items()}


def misplaced(function: TableFunction, calls: Mapping[int, Step], listing: Listing) -> Iterator[tuple[Step, str]]:
    """The sites whose values are not where the stack map has them. `calls`: their steps, by return address."""
    for site in function.sites:
        step = calls.get(site.returns_to)
        if not site.usable or step is None:
            continue
        record = listing.records.get(site.returns_to - function.start)
        if record is None:
            yield step, "the stack map has no record of the call"
            continue
        places = list(_LOCATION.iter_unpack(record))
        places = places[_LEADING : _LEADING + places[_LEADING - 1][3]]
        if len(places) != len(site.values):
            yield step, f"{len(site.values)} values are listed, and {len(places)} in the stack map"
            continue
        for number, (place, word) in enumerate(zip(places, site.values, strict=True)):
            if not _agrees(place, word, step):
                yield step, f"value {number} is listed where the stack map does not have it"


def _agrees(place: tuple[int, int, int, int], word: int, step: Step) -> bool:
    kind, _, register, offset = place
    if kind == _REGISTER:
        return word == register
    if kind == _INDIRECT:
        base = step.frame_registers.get(register)
        return base is not None and slot_of(word) == base + offset
    return kind in _CONSTANTS and is_constant(word)
