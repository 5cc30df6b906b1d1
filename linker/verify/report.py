"""All functions of an executable: what can't be proved, by function, site and place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from popcc.linker.elf import Elf
from popcc.linker.machine import MACHINES
from popcc.linker.verify.claims import Prover
from popcc.linker.verify.frame import Step, Unprovable, read_body
from popcc.linker.verify.image import Image
from popcc.linker.verify.poison import find_faults
from popcc.linker.verify.tables import TableFunction


@dataclass(frozen=True)
class Finding:
    """Something of a function's maps that could not be proved."""

    isa: str
    function: str
    address: int  # of the instruction where it shows
    site: int | None  # global id, where it is one site's
    text: str


def verify_function(isa: str, image: Image, function: TableFunction) -> tuple[Finding, ...]:
    """What is wrong with one function's maps; nothing, if they are proved."""
    machine = MACHINES[isa]

    def finding(address: int, site: int | None, text: str) -> Finding:
        return Finding(isa, function.name, address, site, text)

    try:
        body = read_body(machine, image.code(function.start, function.size), function)
    except Unprovable as problem:
        return (finding(problem.address or function.start, None, str(problem)),)
    faults = (finding(f.address, None, f.text) for f in find_faults(machine, function, body))
    failures = (
        finding(step.insn.address, _site(step), text)
        for step, text in Prover(machine, function, body, image.constant).failures()
    )
    return (*faults, *failures)


def _site(step: Step) -> int | None:
    return step.site.id if step.site else None


def verify_executable(isa: str, elf: Elf, functions: tuple[TableFunction, ...]) -> Iterator[Finding]:
    """The findings of all functions."""
    image = Image(elf)
    for function in functions:
        yield from verify_function(isa, image, function)
