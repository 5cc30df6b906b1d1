"""What lies on a page of a program's common memory, by the symbols of its file."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from msgspec import Struct

from popcc.errors import PopccError
from popcc.linker.elf import STT_OBJECT
from popcc.linker.program import ProgramInfo
from popcc.runtime.popcorn.processes import Process, program_of

PAGE = 4096
GIVEN = 0x0010_0000_0000  # from here on memory is given to the program at run time (ARCHITECTURE.md, Address space)


class Object(Struct, frozen=True):
    """A variable."""

    start: int
    end: int
    name: str


class Places:
    """The variables of a program, by address."""

    def __init__(self, objects: Iterable[Object]) -> None:
        named: dict[tuple[int, int], Object] = {}
        for o in objects:  # of several names for one variable the plainest
            named[o.start, o.end] = min(
                named.get((o.start, o.end), o), o, key=lambda o: (o.name.startswith("_"), o.name)
            )
        self._objects = [named[place] for place in sorted(named)]
        self._starts = [o.start for o in self._objects]
        self._longest = max((o.end - o.start for o in self._objects), default=0)

    def on_page(self, address: int) -> list[str]:
        """The names of what lies on the page, in order of address; none for memory without names."""
        last = bisect_left(self._starts, address + PAGE)
        first = bisect_left(self._starts, address - self._longest)
        names = [o.name for o in self._objects[first:last] if o.end > address]
        return list(dict.fromkeys(names))


def places_of(process: Process) -> Places:
    """Those of a process's program; none if its file is not there any more."""
    try:
        return places(program_of(process))
    except PopccError:
        return Places(())


def places(program: ProgramInfo) -> Places:
    """Those of a program file. What is common has the same address on all ISAs."""
    return Places(
        Object(s.value, s.value + s.size, s.name)
        for s in program.elf.symbols
        if s.type == STT_OBJECT and s.size and s.value
    )


def text(address: int, names: list[str]) -> str:
    """What a page is, for people."""
    if names:
        return ", ".join(names)
    return "memory got at run time" if address >= GIVEN else "?"
