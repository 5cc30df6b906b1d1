"""Index of a relocatable object: what the linker must know of it without opening it again.

An object is read once, where it is made or taken in; the index travels in the unit. Left out of it is what
no link looks at: sections that are not loaded, unwinding tables (a program of popcc unwinds by its site
maps), mapping symbols and local labels that no relocation names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from popcc.errors import PopccError
from popcc.isa import ISAS, isa_named
from popcc.linker.elf import (
    ET_REL,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_TLS,
    SHN_COMMON,
    STB_GLOBAL,
    STB_LOCAL,
    STB_WEAK,
    STT_FUNC,
    STT_GNU_IFUNC,
    STT_NOTYPE,
    STT_OBJECT,
    STT_SECTION,
    Elf,
    read_elf,
)
from popcc.unit import IsaObject, Section, Symbol, Unit

# Sections that are loaded by other linkers but have no use here; their references keep nothing alive.
DROPPED_SECTIONS = (".eh_frame", ".note.", ".llvm_stackmaps", ".llvm.", ".ARM.exidx", ".comment", ".llvm_addrsig")

TABLES_IN = ".rodata"  # what code generation puts jump tables into
BINDINGS = {STB_LOCAL: "local", STB_GLOBAL: "global", STB_WEAK: "weak"}
_TYPES = {STT_NOTYPE: "notype", STT_OBJECT: "object", STT_FUNC: "func", STT_SECTION: "section"}


def index_object(elf: bytes, where: str = "object") -> IsaObject:
    """Sections, symbols and references of the relocatable `elf`; no site maps yet."""
    file = read_elf(elf, where)
    if file.type != ET_REL:
        raise PopccError(f"{where}: not a relocatable object file")
    sections = tuple(
        Section(s.index, s.name, s.size, max(1, s.align), s.flags, s.type)
        for s in file.sections
        if s.flags & SHF_ALLOC and not s.name.startswith(DROPPED_SECTIONS)
    )
    _refuse_elf_tls(file)
    kept = {s.index for s in sections}
    named: dict[int, dict[int, None]] = {}  # section index -> symbol numbers in order of first use
    for section, _, _, symbol, _ in file.relocations():
        if section in kept and symbol:
            named.setdefault(section, {})[symbol] = None
    renumbered, symbols = _select_symbols(file, kept, {n for used in named.values() for n in used})
    references = {s: tuple(renumbered[n] for n in used if n in renumbered) for s, used in named.items()}
    return IsaObject(elf, sections, symbols, references, (), _jump_tables(file))


def private_unit(name: str, objects: Mapping[str, bytes]) -> Unit:
    """A unit of the node-private area from plain objects, ISA -> ELF: the runtime, compiler-rt members."""
    indexed = {}
    for isa, elf in objects.items():
        where = f"{name} [{isa}]"
        if read_elf(elf, where).machine != isa_named(isa).elf_machine:
            raise PopccError(f"{where}: is not an object for {isa}")
        indexed[isa] = index_object(elf, where)
    digest = hashlib.sha1(b"".join(indexed[isa].elf for isa in sorted(indexed))).hexdigest()[:16]
    return Unit(f"{name}.{digest}", name, True, (), (), {}, {}, indexed)


def _jump_tables(file: Elf) -> tuple[tuple[int, int], ...]:
    """Where code refers to in the section that code generation puts its tables into."""
    types = next((isa.table_relocations for isa in ISAS.values() if isa.elf_machine == file.machine), frozenset())
    found = {
        (s.section, s.value + addend)
        for section, _, type_, symbol, addend in file.relocations()
        if type_ in types and file.sections[section].flags & SHF_EXECINSTR
        for s in (file.symbols[symbol],)
        if s.binding == STB_LOCAL and s.section < len(file.sections) and file.sections[s.section].name == TABLES_IN
    }
    return tuple(sorted(found))


def _select_symbols(file: Elf, kept: set[int], used: set[int]) -> tuple[dict[int, int], tuple[Symbol, ...]]:
    """The symbols worth keeping and their new numbers by ELF's."""
    renumbered: dict[int, int] = {}
    symbols: list[Symbol] = []
    for number, s in enumerate(file.symbols):
        defines = s.type in (STT_OBJECT, STT_FUNC) and s.section in kept
        if number == 0 or not (s.binding != STB_LOCAL or number in used or defines):
            continue
        if s.type == STT_GNU_IFUNC:
            raise PopccError(
                f"{file.where}: {s.name}: indirect functions (ifunc) choose code by ISA, which a program that "
                "migrates can't; use one definition"
            )
        if s.section == SHN_COMMON:
            raise PopccError(f"{file.where}: {s.name}: common symbol; compile with -fno-common")
        renumbered[number] = len(symbols)
        binding = BINDINGS.get(s.binding, "global")
        symbols.append(Symbol(s.name, s.section, s.value, s.size, binding, _TYPES.get(s.type, "notype")))
    return renumbered, tuple(symbols)


def _refuse_elf_tls(file: Elf) -> None:
    """ELF's thread-locals are laid out differently on every ISA; popcc's own lie in .ptls sections."""
    for s in file.sections:
        if s.flags & SHF_TLS and s.flags & SHF_ALLOC and s.size:
            raise PopccError(f"{file.where}: section {s.name} holds ELF thread-locals; compile it with popcc")
