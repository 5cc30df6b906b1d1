"""Object files: an ordinary relocatable of the host's ISA that carries the unit in an excluded section.

    ELF relocatable, host's ISA          what ar, nm, ranlib, strip -g, ld -r see
    .popcorn.unit (SHF_EXCLUDE)          what popcc links: Unit.encode(), once per source file

`ld -r` concatenates the sections of its inputs, so an object may hold several units. Because the linker
reads only the payload, an object whose outer symbols no longer agree with it is refused.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence

from popcc.errors import PopccError
from popcc.frontend import wheel
from popcc.isa import ISAS
from popcc.linker.elf import (
    ET_REL,
    SHF_EXCLUDE,
    SHN_UNDEF,
    STB_LOCAL,
    Elf,
    NewSection,
    append_sections,
    is_elf,
    read_elf,
)
from popcc.temporary import temporary_folder
from popcc.unit import Unit, decode_units

UNIT_SECTION = ".popcorn.unit"


def write_object(unit: Unit, host: str) -> bytes:
    """The object file of `unit` as the tools of ISA `host` read it."""
    return append_sections(unit.objects[host].elf, unit.source, (NewSection(UNIT_SECTION, SHF_EXCLUDE, unit.encode()),))


def read_units(data: bytes, where: str) -> list[Unit]:
    """The units of an object file. Raises `PopccError` for anything that popcc did not write."""
    if not is_elf(data):
        raise PopccError(f"{where}: unknown file type; popcc links objects and archives that it compiled itself")
    elf = read_elf(data, where)
    if elf.type != ET_REL:
        raise PopccError(f"{where}: not a relocatable object; popcc links statically, from objects and archives")
    section = elf.section(UNIT_SECTION)
    if section is None:
        raise PopccError(
            f"{where}: was not compiled by popcc, so it has code for one ISA only; compile its source with popcc"
        )
    units = decode_units(elf.contents(section), where)
    if not units:
        raise PopccError(f"{where}: section {UNIT_SECTION} is empty; compile the file again")
    _check_symbols(elf, units)
    return units


def merge_objects(objects: Sequence[tuple[str, bytes]], isa: str) -> bytes:
    """What ``-r`` makes of objects, (name, contents): lld joins the outer ELF files and lines up the payloads."""
    for name, data in objects:
        read_units(data, name)
    with temporary_folder("popcc-merge-") as folder:
        files = []
        for number, (_, data) in enumerate(objects):
            files.append(f"{number}.o")
            (folder / files[-1]).write_bytes(data)
        command = [str(wheel() / "zig"), "ld.lld", "-m", ISAS[isa].emulation, "-r", "-o", "out", *files]
        run = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE)
        if run.returncode:
            text = run.stderr.decode(errors="replace")
            for number, (name, _) in enumerate(objects):
                text = text.replace(f"{number}.o", name)
            raise PopccError(text.strip().replace("ld.lld: error: ", ""))
        return (folder / "out").read_bytes()


def defined_symbols(elf: Elf) -> Iterable[str]:
    """Names of the global symbols that a relocatable defines."""
    return (s.name for s in elf.symbols if s.binding != STB_LOCAL and s.section != SHN_UNDEF)


def _check_symbols(elf: Elf, units: list[Unit]) -> None:
    """The outer object and the payload must define the same global symbols."""
    isa = next((isa.name for isa in ISAS.values() if isa.elf_machine == elf.machine), None)
    if isa is None or any(isa not in unit.objects for unit in units):
        raise PopccError(f"{elf.where}: its {UNIT_SECTION} section belongs to another object; compile the file again")
    if not elf.symbols:
        raise PopccError(f"{elf.where}: its symbols were stripped; compile the file again ('strip -g' is allowed)")
    outer = set(defined_symbols(elf))
    inner = {s.name for u in units for s in u.objects[isa].symbols if s.binding != "local" and s.section != SHN_UNDEF}
    if changed := sorted(outer ^ inner):
        raise PopccError(
            f"{elf.where}: symbol {changed[0]}{' and others were' if len(changed) > 1 else ' was'} changed after "
            "compilation (by objcopy?), but popcc links the code as it was compiled; compile the file again"
        )
