"""The site table of one ISA: what the runtime reads of the program's sites (spec of the format: popcc.schema).

Global site ids number the sites of all units in link order, so that they are the same on all ISAs and stay
valid for an ISA that is added later. Sites of functions that were not kept have an id and no address.
Equal runs of words (saved registers of a function's sites, above all) and of recipes are stored once.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from popcc.errors import ErrorGroup, Place, PlacedError, PopccError
from popcc.linker.addresses import Addresses
from popcc.linker.collect import Key
from popcc.linker.resolve import Resolution
from popcc.schema import NO_SITE, SITES_MAGIC, SITES_VERSION, Func, Recipe, Site, SiteFlag, SitesHeader
from popcc.unit import FunctionMap, SiteMap

_MAX_COUNT = 0xFFFF  # of values, saved registers and recipes of a site


@dataclass(frozen=True)
class LiveFunction:
    """A function with sites that is part of the program, on one ISA."""

    unit: int
    start: int
    map: FunctionMap


def site_bases(resolution: Resolution) -> tuple[int, ...]:
    """The global id of each unit's site 0, and the number of all sites at the end."""
    return tuple(accumulate((len(item.unit.sites) for item in resolution.units), initial=0))


def live_functions(addresses: Addresses) -> list[LiveFunction]:
    """The functions with sites, by ascending address."""
    found = []
    for number, item in enumerate(addresses.resolution.units):
        obj = item.unit.objects.get(addresses.isa)
        for function in obj.functions if obj else ():
            placed = addresses.layout.by_key.get(Key(number, function.section))
            if placed is not None and function.sites:
                start = addresses.name(number, function.name)
                found.append(LiveFunction(number, placed.address if start is None else start, function))
    return sorted(found, key=lambda f: f.start)


def site_table(addresses: Addresses, refused: frozenset[tuple[int, str]] = frozenset()) -> bytes:
    """The table. `refused`: functions, by unit and section, in which no thread may move; the size is the same for any.

    Raises an `ErrorGroup` when maps and units do not fit together, which is an internal error.
    """
    bases = site_bases(addresses.resolution)
    builder = _Builder(addresses, bases)
    functions = live_functions(addresses)
    rows = sorted(
        ((f, number, s) for number, f in enumerate(functions) for s in f.map.sites),
        key=lambda row: _return_address(addresses, row[0], row[2]),
    )
    index = [NO_SITE] * bases[-1]
    sites: list[Site] = []
    returns: list[int] = []
    for function, number, s in rows:
        site_id = bases[function.unit] + s.id
        if s.id >= len(addresses.resolution.units[function.unit].unit.sites):
            builder.fail(function, f"site {s.id} is not one of its unit")
            continue
        usable = not s.unproved and (function.unit, function.map.section) not in refused
        if usable and index[site_id] == NO_SITE:
            index[site_id] = len(sites)
        address = _return_address(addresses, function, s)
        if returns and returns[-1] == address:
            builder.fail(function, f"two sites return to {address:#x}")
        returns.append(address)
        sites.append(builder.site(site_id, number, function, s, usable))
    if builder.errors:
        raise ErrorGroup(builder.errors)
    return builder.assemble(functions, returns, sites, index)


def _return_address(addresses: Addresses, function: LiveFunction, site: SiteMap) -> int:
    return addresses.layout.by_key[Key(function.unit, function.map.section)].address + site.offset


class _Builder:
    """Gathers words, recipes and names."""

    def __init__(self, addresses: Addresses, bases: Sequence[int]) -> None:
        self.addresses = addresses
        self.bases = bases
        self.words: list[int] = []
        self.word_runs: dict[tuple[int, ...], int] = {(): 0}
        self.recipes: list[Recipe] = []
        self.recipe_runs: dict[tuple[Recipe, ...], int] = {(): 0}
        self.errors: list[PopccError] = []

    def fail(self, function: LiveFunction, text: str) -> None:
        origin = self.addresses.resolution.units[function.unit].origin
        place = Place(origin, symbol=function.map.name, isa=self.addresses.isa)
        self.errors.append(PlacedError(place, f"internal error: {text}"))

    def site(self, site_id: int, number: int, function: LiveFunction, s: SiteMap, usable: bool) -> Site:
        if max(len(s.values), len(s.saved), len(s.recipes)) > _MAX_COUNT:
            self.fail(function, f"site {s.id} has more than {_MAX_COUNT} values or recipes")
        recipes = tuple(self.resolved(function, s))
        if recipes not in self.recipe_runs:
            self.recipe_runs[recipes] = len(self.recipes)
            self.recipes += recipes
        return Site(
            id=site_id,
            func=number,
            frame=s.frame,
            values=self.run(s.values),
            saved=self.run(s.saved),
            recipes=self.recipe_runs[recipes],
            nvalues=len(s.values) & _MAX_COUNT,
            nsaved=len(s.saved) & _MAX_COUNT,
            nrecipes=len(s.recipes) & _MAX_COUNT,
            flags=s.flags | (0 if usable else SiteFlag.UNUSABLE),
        )

    def run(self, words: tuple[int, ...]) -> int:
        if words not in self.word_runs:
            self.word_runs[words] = len(self.words)
            self.words += words
        return self.word_runs[words]

    def resolved(self, function: LiveFunction, s: SiteMap) -> Iterator[Recipe]:
        for r in s.recipes:
            imm = self.addresses.recipe(function.unit, r.symbol, r.imm) if r.symbol else r.imm
            if imm is None:
                self.fail(function, f"a recipe of site {s.id} names {r.symbol}, which has no address")
                imm = 0
            yield Recipe(r.dest, r.kind, r.width, r.value, imm)

    def assemble(
        self, functions: Sequence[LiveFunction], returns: Sequence[int], sites: Sequence[Site], index: Sequence[int]
    ) -> bytes:
        names = bytearray()
        funcs = []
        for f in functions:
            funcs.append(Func(f.start, f.map.size, len(names), f.map.flags))
            names += f.map.name.encode("utf-8", "surrogateescape") + b"\0"
        parts = [
            _u32(returns),
            b"".join(s.pack() for s in sites),
            _u32(index),
            b"".join(f.pack() for f in funcs),
            _u32(self.words),
            b"".join(r.pack() for r in self.recipes),
            bytes(names),
        ]
        offsets = []
        body = bytearray(SitesHeader.size())
        for part in parts:
            body += bytes(-len(body) % 8)
            offsets.append(len(body))
            body += part
        body += bytes(-len(body) % 8)
        ra, site, ids, func, words, recipes, strings = offsets
        header = SitesHeader(
            SITES_MAGIC, SITES_VERSION, len(sites), len(index), len(funcs),
            ra, site, ids, func, words, recipes, strings, len(body),
        )  # fmt: skip
        body[: SitesHeader.size()] = header.pack()
        return bytes(body)


def _u32(numbers: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)
