"""Which units take part, and what every global name means on every ISA.

Archives work as in lld: a member is taken when a strong reference to one of its symbols is open, whatever
the order on the command line, and the archive that comes first wins. A member is taken for all ISAs as
soon as one asks for it (a call of `ceil` may exist on x86_64 only): law 2 wants one layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from popcc.errors import ErrorGroup, PopccError
from popcc.linker.elf import SHN_UNDEF
from popcc.linker.inputs import Input, Library, LinkUnit, Objects
from popcc.unit import Symbol


class Definition(Struct, frozen=True):
    """Where a global name is defined on one ISA."""

    unit: int  # index into Resolution.units
    symbol: Symbol


class Resolution(Struct, frozen=True):
    """All units of the program in link order, and per ISA the meaning of global names."""

    isas: tuple[str, ...]
    units: tuple[LinkUnit, ...]
    definitions: Mapping[str, Mapping[str, Definition]]  # ISA -> name -> definition

    def define(self, isa: str, unit: int, symbol: Symbol) -> Definition | None:
        """What `symbol`, as the object of `unit` names it, means on `isa`; None when undefined."""
        if symbol.binding == "local":
            return Definition(unit, symbol)
        return self.definitions[isa].get(symbol.name)


def resolve(
    inputs: Sequence[Input], isas: Sequence[str], roots: Iterable[str], allow_duplicates: bool = False
) -> Resolution:
    """Take objects, then library members until nothing strong is open that a library could close.

    Raises an `ErrorGroup` with every duplicate definition.
    """
    table = _Table(tuple(isas))
    for item in inputs:
        if isinstance(item, Objects):
            for unit in item.units:
                table.add(unit)
    table.open.update(dict.fromkeys(roots))
    libraries = [item for item in inputs if not isinstance(item, Objects)]
    _take_members(table, libraries)
    if table.duplicates and not allow_duplicates:
        raise ErrorGroup(PopccError(text) for text in _duplicate_messages(table))
    return Resolution(table.isas, tuple(table.units), table.definitions)


class _Table:
    """The symbol table while it is being filled."""

    def __init__(self, isas: tuple[str, ...]) -> None:
        self.isas = isas
        self.units: list[LinkUnit] = []
        self.definitions: dict[str, dict[str, Definition]] = {isa: {} for isa in isas}
        self.open: dict[str, None] = {}  # names with a strong reference, in order of appearance
        self.duplicates: dict[str, dict[int, None]] = {}  # name -> units

    def add(self, item: LinkUnit) -> None:
        number = len(self.units)
        self.units.append(item)
        for isa in self.isas:
            if isa not in item.unit.objects:
                if item.unit.private:
                    continue  # a helper routine that only another ISA has
                raise PopccError(
                    f"{item.origin}: has no code for {isa}, only for {', '.join(item.unit.objects)}; "
                    f"compile it with --isa={','.join(self.isas)}"
                )
            known = self.definitions[isa]
            for symbol in item.unit.objects[isa].symbols:
                if symbol.binding == "local" or not symbol.name:
                    continue
                if symbol.section == SHN_UNDEF:
                    if symbol.binding == "global":
                        self.open.setdefault(symbol.name)
                    continue
                before = known.get(symbol.name)
                if before is None or (before.symbol.binding == "weak" and symbol.binding == "global"):
                    known[symbol.name] = Definition(number, symbol)
                elif before.symbol.binding == "global" and symbol.binding == "global":
                    self.duplicates.setdefault(symbol.name, {}).update({before.unit: None, number: None})

    def missing(self, name: str) -> bool:
        """Whether some ISA has no definition of `name`."""
        return any(name not in self.definitions[isa] for isa in self.isas)


def _take_members(table: _Table, libraries: Sequence[Library]) -> None:
    taken: set[tuple[int, str]] = set()
    while table.open:
        names, table.open = table.open, {}
        for name in names:
            if not table.missing(name):
                continue
            for number, library in enumerate(libraries):
                member = library.symbols.get(name)
                if member is not None and (number, member) not in taken:
                    taken.add((number, member))
                    for unit in library.load(member):
                        table.add(unit)
                if member is not None:
                    break


def _duplicate_messages(table: _Table) -> Iterator[str]:
    for name, units in table.duplicates.items():
        places = "".join(
            f"\n>>> defined in {table.units[u].origin} ({table.units[u].unit.source})" for u in sorted(units)
        )
        yield f"duplicate symbol: {name}{places}"
