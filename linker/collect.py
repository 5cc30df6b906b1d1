"""One garbage collection of sections over the union of the ISAs.

What one ISA reaches is kept on all: lld's own collection, run per ISA, would diverge (jump tables keep other
functions alive on each). A section is known by its unit and its name, which are the same on all ISAs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec import Struct

from popcc.errors import ErrorGroup, PopccError
from popcc.linker.elf import SHF_GNU_RETAIN
from popcc.linker.resolve import Resolution
from popcc.unit import IsaObject, Section, Symbol

ARRAYS = (".preinit_array", ".init_array", ".fini_array")
_OLD_ARRAYS = (".ctors", ".dtors")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_BOUND = re.compile(r"__(?:start|stop)_(?=[A-Za-z_])")
_SHOWN = 3  # referrers named per undefined symbol, as lld does


class Key(NamedTuple):
    """A section of the program on all ISAs."""

    unit: int
    name: str


class LiveSections(Struct, frozen=True):
    """What is linked: per ISA its sections, in link order, under the name that all ISAs share."""

    sections: dict[Key, dict[str, tuple[Section, ...]]]
    bounded: frozenset[str]  # sections whose __start_ or __stop_ symbol is used
    referenced: dict[str, frozenset[str]]  # ISA -> global names that live code refers to


def is_identifier(name: str) -> bool:
    """Whether a section's name makes the linker define ``__start_NAME`` and ``__stop_NAME``."""
    return _IDENTIFIER.match(name) is not None


def collect(
    resolution: Resolution, roots: Iterable[str], linker_defined: frozenset[str], keep_all: bool = False
) -> LiveSections:
    """Everything reachable from `roots`, constructors and retained sections.

    Raises an `ErrorGroup` with every undefined symbol that something live refers to.
    """
    search = _Search(resolution, linker_defined)
    for name in roots:
        search.reach_name(name)
    for key, sections in search.all.items():
        if keep_all or _is_root(search, key, sections):
            search.mark(key)
    search.run()
    if search.undefined:
        raise ErrorGroup(PopccError(text) for text in _undefined_messages(search))
    live = {key: sections for key, sections in search.all.items() if key in search.live}
    referenced = {isa: frozenset(names) for isa, names in search.referenced.items()}
    return LiveSections(live, frozenset(search.bounded), referenced)


class _Search:
    """State of the traversal."""

    def __init__(self, resolution: Resolution, linker_defined: frozenset[str]) -> None:
        self.resolution = resolution
        self.linker_defined = linker_defined
        self.all: dict[Key, dict[str, tuple[Section, ...]]] = _all_sections(resolution)
        self.by_name: dict[str, list[Key]] = {}
        for key in self.all:
            if is_identifier(key.name):
                self.by_name.setdefault(key.name, []).append(key)
        self.names: dict[tuple[int, str], dict[int, str]] = {
            (number, isa): {s.index: s.name for s in obj.sections}
            for number, item in enumerate(resolution.units)
            for isa, obj in item.unit.objects.items()
        }
        self.live: set[Key] = set()
        self.work: list[Key] = []
        self.bounded: set[str] = set()
        self.referenced: dict[str, set[str]] = {isa: set() for isa in resolution.isas}
        self.undefined: dict[str, dict[tuple[str, Key], None]] = {}  # name -> (ISA, referrer)

    def mark(self, key: Key) -> None:
        if key not in self.live and key in self.all:
            self.live.add(key)
            self.work.append(key)

    def run(self) -> None:
        while self.work:
            key = self.work.pop()
            for isa, sections in self.all[key].items():
                obj = self.resolution.units[key.unit].unit.objects[isa]
                for section in sections:
                    for number in obj.references.get(section.index, ()):
                        self.reach(isa, key, obj.symbols[number])

    def reach_name(self, name: str) -> None:
        """From outside: the program's entry, ``-u``."""
        for isa in self.resolution.isas:
            found = self.resolution.definitions[isa].get(name)
            if found is not None:
                self.mark_symbol(isa, found.unit, found.symbol)
            elif name not in self.linker_defined:
                self.undefined.setdefault(name, {})[(isa, Key(-1, ""))] = None

    def reach(self, isa: str, referrer: Key, symbol: Symbol) -> None:
        if symbol.binding != "local":
            self.referenced[isa].add(symbol.name)
        found = self.resolution.define(isa, referrer.unit, symbol)
        if found is not None:
            self.mark_symbol(isa, found.unit, found.symbol)
            return
        bound = _BOUND.match(symbol.name)
        section = symbol.name[bound.end() :] if bound else ""
        if section in self.by_name:
            self.bounded.add(section)
            for key in self.by_name[section]:
                self.mark(key)
        elif symbol.binding != "weak" and symbol.name not in self.linker_defined:
            self.undefined.setdefault(symbol.name, {})[(isa, referrer)] = None

    def mark_symbol(self, isa: str, unit: int, symbol: Symbol) -> None:
        name = self.names[unit, isa].get(symbol.section)
        if name is not None:
            self.mark(Key(unit, name))


def _all_sections(resolution: Resolution) -> dict[Key, dict[str, tuple[Section, ...]]]:
    found: dict[Key, dict[str, list[Section]]] = {}
    for number, item in enumerate(resolution.units):
        for isa in resolution.isas:
            obj = item.unit.objects.get(isa)
            for section in obj.sections if obj else ():
                found.setdefault(Key(number, section.name), {}).setdefault(isa, []).append(section)
    return {key: {isa: tuple(s) for isa, s in per_isa.items()} for key, per_isa in found.items()}


def _is_root(search: _Search, key: Key, sections: dict[str, tuple[Section, ...]]) -> bool:
    if not any(s.size for group in sections.values() for s in group):
        return False
    if key.name.startswith(_OLD_ARRAYS):
        raise PopccError(
            f"{search.resolution.units[key.unit].origin}: section {key.name} holds constructors of the old form; "
            "compile it with -fuse-init-array or with popcc"
        )
    return key.name.startswith(ARRAYS) or any(s.flags & SHF_GNU_RETAIN for group in sections.values() for s in group)


def _undefined_messages(search: _Search) -> Iterator[str]:
    for name, uses in sorted(search.undefined.items()):
        isas = tuple(dict.fromkeys(isa for isa, _ in uses))
        only = "" if set(isas) == set(search.resolution.isas) else f" [{', '.join(isas)} only]"
        places = list(dict.fromkeys(_referrer(search, isa, key) for isa, key in uses))
        shown = "".join(f"\n>>> referenced by {p}" for p in places[:_SHOWN] if p)
        more = len(places) - _SHOWN
        rest = f"\n>>> referenced {more} more time{'s' if more > 1 else ''}" if more > 0 else ""
        yield f"undefined symbol: {name}{only}{shown}{rest}"


def _referrer(search: _Search, isa: str, key: Key) -> str:
    if key.unit < 0:
        return "the start of the program" if not key.name else key.name
    item = search.resolution.units[key.unit]
    function = symbol_of_section(item.unit.objects[isa], search.all[key][isa][0])
    return f"{item.unit.source}\n>>>               {item.origin}:({function or key.name})"


def symbol_of_section(obj: IsaObject, section: Section) -> str:
    """The first function or object in `section`, for messages."""
    return next((s.name for s in obj.symbols if s.section == section.index and s.type in ("func", "object")), "")
