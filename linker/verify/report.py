"""All functions of an executable: what can't be proved, by function, site and place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from msgspec import Struct

from popcc.linker.elf import Elf, read_elf
from popcc.linker.machine import MACHINES
from popcc.linker.machine.base import Machine
from popcc.linker.program import ProgramInfo
from popcc.linker.verify.callees import Callees
from popcc.linker.verify.claims import Prover
from popcc.linker.verify.frame import Step, read_body
from popcc.linker.verify.image import Image
from popcc.linker.verify.listing import Listing, misplaced
from popcc.linker.verify.placing import Unprovable
from popcc.linker.verify.poison import find_faults
from popcc.linker.verify.tables import TableFunction, is_constant, read_table


class Finding(Struct, frozen=True):
    """Something of a function's maps that could not be proved."""

    isa: str
    function: str
    address: int  # of the instruction where it shows
    site: int | None  # global id, where it is one site's
    text: str


def verify_function(
    isa: str, image: Image, function: TableFunction, listing: Listing | None = None
) -> tuple[Finding, ...]:
    """What is wrong with one function's maps; nothing, if they are proved. `listing`: LLVM's stack map, at link.

    A function that no thread can move in needs no proof.
    """
    if not any(s.usable for s in function.sites):
        return ()

    def finding(address: int, site: int | None, text: str) -> Finding:
        return Finding(isa, function.name, address, site, text)

    try:
        return tuple(finding(*problem) for problem in _problems(MACHINES[isa], image, function, listing))
    except Unprovable as problem:
        return (finding(problem.address or function.start, None, str(problem)),)
    except Exception as bug:  # an error of the verifier proves nothing, and must not take the link down
        return (finding(function.start, None, f"the verifier failed: {type(bug).__name__}: {bug}"),)


def _problems(
    machine: Machine, image: Image, function: TableFunction, listing: Listing | None
) -> Iterator[tuple[int, int | None, str]]:
    body = read_body(machine, image.code(function.start, function.size), function)
    for f in find_faults(machine, function, body, Callees(machine, image.private_code, image.callees)):
        yield f.address, None, f.text
    failures = Prover(machine, function, body, image.constant).failures()
    if listing is not None:
        calls = {s.insn.end: s for s in body.sites}
        failures = chain(failures, misplaced(function, calls, listing))
    for step, text in failures:
        yield step.insn.address, _site(step), text


def _site(step: Step) -> int | None:
    return step.site.id if step.site else None


def verify_executable(isa: str, elf: Elf, functions: tuple[TableFunction, ...]) -> Iterator[Finding]:
    """The findings of all functions."""
    image = Image(elf)
    for function in functions:
        yield from verify_function(isa, image, function)


class Result(Struct, frozen=True):
    """What verification of one ISA's executable came to."""

    isa: str
    functions: int
    sites: int
    refused: int  # sites at which no thread may move, so that nothing needs proof
    findings: tuple[Finding, ...]


def verify_program(program: ProgramInfo) -> Iterator[Result]:
    """All executables of a program, from the file alone. Raises `PopccError` for one that was altered."""
    tables: dict[str, tuple[TableFunction, ...]] = {}
    for isa in program.available:
        elf = read_elf(program.executable(isa), f"{program.path} [{isa}]")
        tables[isa] = read_table(elf)
        findings = [*verify_executable(isa, elf, tables[isa]), *_disagreements(tables, isa)]
        sites = [s for f in tables[isa] for s in f.sites]
        yield Result(isa, len(tables[isa]), len(sites), sum(not s.usable for s in sites), tuple(findings))


def _disagreements(tables: Mapping[str, tuple[TableFunction, ...]], isa: str) -> Iterator[Finding]:
    """Sites that carry other values than on the first ISA, or that can be used on one only."""
    first = next(iter(tables))
    if isa == first:
        return
    there = {s.id: s for f in tables[first] for s in f.sites}
    for function in tables[isa]:
        for site in function.sites:
            other = there.get(site.id)
            if not site.usable and not (other and other.usable):
                continue
            if other is None or other.usable != site.usable:
                yield Finding(
                    isa, function.name, site.returns_to, site.id, f"can be used on one of {first} and {isa} only"
                )
            elif list(map(is_constant, site.values)) != list(map(is_constant, other.values)):
                text = f"does not list the same values as on {first}"
                yield Finding(isa, function.name, site.returns_to, site.id, text)
