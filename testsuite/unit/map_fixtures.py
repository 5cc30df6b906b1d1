"""Functions in assembly with a stack map written by hand, and what the completion of maps makes of them.

Every function has one frame of 64 bytes on every ISA and one site, ``call g``:

    CFA- 8, -16, -24    what the prologue saves (the return address is among it)
    CFA-64 … CFA-24     locals, at the stack pointer + 0 … + 40

`A` is the callee-saved register that the stack map lists value 0 in, `B` the one a test is about.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from execute_fixtures import assemble

from popcc.isa import ISAS
from popcc.linker.elf import read_elf
from popcc.linker.maps.complete import complete
from popcc.unit import FunctionMap, Recipe, SiteInfo, SiteMap

FRAME = 64
# their DWARF numbers
A, B = {"x86_64": 3, "aarch64": 19, "riscv64": 9}, {"x86_64": 12, "aarch64": 20, "riscv64": 18}
USE_B = {"x86_64": "mov rax, {B}", "aarch64": "mov x0, {B}", "riscv64": "mv a0, {B}"}
ISA = pytest.mark.parametrize("isa", ISAS)
_NAMES = {
    "x86_64": {"A": "rbx", "A32": "ebx", "A8": "bl", "B": "r12", "B32": "r12d", "B8": "r12b"},
    "aarch64": {"A": "x19", "A32": "w19", "B": "x20", "B32": "w20"},
    "riscv64": {"A": "s1", "B": "s2"},
}
_SYNTAX = {"x86_64": ".intel_syntax noprefix\n"}
_PROLOGUE = {
    "x86_64": "push rbx\npush r12\nsub rsp, 40\nmov rbx, rdi",
    "aarch64": "sub sp, sp, #64\nstp x30, x19, [sp, #40]\nstr x20, [sp, #56]\nmov x19, x0",
    "riscv64": "addi sp, sp, -64\nsd ra, 40(sp)\nsd s1, 48(sp)\nsd s2, 56(sp)\nmv s1, a0",
}
_EPILOGUE = {
    "x86_64": "add rsp, 40\npop r12\npop rbx\nret",
    "aarch64": "ldr x20, [sp, #56]\nldp x30, x19, [sp, #40]\nadd sp, sp, #64\nret",
    "riscv64": "ld s2, 56(sp)\nld s1, 48(sp)\nld ra, 40(sp)\naddi sp, sp, 64\nret",
}
_CALL = {"x86_64": "call g", "aarch64": "bl g", "riscv64": "call g"}
_DATA = """
.section .rodata,"a",@progbits
.balign 8
pool: .quad 0x123456789abcdef
.data
variable: .quad 5
"""
REGISTER, INDIRECT, CONSTANT = 1, 3, 4
Place = tuple[int, int, int]  # kind, register, offset


def register(number: int) -> Place:
    return REGISTER, number, 0


def slot(isa: str, offset: int) -> Place:
    """Memory at the stack pointer + `offset`."""
    return INDIRECT, ISAS[isa].stack_pointer, offset


def constant(value: int) -> Place:
    return CONSTANT, 0, value


def function(isa: str, before: str, after: str) -> str:
    """The whole function around what stands before and after its site."""
    parts = (_PROLOGUE[isa], before, _CALL[isa] + "\nr0:", after, _EPILOGUE[isa])
    return "\n".join(parts).format(**_NAMES[isa])


def site(
    isa: str,
    before: str = "",
    after: str = "",
    *,
    values: Sequence[Place] | None = None,
    info: SiteInfo | None = None,
    whole: str = "",
    data: str = "",
) -> SiteMap:
    """The map of the one site. `whole` replaces the function's text; `data` is more of the object."""
    (made,) = mapped(isa, whole or function(isa, before, after), values, info, data).sites
    return made


def mapped(isa: str, text: str, values: Sequence[Place] | None, info: SiteInfo | None, data: str = "") -> FunctionMap:
    """The function's maps."""
    if values is None:
        values = (register(A[isa]),)
    if info is None:
        info = SiteInfo("f", 1, "g", tuple((f"v{k}", "i64") for k in range(len(values))))
    body = f'.section .text.f,"ax",@progbits\n.globl f\n.type f,@function\nf:\n{text}\n.size f, .-f\n'
    with tempfile.TemporaryDirectory() as folder:
        text = _SYNTAX.get(isa, "") + body + _DATA + data
        # assemblers leave distances over code that they may relax to the linker
        first = read_elf(assemble(text, isa, Path(folder), "f"), "f")
        site = next(s.value for s in first.symbols if s.name == "r0")
        elf = assemble(text + _stack_map(values, site), isa, Path(folder), "f")
    (made,) = complete(elf, ISAS[isa], (info,))
    return made


def _stack_map(values: Sequence[Place], site: int) -> str:
    """One record, as LLVM lays it out ("Stack Map Format"): three constants, then the values, in deopt order."""
    places = (constant(0), constant(0), constant(len(values)), *values)
    locations = "".join(f".byte {k}, 0\n.short 8, {r}, 0\n.long {o}\n" for k, r, o in places)
    return f"""
.section .llvm_stackmaps,"a",@progbits
.byte 3, 0
.short 0
.long 1, 0, 1
.quad f, 0, 1
.quad 0
.long {site}
.short 0, {len(places)}
{locations}.balign 8
.short 0, 0
.balign 8
"""


def recipes(isa: str, before: dict[str, str], after: dict[str, str] = USE_B) -> list[Recipe]:
    """The recipes of a site all of which is proved."""
    made = site(isa, before[isa], after[isa])
    assert not made.unproved
    return list(made.recipes)
