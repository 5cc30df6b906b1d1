"""What the rest of popcc needs to know about an ISA, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Isa:
    """One ISA's constants. Register numbers are DWARF's, from the ISA's psABI."""

    name: str
    number: int  # in images and requests; never reused
    triple: str
    features: str
    abi: str
    code_model: str
    elf_machine: int
    emulation: str  # lld's -m
    qemu: str  # program name of the user-mode emulator
    qemu_package: str  # Debian package that ships it
    machine_names: tuple[str, ...]  # what uname -m may say
    oci_architecture: str  # in container images: Go's GOARCH
    registers: dict[int, str]  # DWARF number -> name
    callee_saved: tuple[int, ...]  # general registers a call preserves
    callee_saved_fp: tuple[int, ...]  # floating registers whose low 8 bytes a call preserves
    stack_pointer: int
    table_relocations: frozenset[int]  # types by which code names a jump table, the addend being its offset
    return_register: int | None  # where a call leaves the return address; None: pushed at CFA-8
    clang_flags: tuple[str, ...] = ()  # for code of this ISA alone, besides the triple
    llvm_options: tuple[str, ...] = ()  # of its code generator, besides those that serve all (popcc.codegen)
    wide_relocations: frozenset[int] = frozenset()  # types that change 8 bytes of code rather than 4
