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
from popcc.linker.sitetable import live_functions, site_bases
from popcc.linker.verify.fingerprints import Objects, fingerprint, tool_digest
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
    tool = tool_digest()
    found: list[tuple[Function, tuple[Finding, ...]]] = []
    fingerprints: list[bytes] = []
    for live, function in zip(live_functions(addresses), read_table(elf), strict=True):
        file = objects.file(live.unit)
        code = image.code(function.start, function.size)
        print_ = fingerprint(file, live, code.data, tool)
        if proved is not None and print_ is not None and print_ in proved:
            continue
        findings = verify_function(isa, image, function, file.listing(live))
        if findings:
            found.append(((live.unit, live.map.section), findings))
        elif print_ is not None:
            fingerprints.append(print_)
    return found, fingerprints


def _problem(addresses: Addresses, function: Function, findings: tuple[Finding, ...]) -> PlacedError:
    unit = addresses.resolution.units[function[0]].unit
    base = site_bases(addresses.resolution)[function[0]]
    first, *more = findings
    line = unit.sites[first.site - base].line if first.site is not None else 0
    text = first.text + (f" (and {len(more)} more)" if more else "")
    place = Place(unit.source, line, first.function, first.isa)
    return PlacedError(place, f"{text}; threads can't move while they are in this function")
