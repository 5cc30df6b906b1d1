"""Verification at link: every function of the new executables, but for those that were proved before.

What can't be proved becomes a warning and, on all ISAs, a function in which no thread moves.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from popcc import isolate
from popcc.errors import Place, PlacedError
from popcc.linker.addresses import Addresses
from popcc.linker.elf import read_elf
from popcc.linker.sitetable import LiveFunction, live_functions, site_bases
from popcc.linker.verify.fingerprints import Objects, fingerprint, tool_digest, unchanged, unit_fingerprint
from popcc.linker.verify.image import Image
from popcc.linker.verify.proved import Proved
from popcc.linker.verify.report import Finding, verify_function
from popcc.linker.verify.tables import read_table

Function = tuple[int, str]  # unit, and the section that the function has to itself


class Verdict(Struct, frozen=True):
    """What came of it."""

    refused: frozenset[Function] = frozenset()
    problems: tuple[PlacedError, ...] = ()  # one a function and ISA


def verify_linked(
    executables: Mapping[str, bytes], addresses: Mapping[str, Addresses], proved: Proved | None
) -> Verdict:
    """Verifies executables that carry their tables; the ISAs side by side, each in a child of its own."""
    work = {isa: (isa, data, addresses[isa], proved) for isa, data in executables.items()}
    refused: set[Function] = set()
    problems: list[PlacedError] = []
    for isa, (found, fingerprints) in isolate.each(_verify, work).items():
        for function, findings in found:
            refused.add(function)
            problems.append(_problem(addresses[isa], function, findings))
        if proved:
            proved.add(fingerprints)
    return Verdict(frozenset(refused), tuple(problems))


def _verify(
    isa: str, executable: bytes, addresses: Addresses, proved: Proved | None
) -> tuple[list[tuple[Function, tuple[Finding, ...]]], list[bytes]]:
    """The findings, and the fingerprints of what was proved just now."""
    elf = read_elf(executable, f"executable for {isa}")
    image = Image(elf)
    objects = Objects(addresses)
    known = _Known(objects, proved)
    found: list[tuple[Function, tuple[Finding, ...]]] = []
    for live, function in zip(live_functions(addresses), read_table(elf), strict=True):
        code = image.code(function.start, function.size)
        same = unchanged(objects.file(live.unit), live, code.data)
        if same and known.holds(live):
            continue
        findings = verify_function(isa, image, function, objects.file(live.unit).listing(live))
        if findings:
            found.append(((live.unit, live.map.section), findings))
        known.learn(live, proved=same and not findings)
    return found, known.new()


class _Known:
    """What was proved before, and what is now: functions, and units of which all functions are."""

    def __init__(self, objects: Objects, proved: Proved | None) -> None:
        self.objects = objects
        self.proved = proved
        self.tool = tool_digest()
        self.units: dict[int, bytes] = {}  # fingerprints of those that were not proved whole
        self.functions: dict[Function, bytes] = {}  # and of functions that were asked for
        self.whole: set[int] = set()
        self.added: list[bytes] = []

    def holds(self, function: LiveFunction) -> bool:
        """Whether it was proved before."""
        if self.proved is None:
            return False
        unit = function.unit
        if unit not in self.whole and unit not in self.units:
            print_ = unit_fingerprint(self.objects.file(unit), self.tool)
            if print_ in self.proved:
                self.whole.add(unit)
            else:
                self.units[unit] = print_
        if unit in self.whole:
            return True
        print_ = self.functions[unit, function.map.section] = fingerprint(self.objects.file(unit), function, self.tool)
        return print_ in self.proved

    def learn(self, function: LiveFunction, proved: bool) -> None:
        """Takes in what came of a function that was not known."""
        if self.proved is None:
            return
        if proved:
            self.added.append(self.functions[function.unit, function.map.section])
        else:
            self.units[function.unit] = b""

    def new(self) -> list[bytes]:
        """The fingerprints to keep."""
        return [*self.added, *(print_ for print_ in self.units.values() if print_)]


def _problem(addresses: Addresses, function: Function, findings: tuple[Finding, ...]) -> PlacedError:
    unit = addresses.resolution.units[function[0]].unit
    base = site_bases(addresses.resolution)[function[0]]
    first, *more = findings
    line = unit.sites[first.site - base].line if first.site is not None else 0
    text = first.text + (f" (and {len(more)} more)" if more else "")
    place = Place(unit.source, line, first.function, first.isa)
    return PlacedError(place, f"{text}; threads can't move while they are in this function")
