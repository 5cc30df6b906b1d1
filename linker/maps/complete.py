"""Completion of site maps: what is live after a site's return address is accounted for, or the site is unproved
(site.c). Here, what that goes by is read from an object, and what comes of it is put into words."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator

from popcc.isa import Isa
from popcc.linker.elf import STT_FUNC, read_elf
from popcc.linker.machine import MACHINES
from popcc.linker.machine.base import Machine, Undecodable
from popcc.linker.maps import stackmaps
from popcc.linker.maps.flow import build_flow
from popcc.linker.maps.native import Analysis
from popcc.linker.maps.objectcode import ObjectCode, read_object
from popcc.linker.maps.stackmaps import Record
from popcc.schema.machinecode import Outcome
from popcc.schema.sites import FunctionFlag, RecipeKind, SiteFlag
from popcc.unit import FunctionMap, Recipe, SiteInfo, SiteMap

_SETJMP = "__popcorn_setjmp"
_POINT = "__popcorn_point"
_KINDS = tuple(RecipeKind)
_NAMED = ("", "{}", "page:{}", "diff:{}\0{}")  # by how a number is made of symbols (site.h)


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
    obj = read_object(file)
    functions = {(s.section, s.value, s.name): s for s in file.symbols if s.type == STT_FUNC}
    completion = _Completion(MACHINES[isa.name], obj, sites)
    try:
        out = []
        for (section, offset), records in maps.items():
            name = sites[records[0].id].function  # not that of an alias
            if only is None or name in only:
                out.append(completion.function(name, section, functions[section, offset, name].size, records))
        return tuple(out)
    finally:
        completion.analysis.close()


class _Completion:
    """That of one object."""

    def __init__(self, machine: Machine, obj: ObjectCode, sites: tuple[SiteInfo, ...]) -> None:
        self.machine = machine
        self.obj = obj
        self.sites = sites
        self.analysis = Analysis(machine, obj.read_only, obj.constant)

    def function(self, name: str, section: int, size: int, records: list[Record]) -> FunctionMap:
        """A function's map."""
        flags = _function_flags([self.sites[r.id] for r in records])
        try:
            done = self._analysed(section, sorted(records, key=lambda r: r.offset))
        except Undecodable as undecodable:  # a name of its own: compiled, a variable has one type
            done = [_unusable(r, self.sites[r.id], str(undecodable)) for r in records]
        return FunctionMap(name, self.obj.elf.sections[section].name, size, flags, tuple(done))

    def _analysed(self, section: int, records: list[Record]) -> list[SiteMap]:
        """The maps of the sites that can be reached. Raises `Undecodable`."""
        noreturn = frozenset(r.offset for r in records if self.sites[r.id].noreturn)
        flow = build_flow(self.machine, self.obj.code(section), noreturn)
        listed = array("i")
        described = []
        for r in records:
            info = self.sites[r.id]
            described.append((r.offset, len(listed) // 3, len(r.values), len(info.values), info.callee == _POINT))
            for v in r.values:
                listed.extend((v.kind, v.register, v.offset))
        came = self.analysis.function(flow, described, listed)
        if came.wild:
            raise Undecodable(came.wild)
        done = []
        numbers = iter(came.numbers)
        for r in records:
            kind = next(numbers)
            if kind == Outcome.UNPROVED:
                done.append(_unusable(r, self.sites[r.id], came.text(next(numbers))))
            elif kind == Outcome.PROVED:
                done.append(self._proved(r, numbers))
        return done

    def _proved(self, record: Record, numbers: Iterator[int]) -> SiteMap:
        frame = next(numbers)
        values = tuple([next(numbers) for _ in range(next(numbers))])
        saved = tuple([next(numbers) for _ in range(next(numbers))])
        recipes = tuple([self._recipe(numbers) for _ in range(next(numbers))])
        return SiteMap(record.id, record.offset, frame, values, saved, recipes, _site_flags(self.sites[record.id]))

    def _recipe(self, numbers: Iterator[int]) -> Recipe:
        dest, kind, width, value, imm, how, symbol, other = [next(numbers) for _ in range(8)]
        names = self.analysis.names
        return Recipe(dest, _KINDS[kind], width, value, imm, _NAMED[how].format(names[symbol], names[other]))


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


def _unusable(record: Record, info: SiteInfo, why: str) -> SiteMap:
    flags = SiteFlag.UNUSABLE | _site_flags(info)
    return SiteMap(record.id, record.offset, 0, (), (), (), flags, why)
