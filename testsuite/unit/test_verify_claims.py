"""What claims hold around a loop (popcc.linker.verify.claims): memory that it reads in every turn is told apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from execute_fixtures import assemble

from popcc.isa import ISAS
from popcc.linker.elf import read_elf
from popcc.linker.machine import MACHINES
from popcc.linker.machine.base import Code
from popcc.linker.verify.claims import Prover
from popcc.linker.verify.frame import read_body
from popcc.linker.verify.tables import TableFunction, TableSite
from popcc.schema.sites import Recipe, RecipeKind

START, TABLE = 0x1000, 0x2000

# each turn has in B what is at TABLE + 8, by an address made before the loop, and in C what B was the turn before
LOOPS = {
    "x86_64": (
        "push %rbx; push %r12; push %r13; push %r14; mov $0x2000,%ebx; mov %rdi,%r14; "
        "1: mov %r12,%r13; mov 8(%rbx),%r12; call *%r14; test %eax,%eax; jne 1b; "
        "pop %r14; pop %r13; pop %r12; pop %rbx; ret",
        40,
        {"rbx": -16, "r12": -24, "r13": -32, "r14": -40},
        ("r12", "r13"),
    ),
    "aarch64": (
        "stp x30,x19,[sp,#-48]!; stp x20,x21,[sp,#16]; str x22,[sp,#32]; mov w19,#0x2000; mov x22,x0; "
        "1: mov x21,x20; ldr x20,[x19,#8]; blr x22; cbnz w0,1b; "
        "ldr x22,[sp,#32]; ldp x20,x21,[sp,#16]; ldp x30,x19,[sp],#48; ret",
        48,
        {"x30": -48, "x19": -40, "x20": -32, "x21": -24, "x22": -16},
        ("x20", "x21"),
    ),
    "riscv64": (
        "addi sp,sp,-48; sd ra,0(sp); sd s0,8(sp); sd s1,16(sp); sd s2,24(sp); sd s3,32(sp); lui s0,2; mv s3,a0; "
        "1: mv s2,s1; ld s1,8(s0); jalr s3; bnez a0,1b; "
        "ld s3,32(sp); ld s2,24(sp); ld s1,16(sp); ld s0,8(sp); ld ra,0(sp); addi sp,sp,48; ret",
        48,
        {"ra": -48, "s0": -40, "s1": -32, "s2": -24, "s3": -16},
        ("s1", "s2"),
    ),
}


def failures(isa: str, recipe: tuple[int, str, int], folder: Path, content: int | None = 42) -> list[str]:
    """What can't be proved of the loop, if its site has a recipe: kind, register, number."""
    text, frame, saved, (listed, _) = LOOPS[isa]
    elf = read_elf(assemble('.section .text.f,"ax"\n' + text.replace("; ", "\n") + "\n", isa, folder, "f"), isa)
    section = elf.section(".text.f")
    assert section is not None
    machine = MACHINES[isa]
    numbers = {name: number for number, name in machine.dwarf.items()}
    code = Code(elf.contents(section), ".text.f", {}, b"", {}, (), START)
    (call,) = (i for i in machine.decode(code) if i.kind == "call")
    kind, register, number = recipe
    recipes = (Recipe(numbers[register], kind, 8, 0, number),)
    slots = tuple((numbers[r], offset) for r, offset in saved.items())
    site = TableSite(0, call.end, frame, (numbers[listed],), slots, recipes, 0)
    function = TableFunction("f", START, section.size, 0, (site,))

    def constant(address: int, size: int) -> int | None:
        return content if (address, size) == (TABLE + 8, 8) else None

    return [why for _, why in Prover(machine, function, read_body(machine, code, function), constant).failures()]


@pytest.mark.parametrize("isa", ISAS)
def test_what_never_changes_is_the_same_in_every_turn(isa: str, tmp_path: Path) -> None:
    register = LOOPS[isa][3][0]
    assert failures(isa, (RecipeKind.LOAD, register, TABLE + 8), tmp_path) == []
    assert failures(isa, (RecipeKind.CONST, register, 42), tmp_path) == []
    (wrong,) = failures(isa, (RecipeKind.CONST, register, 43), tmp_path)
    assert wrong.startswith(f"{register} is as the recipe makes it (const 0x2b): it is not")


@pytest.mark.parametrize("isa", ISAS)
def test_what_may_change_is_another_in_each(isa: str, tmp_path: Path) -> None:
    """The register of the turn before is not what is read in this one, though the same instruction has read it."""
    before = LOOPS[isa][3][1]
    assert failures(isa, (RecipeKind.VALUE, before, 0), tmp_path, None)
    assert failures(isa, (RecipeKind.LOAD, before, TABLE + 8), tmp_path, None)
