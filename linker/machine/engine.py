"""capstone without its Python objects, which cost more than the decoding itself.

An instruction is looked at where capstone left it, so it is valid only until the next one is asked for. What is
named here is what `capstone.CsInsn` offers under the same names.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import capstone
from capstone import _cs, _cs_insn

_CONTROL = frozenset(
    (capstone.CS_GRP_JUMP, capstone.CS_GRP_CALL, capstone.CS_GRP_RET, capstone.CS_GRP_INT, capstone.CS_GRP_IRET)
)
_cs.cs_disasm_iter.restype = ctypes.c_bool
_cs.cs_disasm_iter.argtypes = (ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_cs.cs_malloc.restype = ctypes.POINTER(_cs_insn)
_cs.cs_malloc.argtypes = (ctypes.c_size_t,)


class Raw:
    """One instruction as capstone decoded it. `arch` holds what is particular to the ISA."""

    __slots__ = ("_engine", "address", "arch", "mnemonic", "op_str", "operands", "size")

    def __init__(self, engine: Engine, address: int) -> None:
        insn = engine.insn
        self._engine = engine
        self.address = address
        self.size: int = insn.size
        self.mnemonic: str = insn.mnemonic.decode("ascii")
        self.op_str: str = insn.op_str.decode("ascii")
        self.arch: Any = engine.arch
        self.operands: list[Any] = self.arch.operands[: self.arch.op_count]

    def text(self) -> str:
        """In assembly language."""
        return f"{self.mnemonic} {self.op_str}".strip()

    def moves_control(self) -> bool:
        """Whether it is a jump, call, return or exception of any kind."""
        detail = self._engine.insn.detail.contents
        return not _CONTROL.isdisjoint(detail.groups[: detail.groups_count])

    def reg_name(self, register: int) -> str:
        """A register's name; "" for no register."""
        return self._engine.reg_name(register)

    def regs_access(self) -> tuple[list[int], list[int]]:
        """Registers that are read and written, named or implied."""
        return self._engine.regs_access()


class Engine:
    """The decoder of one ISA. `kind` is the name of its part of capstone's detail."""

    def __init__(self, arch: int, mode: int, kind: str) -> None:
        self._decoder = capstone.Cs(arch, mode)
        self._decoder.detail = True
        self._handle = self._decoder.csh
        self._pointer = _cs.cs_malloc(self._handle)
        self.insn = self._pointer.contents
        self.arch = getattr(self.insn.detail.contents.arch, kind)
        self.reg_name: Callable[[int], str] = cache(lambda register: self._decoder.reg_name(register) or "")
        self._code, self._size, self._address = ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_uint64()
        self._places = tuple(map(ctypes.byref, (self._code, self._size, self._address)))
        self._lists = ((ctypes.c_uint16 * 64)(), (ctypes.c_uint16 * 64)())
        self._counts = (ctypes.c_uint8(), ctypes.c_uint8())

    def decode(self, data: bytes, at: int, address: int) -> Raw | None:
        """The instruction that begins at an offset of `data`, which lies at `address`; None if there is none."""
        self._code.value = (ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0) + at
        self._size.value = len(data) - at
        self._address.value = address
        if not _cs.cs_disasm_iter(self._handle, *self._places, self._pointer):
            return None
        return Raw(self, address)

    def text(self, data: bytes, address: int) -> str:
        """An instruction in assembly language."""
        raw = self.decode(data, 0, address)
        return raw.text() if raw else data.hex(" ")

    def regs_access(self) -> tuple[list[int], list[int]]:
        """Of the instruction decoded last."""
        (read, written), (reads, writes) = self._lists, self._counts
        status = _cs.cs_regs_access(self._handle, self._pointer, read, reads, written, writes)
        if status != capstone.CS_ERR_OK:
            raise capstone.CsError(status)
        return read[: reads.value], written[: writes.value]
