"""What a declaration is made of: records of typed fields, packed as C lays them out."""

from __future__ import annotations

import struct
from functools import cache
from typing import Any, ClassVar, Self, get_type_hints

from msgspec import Struct

_CODES = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "s32": "i", "s64": "q"}


class C(Struct, frozen=True):
    """The C side of a field: type, array length (0: scalar) and what it means."""

    type: str
    doc: str
    count: int = 0

    @property
    def code(self) -> str:
        if self.count and self.type == "u8":
            return f"{self.count}s"
        return f"{self.count or ''}{_CODES[self.type]}"


class Record(Struct, frozen=True):
    """Base of the declared structures. Byte arrays are `bytes`, other arrays tuples of int."""

    c_name: ClassVar[str]

    @classmethod
    @cache
    def layout(cls) -> tuple[tuple[str, C], ...]:
        hints = get_type_hints(cls, include_extras=True)
        return tuple((name, hints[name].__metadata__[0]) for name in cls.__struct_fields__)

    @classmethod
    @cache
    def packer(cls) -> struct.Struct:
        return struct.Struct("<" + "".join(c.code for _, c in cls.layout()))

    @classmethod
    def size(cls) -> int:
        return cls.packer().size

    def pack(self) -> bytes:
        out: list[Any] = []
        for name, c in self.layout():
            value = getattr(self, name)
            if c.count and c.type != "u8":
                assert len(value) == c.count, f"{type(self).__name__}.{name}"
                out += value
            else:
                out.append(value)
        return self.packer().pack(*out)

    @classmethod
    def unpack(cls, data: bytes | memoryview, offset: int = 0) -> Self:
        """The record at `offset`. Raises struct.error when `data` ends before the record does."""
        flat = cls.packer().unpack_from(data, offset)
        values: list[Any] = []
        at = 0
        for _, c in cls.layout():
            n = c.count if c.count and c.type != "u8" else 1
            values.append(flat[at : at + n] if n > 1 or (c.count and c.type != "u8") else flat[at])
            at += n
        return cls(*values)
