"""The site table of one ISA: what the runtime reads of the program's sites (spec of the format: popcc.schema).

Global site ids number the sites of all units in link order, so that they are the same on all ISAs and stay
valid for an ISA that is added later. Sites of functions that were not kept have an id and no address.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from msgspec import Struct
from msgspec.structs import replace

from popcc.errors import ErrorGroup, Place, PlacedError, PopccError
from popcc.linker.addresses import Addresses
from popcc.linker.collect import Key
from popcc.linker.resolve import Resolution
from popcc.linker.sitecode import MOST_SITES, encode
from popcc.linker.verify.tables import TableFunction, TableSite
from popcc.schema.sites import SLOT, Recipe, SiteFlag
from popcc.unit import FunctionMap, SiteMap

_MAX_COUNT = 0xFFFF  # of values, saved registers and recipes of a site


class LiveFunction(Struct, frozen=True):
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
    functions = [builder.function(f, (f.unit, f.map.section) in refused) for f in live_functions(addresses)]
    if builder.errors:
        raise ErrorGroup(builder.errors)
    return encode(functions, bases[-1])


class _Builder:
    """Gives the maps of functions addresses and global ids."""

    def __init__(self, addresses: Addresses, bases: Sequence[int]) -> None:
        self.addresses = addresses
        self.bases = bases
        self.errors: list[PopccError] = []

    def fail(self, function: LiveFunction, text: str) -> None:
        origin = self.addresses.resolution.units[function.unit].origin
        place = Place(origin, symbol=function.map.name, isa=self.addresses.isa)
        self.errors.append(PlacedError(place, f"internal error: {text}"))

    def function(self, function: LiveFunction, refused: bool) -> TableFunction:
        """The function with its sites by ascending address; of several addresses of one site, the lowest."""
        f = function.map
        address = self.addresses.layout.by_key[Key(function.unit, f.section)].address
        sites: dict[int, TableSite] = {}
        previous = None
        for s in sorted(f.sites, key=lambda s: s.offset):
            if s.id >= len(self.addresses.resolution.units[function.unit].unit.sites):
                self.fail(function, f"site {s.id} is not one of its unit")
            elif previous == s.offset:
                self.fail(function, f"two sites return to {address + s.offset:#x}")
            previous = s.offset
            usable = not s.unproved and not refused and s.id not in sites
            sites.setdefault(s.id, self.site(function, s, address + s.offset, usable))
            if not usable:
                sites[s.id] = replace(sites[s.id], flags=sites[s.id].flags | SiteFlag.UNUSABLE)
        if len(sites) > MOST_SITES or max(sites) - min(sites) > MOST_SITES:
            self.fail(function, f"has more than {MOST_SITES} sites")
        return TableFunction(f.name, function.start, f.size, f.flags, tuple(sites.values()))

    def site(self, function: LiveFunction, s: SiteMap, address: int, usable: bool) -> TableSite:
        if max(len(s.values), len(s.saved), len(s.recipes)) > _MAX_COUNT:
            self.fail(function, f"site {s.id} has more than {_MAX_COUNT} values or recipes")
        slots = [s.frame, *(w & ~SLOT for w in s.values if w & SLOT)]
        if any(n % 8 for n in slots):
            self.fail(function, f"site {s.id} has a slot or a frame that is not of 8 bytes' multiples")
        return TableSite(
            self.bases[function.unit] + s.id,
            address,
            s.frame,
            s.values,
            tuple((w >> 24, -8 * (w & 0xFFFFFF)) for w in s.saved),
            tuple(self.resolved(function, s)),
            s.flags | (0 if usable else SiteFlag.UNUSABLE),
        )

    def resolved(self, function: LiveFunction, s: SiteMap) -> Iterator[Recipe]:
        for r in s.recipes:
            imm = self.addresses.recipe(function.unit, r.symbol, r.imm) if r.symbol else r.imm
            if imm is None:
                self.fail(function, f"a recipe of site {s.id} names {r.symbol}, which has no address")
                imm = 0
            yield Recipe(r.dest, r.kind, r.width, r.value, imm)
