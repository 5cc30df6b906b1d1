"""What the rest of popcc needs to know about an ISA, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct


class Idiom(Enum):
    """What an instruction of one ISA that programs write by hand means, where every ISA can do it (passes/idioms)."""

    HINT = "nothing that a program can see: a pause in a loop that waits"
    FENCE = "orders memory accesses"
    CLOCK = "reads a clock that ticks evenly"
    WHOLE_CLOCK = "reads one into a single register, that of the clock's lowest part"
    PROBE = "asks which extensions there are; none that programs could use on every ISA"


class Isa(Struct, frozen=True):
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
    trap: bytes  # what lld fills gaps in code with
    clang_flags: tuple[str, ...] = ()  # for code of this ISA alone, besides the triple
    llvm_options: tuple[str, ...] = ()  # of its code generator, besides those that serve all (popcc.codegen)
    wide_relocations: frozenset[int] = frozenset()  # types that change 8 bytes of code rather than 4
    # instructions in inline assembly, by a pattern of one in LLVM's notation, and intrinsics of LLVM's, by name
    idioms: Mapping[str, Idiom] = {}
    # several instructions that come to one of those above, by a pattern: "; " between them, ", " between operands
    phrases: Mapping[str, str] = {}
    # where an instruction leaves a clock in parts, by LLVM's constraint: the part's first bit and its width
    clock_parts: Mapping[str, tuple[int, int]] = {}
