"""Completion of site maps: what is live after a site's return address is accounted for, or the site is unproved.

A callee-saved register or frame slot that is live after the call must (law 4)

  - be listed by LLVM's stack map as holding a carried value, or
  - hold what it held when the function was entered (the caller's register, or the slot it was saved in; what a slot
    held then means nothing), or
  - be remade by a recipe: a constant, a symbol's address, read-only memory, thread pointer or frame plus a
    constant, a copy of a listed value, or an extension of its low bytes.

Anything else is a value that a migration would lose.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from popcc.isa import Isa
from popcc.linker.elf import STT_FUNC, read_elf
from popcc.linker.machine import MACHINES
from popcc.linker.machine.base import Machine, Undecodable
from popcc.linker.maps import stackmaps
from popcc.linker.maps.flow import build_flow
from popcc.linker.maps.live import Live
from popcc.linker.maps.objectcode import ObjectCode, read_object
from popcc.linker.maps.stackmaps import Record
from popcc.linker.maps.terms import Term, low
from popcc.linker.maps.values import Location, State, Values
from popcc.schema.sites import NO_LOCATION, SLOT, FunctionFlag, RecipeKind, SiteFlag
from popcc.unit import FunctionMap, Recipe, SiteInfo, SiteMap

_SETJMP = "__popcorn_setjmp"
_POINT = "__popcorn_point"


class Unproved(Exception):
    """Why a site can't be used."""


def complete(
    elf: bytes, isa: Isa, sites: tuple[SiteInfo, ...], only: Collection[str] | None = None
) -> tuple[FunctionMap, ...]:
    """The maps of every function with sites in one ISA's object, or of those of `only`.

    `sites` tells what is the same on all ISAs.
    """
    file = read_elf(elf, "object")
    maps = stackmaps.read_stack_maps(file)
    if not maps:
        return ()
    machine = MACHINES[isa.name]
    obj = read_object(file)
    functions = {(s.section, s.value, s.name): s for s in file.symbols if s.type == STT_FUNC}
    out = []
    for (section, offset), records in maps.items():
        name = sites[records[0].id].function  # not that of an alias
        if only is not None and name not in only:
            continue
        out.append(_function(machine, obj, name, section, functions[section, offset, name].size, records, sites))
    return tuple(out)


def _function(
    machine: Machine,
    obj: ObjectCode,
    name: str,
    section: int,
    size: int,
    records: list[Record],
    sites: tuple[SiteInfo, ...],
) -> FunctionMap:
    noreturn = frozenset(r.offset for r in records if sites[r.id].noreturn)
    section_name = obj.elf.sections[section].name
    flags = _function_flags([sites[r.id] for r in records])
    try:
        flow = build_flow(machine, obj.code(section), noreturn)
        values = Values(machine, flow, obj.read_only, obj.constant)
        if values.wild:
            raise Undecodable(values.wild)
    except Undecodable as undecodable:  # a name of its own: compiled, a variable has one type
        broken = tuple(_unusable(r, sites, str(undecodable)) for r in records)
        return FunctionMap(name, section_name, size, flags, broken)
    states = values.after_calls
    done: list[SiteMap] = []
    listings: dict[int, _Listing] = {}
    for r in records:
        if r.offset not in states:
            continue  # code that can't be reached
        try:
            listings[r.offset] = _listing(machine, r, sites[r.id], states[r.offset])
        except Unproved as problem:
            done.append(_unusable(r, sites, str(problem)))
    points = frozenset(r.offset for r in records if sites[r.id].callee == _POINT)
    live = Live(machine, flow, values, {offset: where.places for offset, where in listings.items()}, points)
    after = live.after_calls()
    for r in records:
        if r.offset in listings:
            try:
                site = _Site(machine, values, live, r, sites[r.id], states[r.offset], after[r.offset])
                done.append(site.map(listings[r.offset]))
            except Unproved as problem:
                done.append(_unusable(r, sites, str(problem)))
    done.sort(key=lambda s: s.offset)
    return FunctionMap(name, section_name, size, flags, tuple(done))


def _function_flags(infos: list[SiteInfo]) -> int:
    flags = 0
    if any(i.values and i.values[0][0] == "popcorn.frame" for i in infos):
        flags |= FunctionFlag.HAS_FRAME
    if any(i.callee == _SETJMP for i in infos):
        flags |= FunctionFlag.CALLS_SETJMP
    return flags


def _site_flags(info: SiteInfo) -> int:
    setjmp = SiteFlag.SETJMP if info.callee == _SETJMP else 0
    return setjmp | (SiteFlag.NORETURN if info.noreturn else 0)


def _unusable(record: Record, sites: tuple[SiteInfo, ...], why: str) -> SiteMap:
    flags = SiteFlag.UNUSABLE | _site_flags(sites[record.id])
    return SiteMap(record.id, record.offset, 0, (), (), (), flags, why)


@dataclass(frozen=True)
class _Listing:
    """Where a site's values are: location words, and which location holds which value."""

    words: tuple[int, ...]
    places: Mapping[Location, int]


def _listing(machine: Machine, record: Record, info: SiteInfo, state: State) -> _Listing:
    """What the stack map says. Raises `Unproved` when that is not where a thread could find or put a value."""
    if len(record.values) != len(info.values):
        raise Unproved(f"{len(record.values)} values in the stack map, {len(info.values)} expected")
    words: list[int] = []
    places: dict[Location, int] = {}
    for k, place in enumerate(record.values):
        if place.kind == stackmaps.REGISTER:
            register = machine.dwarf.get(place.register, f"number {place.register}")
            if register not in machine.callee_saved:
                raise Unproved(f"value {k} is listed in {register}, which the call does not preserve")
            words.append(place.register)
            places[register] = k
        elif place.kind == stackmaps.INDIRECT:
            base = state.get(machine.dwarf.get(place.register, ""), ("", 0))
            if base[0] != "cfa":
                raise Unproved(f"value {k} is listed in memory outside of the frame")
            offset = base[1] + place.offset
            words.append(SLOT | -offset)
            places["s", offset, 8] = k
        elif place.kind in (stackmaps.CONSTANT, stackmaps.CONSTANT_INDEX):
            words.append(NO_LOCATION)
        else:
            raise Unproved(f"value {k} is listed as an address in the frame")
    return _Listing(tuple(words), places)


class _Site:
    """One site's completion."""

    def __init__(
        self, machine: Machine, values: Values, live: Live, record: Record, info: SiteInfo, state: State, after: int
    ) -> None:
        self.machine = machine
        self.values = values
        self.live = live
        self.record = record
        self.info = info
        self.state = state
        self.after = after
        self.live_bytes = live.slot_bytes(after)
        self.numbers = {name: number for number, name in machine.dwarf.items()}
        sp = state[machine.stack_pointer]
        if sp[0] != "cfa":
            raise Unproved("the stack pointer is not known")
        self.frame = -sp[1]

    def map(self, listing: _Listing) -> SiteMap:
        """The site's map. Raises `Unproved`."""
        saved = self._saved()
        recipes = self._recipes(listing.places, saved)
        flags = _site_flags(self.info)
        return SiteMap(
            self.record.id, self.record.offset, self.frame, listing.words,
            tuple(self._saved_word(r, o) for r, o in saved.items()),
            tuple(recipes), flags,
        )  # fmt: skip

    def _saved(self) -> dict[str, int]:
        """Where the caller's registers were saved: CFA offset by register; those still in place are left out."""
        links = (self.machine.link_register,) if self.machine.link_register else ()
        out: dict[str, int] = {}
        for register in (*self.machine.callee_saved, *links):
            entry = ("init", register)
            slots = [s[1] for s in self.values.saves.get(register, ()) if self.state.get(s) == entry]
            in_use = [o for o in slots if o in self.live_bytes]
            if in_use or slots:
                out[register] = min(in_use or slots)
            elif self.state[register] != entry:
                raise Unproved(f"the caller's {register} is lost")
        return out

    def _saved_word(self, register: str, offset: int) -> int:
        return self.numbers[register] << 24 | (-offset // 8)

    def _recipes(self, listed: Mapping[Location, int], saved: dict[str, int]) -> list[Recipe]:
        terms = {self._holds(place): k for place, k in listed.items()}
        out = []
        for register in self.machine.callee_saved:
            term = self.state[register]
            if term == ("init", register) or register in listed:
                continue
            width = self.live.register_width(register, self.after)
            if not width:
                continue
            if register in self.machine.vectors:
                width = min(width, 8)
            out.append(self._recipe(self.numbers[register], width, term, terms, register))
        covered = {o + b for _, o, n in (p for p in listed if not isinstance(p, str)) for b in range(n)}
        for offset in saved.values():
            covered.update(range(offset, offset + 8))
        if self.machine.link_register is None:
            covered |= set(range(-8, 0))
        rest = self.live_bytes - covered
        while rest:
            recipe, bytes_ = self._slot_recipe(min(rest), rest, covered, terms)
            rest -= bytes_
            if recipe:
                out.append(recipe)
        return out

    def _holds(self, place: Location) -> Term:
        term = self.values._slot(place, self.state) if not isinstance(place, str) else self.state[place]
        return term if term is not None else ("nothing", place)

    def _slot_recipe(
        self, offset: int, rest: set[int], covered: set[int], terms: dict[Term, int]
    ) -> tuple[Recipe | None, set[int]]:
        """A recipe for the slot that holds the live byte at `offset`, and the bytes it accounts for.

        It may write to bytes that nobody reads, but not to those that are `covered` otherwise.
        """
        if offset >= 0:
            raise Unproved(f"an incoming stack argument at CFA+{offset} is read after the call")
        holding = [k for k in self.state if not isinstance(k, str) and k[1] <= offset < k[1] + k[2]]
        if all(self.state[k] == ("init", k) for k in holding):
            return None, {offset}  # not written to on any path: a value that is undefined on the way here
        problem = f"the slot at CFA{offset} is read after the call"
        for key in sorted(holding, key=lambda k: k[2]):
            term = self.state[key]
            if term[0] == "init" and term[1] in self.machine.undefined_at_entry:
                return None, set(range(key[1], key[1] + key[2]))
            if loaded := _loaded(term):
                if offset - key[1] >= loaded:
                    return self._zeros(offset, key[1] + key[2])
                key = (key[0], key[1], loaded)
            live_bytes = {b for b in rest if key[1] <= b < key[1] + key[2]}
            width = next((w for w in (1, 2, 4, 8, 16) if w > max(live_bytes) - key[1]), 0)
            if not width or not covered.isdisjoint(range(key[1], key[1] + width)):
                continue
            try:
                recipe = self._recipe(SLOT | -key[1], width, term, terms, f"the slot at CFA{key[1]}")
            except Unproved as p:
                problem = str(p)
                continue
            return recipe, set(range(key[1], key[1] + width))
        raise Unproved(problem)

    def _zeros(self, offset: int, end: int) -> tuple[Recipe, set[int]]:
        """A recipe for as many bytes behind what an extended load has put into a slot as one can write."""
        width = next(w for w in (8, 4, 2, 1) if w <= end - offset and offset % w == 0)
        return Recipe(SLOT | -offset, RecipeKind.CONST, width, 0, 0), set(range(offset, offset + width))

    def _recipe(self, dest: int, width: int, term: Term, terms: dict[Term, int], where: str) -> Recipe:
        if width < 8:
            term = low(width, term)
            if term[0] == "lo" and term[1] == width:
                term = term[2]
        kind = term[0]
        if term in terms:
            return Recipe(dest, RecipeKind.VALUE, width, terms[term], 0)
        if kind == "add" and term[1] in terms:
            return Recipe(dest, RecipeKind.VALUE, width, terms[term[1]], term[2])
        for known, k in terms.items():  # value + constant, both from one base
            if known[0] == "add" and (known[1] == term or (kind == "add" and term[1] == known[1])):
                return Recipe(dest, RecipeKind.VALUE, width, k, (term[2] if kind == "add" else 0) - known[2])
        if kind == "c":
            value = term[1] - (1 << 64) if term[1] >> 63 else term[1]
            return Recipe(dest, RecipeKind.CONST, width, 0, value)
        if kind == "sym":
            return Recipe(dest, RecipeKind.CONST, width, 0, term[2], term[1])
        if kind == "diff":
            return Recipe(dest, RecipeKind.CONST, width, 0, term[3], f"diff:{term[1]}\0{term[2]}")
        if kind == "tpdiff":
            return Recipe(dest, RecipeKind.TP, width, 0, term[3], f"diff:{term[1]}\0{term[2]}")
        if kind == "page":
            return Recipe(dest, RecipeKind.CONST, width, 0, term[2], "page:" + term[1])
        if kind == "tp":
            return Recipe(dest, RecipeKind.TP, width, 0, term[1])
        if kind == "cfa":
            return Recipe(dest, RecipeKind.CFA, width, 0, term[1])
        if kind == "ld" and term[3] >= width:
            return Recipe(dest, RecipeKind.LOAD, width, 0, term[2], term[1])
        if kind in ("zx", "sx"):
            for known, k in terms.items():
                if low(term[1], known) == low(term[1], term[2]):
                    return Recipe(dest, RecipeKind.ZEXT if kind == "zx" else RecipeKind.SEXT, width, k, term[1])
            if (loaded := _loaded(term)) and (width <= loaded or not dest & SLOT):  # registers are written whole
                return Recipe(dest, RecipeKind.LOAD, min(width, loaded), 0, term[2][2], term[2][1])
        for known, k in terms.items():
            if width < 8 and low(width, known) == low(width, term):
                return Recipe(dest, RecipeKind.VALUE, width, k, 0)
        raise Unproved(f"{where} holds {_shown(term)} after the call")


def _loaded(term: Term) -> int:
    """How many bytes from read-only memory a term extends by zeros; 0 if it is none of that kind."""
    return term[1] if term[0] == "zx" and term[2][0] == "ld" and term[2][3] == term[1] else 0


def _shown(term: Term) -> str:
    if term[0] == "def":
        return f"a result of the instruction at {term[1]:#x}"
    if term[0] == "phi":
        return f"one of several values, joined in block {term[1]}"
    if term[0] == "init":
        return f"what {term[1]} held on entry"
    if term[0] in ("zx", "sx", "lo"):
        return f"{term[1]} bytes of {_shown(term[2])}"
    if term[0] == "add":
        return f"{_shown(term[1])} plus {term[2]}"
    return " ".join(map(str, term))
