"""How the analysis in C is called.

It is in C because it looks at every instruction several times: in compiled Python it was a sixth of a compilation.
"""

from __future__ import annotations

import ctypes
import struct
from array import array
from collections.abc import Callable, Sequence
from ctypes import POINTER, c_bool, c_char_p, c_int32, c_int64, c_uint64, c_void_p
from itertools import accumulate, chain
from typing import Any

from msgspec import Struct

from popcc.linker.machine.base import Machine
from popcc.linker.maps.encode import Encoder
from popcc.linker.maps.flow import Flow
from popcc.linker.maps.library import library
from popcc.schema.machinecode import Fact, Wild


class _Machine(ctypes.Structure):
    _fields_ = (
        ("registers", c_int32), ("stack_pointer", c_int32), ("link_register", c_int32),
        ("ncallee_saved", c_int32), ("ndwarf", c_int32),
        ("entry_sp", c_int64), ("page_rounding", c_int64),
        ("facts", c_void_p), ("callee_saved", c_void_p), ("by_dwarf", c_void_p), ("dwarf", c_void_p),
        ("names", POINTER(c_char_p)),
    )  # fmt: skip


_Constant = ctypes.CFUNCTYPE(c_bool, c_int32, c_int64, c_int32, POINTER(c_uint64))


class _Function(ctypes.Structure):
    _fields_ = (
        ("code", c_void_p), ("place", c_void_p), ("address", c_void_p), ("first", c_void_p), ("way", c_void_p),
        ("ways", c_void_p), ("order", c_void_p), ("records", c_void_p), ("listed", c_void_p),
        ("read_only", c_void_p), ("symbols", POINTER(c_char_p)), ("constant", _Constant),
        ("ninsns", c_int32), ("nblocks", c_int32), ("norder", c_int32), ("nrecords", c_int32),
    )  # fmt: skip


_RECORD = struct.Struct("<q4i")
_WILD = {
    Wild.INDEXED: "indexed access to the frame: {insn!r}",
    Wild.PASSED: "an address in the machine stack is passed in {register}: {insn!r}",
    Wild.STORED: "an address in the machine stack is stored: {insn!r}",
    Wild.UNSETTLED: "the value analysis does not settle",
    Wild.TOO_WIDE: "accesses to the frame lie too far apart",
}


class _Result(ctypes.Structure):
    _fields_ = (
        ("wild", c_int32), ("insn", c_int32), ("reg", c_int32), ("nout", c_int32), ("out", c_void_p), ("text", c_void_p)
    )  # fmt: skip


def _pointer(numbers: array[int]) -> int:
    return numbers.buffer_info()[0]


class Came(Struct, frozen=True):
    """Of the sites of a function: `wild` says why none can be used; else what comes of each, in `numbers` (layout:
    site.h), and where the texts are that those refer to. Both hold until the next call."""

    wild: str
    numbers: list[int] = []
    texts: int = 0

    def text(self, at: int) -> str:
        """One of the texts."""
        return ctypes.string_at(self.texts + at).decode("utf-8", "surrogateescape")


class Analysis:
    """The analysis of one object's functions, one after the other.

    `read_only`: whether a symbol names memory that can't be written to. `constant`: what is there, by symbol, offset
    and size, zero-extended; None if that is not known before the link.
    """

    def __init__(
        self, machine: Machine, read_only: Callable[[str], bool], constant: Callable[[str, int, int], int | None]
    ) -> None:
        self._library = library()
        self._encoder = Encoder(machine)
        self._read_only = read_only
        self._constant = constant
        self._of_symbols = array("B")
        self.names = self._encoder.names  # of symbols
        self._names: Any = (c_char_p * 64)()
        self._callback = _Constant(self._constant_of)
        self._registers = machine.registers
        self._keep: list[Any] = []  # what C has pointers to
        self._machine = self._described(machine)
        self._handle = self._library.maps_new(ctypes.addressof(self._machine))

    def close(self) -> None:
        """Gives its memory back."""
        self._library.maps_free(self._handle)

    def _described(self, machine: Machine) -> _Machine:
        number = {r: k for k, r in enumerate(machine.registers)}
        dwarf = {r: n for n, r in machine.dwarf.items()}
        facts = [
            (r in machine.vectors) * Fact.VECTOR | (r in machine.callee_saved) * Fact.CALLEE_SAVED
            | (r in machine.arguments) * Fact.ARGUMENT | (r in machine.results) * Fact.RESULT
            | (r in machine.undefined_at_entry) * Fact.UNDEFINED_AT_ENTRY
            for r in machine.registers
        ]  # fmt: skip
        by_dwarf = [number.get(machine.dwarf.get(n, ""), -1) for n in range(max(machine.dwarf) + 1)]
        tables = (
            array("B", facts),
            array("i", [number[r] for r in machine.callee_saved]),
            array("i", by_dwarf),
            array("i", [dwarf.get(r, -1) for r in machine.registers]),
        )
        names = (c_char_p * len(number))(*(r.encode() for r in machine.registers))
        self._keep += [tables, names]
        return _Machine(
            len(number), number[machine.stack_pointer], number.get(machine.link_register or "", -1),
            len(machine.callee_saved), len(by_dwarf), machine.entry_sp, machine.page_rounding,
            *map(_pointer, tables), names,
        )  # fmt: skip

    def function(self, flow: Flow, records: Sequence[Sequence[int]], listed: array[int]) -> Came:
        """What becomes of a function's sites.

        A record is its return address, where its values begin among `listed`, their number, how many there should be,
        and whether its callee takes no arguments; a value its kind, register and offset, as in LLVM's stack maps.
        Raises `Undecodable` for an instruction that does too much.
        """
        insns = flow.insns
        place = self._encoder.places(insns)
        self._add_symbols()
        address = array("q", [i.address for i in insns])
        address.append(insns[-1].end)
        way = array("i", accumulate(map(len, flow.successors), initial=0))
        numbers = (
            self._encoder.code, place, address, array("i", flow.starts), way, array("i", chain(*flow.successors)),
            array("i", flow.order), array("B", b"".join(_RECORD.pack(*r) for r in records)), listed, self._of_symbols,
        )  # fmt: skip
        function = _Function(
            *map(_pointer, numbers), self._names, self._callback,
            len(insns), len(flow.successors), len(flow.order), len(records),
        )  # fmt: skip
        result = _Result()
        self._library.maps_of_function(self._handle, ctypes.addressof(function), ctypes.addressof(result))
        if result.wild:
            return Came(_WILD[Wild(result.wild)].format(insn=insns[result.insn], register=self._registers[result.reg]))
        came = list((c_int64 * result.nout).from_address(result.out)) if result.nout else []
        return Came("", came, result.text or 0)

    def _add_symbols(self) -> None:
        """Tells the analysis of the symbols that are new."""
        for number in range(len(self._of_symbols), len(self.names)):
            name = self.names[number]
            if number == len(self._names):
                self._names = (c_char_p * (2 * number))(*self._names)
            self._names[number] = name.encode("utf-8", "surrogateescape")
            self._of_symbols.append(bool(name) and self._read_only(name))

    def _constant_of(self, symbol: int, offset: int, size: int, value: Any) -> bool:
        found = self._constant(self.names[symbol], offset, size)
        if found is not None:
            value[0] = found
        return found is not None
