"""The bytes of a site table (layout: popcc.schema.sites).

Most sites of a function have the same saved registers, and many the same values in the same places: what is equal is
stored once, and numbers take as few bytes as they need. A site costs 8 bytes, its map 5 and one for most values.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

from popcc.linker.verify.tables import TableFunction, TableSite
from popcc.schema.sites import NO_LOCATION, SITES_MAGIC, SITES_VERSION, SLOT, Func, Recipe, SiteFlag, SitesHeader

MOST_SITES = 0xFFFF  # of a function


def encode(functions: Sequence[TableFunction], nids: int, narrow: int = 2 << 16) -> bytes:
    """The table. Slots are multiples of 8 and a site has one address, or none; `nids` is above all ids.

    `narrow`: at so many bytes of maps their places no longer fit into 16 bits.
    """
    code = _Code(functions)
    returns, maps, unusable = [0] * nids, [0] * nids, bytearray((nids + 7) // 8)
    orders: list[int] = []
    placed: dict[tuple[int, ...], int] = {}
    names = bytearray()
    funcs = []
    for function in functions:
        first = min(s.id for s in function.sites)
        order = (len(function.sites), *(s.id - first for s in function.sites))
        if order not in placed:
            placed[order] = len(orders)
            orders += order
        funcs.append(Func(function.start, function.size, len(names), first, placed[order]))
        names += function.name.encode("utf-8", "surrogateescape") + b"\0"
        for s in function.sites:
            returns[s.id], maps[s.id] = s.returns_to, code.map(s, function.flags)
            unusable[s.id // 8] |= (not s.usable) << s.id % 8
    wide = len(code.code) > narrow
    parts = (
        _packed("I", returns),
        _packed("I" if wide else "H", maps),
        bytes(unusable),
        b"".join(f.pack() for f in funcs),
        _packed("H", orders),
        bytes(code.code),
        b"".join(r.pack() for r in code.recipes),
        bytes(names),
    )
    return _assemble(parts, nids, len(funcs), int(wide))


class _Code:
    """Maps and what they refer to. Saved runs and recipes come first, as short offsets are short numbers."""

    def __init__(self, functions: Sequence[TableFunction]) -> None:
        self.code = bytearray()
        self.recipes: dict[Recipe, int] = {}
        self._runs: dict[bytes, int] = {}
        self._maps: dict[tuple[int, ...], int] = {}
        sites = [s for f in functions for s in f.sites]
        self._saved = {saved: self._run(_saved(saved)) for saved in dict.fromkeys(s.saved for s in sites)}
        self._remade = {r: self._run(self._recipes(r)) for r in dict.fromkeys(s.recipes for s in sites)}

    def map(self, s: TableSite, function_flags: int) -> int:
        """Where a site's map is; half of it."""
        flags = s.flags & ~SiteFlag.UNUSABLE | function_flags << 4
        key = (s.frame // 8, flags, self._saved[s.saved], self._remade[s.recipes], len(s.values), *s.values)
        if key not in self._maps:
            self.code += bytes(len(self.code) % 2)
            self._maps[key] = len(self.code) // 2
            self.code += _numbers((*key[: -len(s.values) or None], *map(_location, s.values)))
        return self._maps[key]

    def _run(self, run: bytes) -> int:
        if run not in self._runs:
            self._runs[run] = len(self.code)
            self.code += run
        return self._runs[run]

    def _recipes(self, recipes: Sequence[Recipe]) -> bytes:
        return _numbers((len(recipes), *(self.recipes.setdefault(r, len(self.recipes)) for r in recipes)))


def _saved(saved: Sequence[tuple[int, int]]) -> bytes:
    return _numbers((len(saved), *(n for register, offset in saved for n in (register, -offset // 8))))


def _location(word: int) -> int:
    if word == NO_LOCATION:
        return 0
    return (word & ~SLOT) // 4 if word & SLOT else 2 * word + 1


def _numbers(numbers: Iterable[int]) -> bytes:
    return bytes(byte for n in numbers for byte in _leb128(n))


def _leb128(n: int) -> Iterator[int]:
    while n > 0x7F:
        yield n & 0x7F | 0x80
        n >>= 7
    yield n


def _packed(code: str, numbers: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(numbers)}{code}", *numbers)


def _assemble(parts: Iterable[bytes], nids: int, nfuncs: int, wide: int) -> bytes:
    offsets = []
    body = bytearray(SitesHeader.size())
    for part in parts:
        body += bytes(-len(body) % 8)
        offsets.append(len(body))
        body += part
    body += bytes(-len(body) % 8)
    ra, maps, unusable, funcs, order, code, recipes, strings = offsets
    header = SitesHeader(
        SITES_MAGIC, SITES_VERSION, nids, nfuncs, wide,
        ra, maps, unusable, funcs, order, code, recipes, strings, len(body),
    )  # fmt: skip
    body[: SitesHeader.size()] = header.pack()
    return bytes(body)
