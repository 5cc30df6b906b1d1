"""Completion of site maps (law 4): what is live after a site is listed, saved or remade, or there is a reason why not.

Each test is a few instructions before and after one call; map_fixtures.py says what stands around them.
"""

from __future__ import annotations

import pytest
from map_fixtures import FRAME, ISA, USE_B, A, B, constant, function, mapped, recipes, register, site, slot

from popcc.isa import ISAS
from popcc.linker.machine import MACHINES
from popcc.schema.sites import NO_LOCATION, SLOT, RecipeKind, SiteFlag
from popcc.unit import Recipe, SiteInfo, SiteMap

USE_B32 = {"x86_64": "mov eax, {B32}", "aarch64": "mov w0, {B32}", "riscv64": "sext.w a0, {B}"}


def saved(made: SiteMap) -> dict[int, int]:
    """Register → where it was saved, below the CFA."""
    return {word >> 24: (word & 0xFFFFFF) * 8 for word in made.saved}


@ISA
def test_a_listed_value_in_a_register_and_in_a_slot(isa: str) -> None:
    made = site(isa, values=(register(A[isa]), slot(isa, 8), constant(7)))
    assert not made.unproved and made.frame == FRAME
    assert made.values == (A[isa], SLOT | FRAME - 8, NO_LOCATION)
    assert not made.recipes


def test_where_the_callers_registers_were_saved() -> None:
    assert saved(site("x86_64")) == {3: 16, 12: 24}
    assert saved(site("aarch64")) == {19: 16, 20: 8, 30: 24}
    assert saved(site("riscv64")) == {9: 16, 18: 8, 1: 24}


@ISA
def test_what_nobody_reads_after_the_call_needs_nothing(isa: str) -> None:
    garbage = {"x86_64": "imul {B}, rsi, 3", "aarch64": "mul {B}, x1, x2", "riscv64": "mul {B}, a1, a2"}
    assert recipes(isa, garbage, dict.fromkeys(ISAS, "")) == []


@ISA
def test_writable_memory_is_no_recipe(isa: str) -> None:
    text = {
        "x86_64": "mov {B}, [rip + variable]",
        "aarch64": "adrp x8, variable\nldr {B}, [x8, :lo12:variable]",
        "riscv64": "lui t0, %hi(variable)\nld {B}, %lo(variable)(t0)",
    }
    assert "holds a result of the instruction at" in site(isa, text[isa], USE_B[isa]).unproved


@ISA
def test_recipes_for_slots(isa: str) -> None:
    before = {
        "x86_64": "mov dword ptr [rsp + 4], 9\nmov [rsp + 16], {A}",
        "aarch64": "mov w8, #9\nstr w8, [sp, #4]\nstr {A}, [sp, #16]",
        "riscv64": "li t0, 9\nsw t0, 4(sp)\nsd {A}, 16(sp)",
    }
    after = {
        "x86_64": "mov eax, [rsp + 4]\nmov rdx, [rsp + 16]",
        "aarch64": "ldr w0, [sp, #4]\nldr x1, [sp, #16]",
        "riscv64": "lw a0, 4(sp)\nld a1, 16(sp)",
    }
    assert recipes(isa, before, after) == [
        Recipe(SLOT | FRAME - 4, RecipeKind.CONST, 4, 0, 9),
        Recipe(SLOT | FRAME - 16, RecipeKind.VALUE, 8, 0, 0),
    ]


LATER = {
    "x86_64": "mov rax, [rsp + 8]\nmov [rsp + 16], rax\nmov {how}",
    "aarch64": "ldr x0, [sp, #8]\nstr x0, [sp, #16]\nldr {how}",
    "riscv64": "ld a0, 8(sp)\nsd a0, 16(sp)\n{how}",
}


@ISA
def test_a_slot_that_was_never_written_to_needs_nothing(isa: str) -> None:
    after = {"x86_64": "mov rax, [rsp + 8]", "aarch64": "ldr x0, [sp, #8]", "riscv64": "ld a0, 8(sp)"}
    assert recipes(isa, dict.fromkeys(ISAS, ""), after) == []
    on_one_path = {
        "x86_64": "imul rsi, rsi, 3\njz 1f\nmov [rsp + 8], rsi\n1:",
        "aarch64": "mul x1, x1, x2\ncbz x1, 1f\nstr x1, [sp, #8]\n1:",
        "riscv64": "mul a1, a1, a2\nbeqz a1, 1f\nsd a1, 8(sp)\n1:",
    }
    assert site(isa, on_one_path[isa], after[isa]).unproved.startswith("the slot at CFA-56 holds one of several values")


@ISA
def test_a_slot_is_wanted_as_far_as_its_copies_are(isa: str) -> None:
    """Its low half is a constant, and what lies above that comes along when 8 bytes are copied."""
    before = {
        "x86_64": "imul rsi, rsi, 3\nmov [rsp + 8], rsi\nmov dword ptr [rsp + 8], 9",
        "aarch64": "mul x1, x1, x2\nstr x1, [sp, #8]\nmov w8, #9\nstr w8, [sp, #8]",
        "riscv64": "mul a1, a1, a2\nsd a1, 8(sp)\nli t0, 9\nsw t0, 8(sp)",
    }
    half = {"x86_64": "eax, [rsp + 16]", "aarch64": "w0, [sp, #16]", "riscv64": "lwu a0, 16(sp)"}[isa]
    made = site(isa, before[isa], LATER[isa].replace("{how}", half))
    assert made.recipes == (Recipe(SLOT | FRAME - 8, RecipeKind.CONST, 4, 0, 9),)
    whole = {"x86_64": "rax, [rsp + 16]", "aarch64": "x0, [sp, #16]", "riscv64": "ld a0, 16(sp)"}[isa]
    assert site(isa, before[isa], LATER[isa].replace("{how}", whole)).unproved.startswith("the slot at CFA-56 holds")


@ISA
def test_a_recipe_may_fill_what_nobody_reads_below(isa: str) -> None:
    """Only the upper half of a constant is wanted."""
    before = {"x86_64": "mov qword ptr [rsp + 8], 0", "aarch64": "str xzr, [sp, #8]", "riscv64": "sd zero, 8(sp)"}
    after = {"x86_64": "mov eax, [rsp + 12]", "aarch64": "ldr w0, [sp, #12]", "riscv64": "lw a0, 12(sp)"}
    assert recipes(isa, before, after) == [Recipe(SLOT | FRAME - 8, RecipeKind.CONST, 8, 0, 0)]


@ISA
def test_a_lost_value_is_unproved_with_its_reason(isa: str) -> None:
    text = {"x86_64": "imul {B}, rsi, 3", "aarch64": "mul {B}, x1, x2", "riscv64": "mul {B}, a1, a2"}
    made = site(isa, text[isa], USE_B[isa])
    name = {"x86_64": "r12", "aarch64": "x20", "riscv64": "s2"}[isa]
    assert made.unproved.startswith(f"{name} holds a result of the instruction at 0x")
    assert made.flags == SiteFlag.UNUSABLE and not made.values


@ISA
def test_a_lost_slot_is_unproved(isa: str) -> None:
    before = {
        "x86_64": "imul rsi, rsi, 3\nmov [rsp + 8], rsi",
        "aarch64": "mul x1, x1, x2\nstr x1, [sp, #8]",
        "riscv64": "mul a1, a1, a2\nsd a1, 8(sp)",
    }
    after = {"x86_64": "mov rax, [rsp + 8]", "aarch64": "ldr x0, [sp, #8]", "riscv64": "ld a0, 8(sp)"}
    assert site(isa, before[isa], after[isa]).unproved.startswith("the slot at CFA-56 holds a result of")


@ISA
def test_one_of_several_values_is_unproved(isa: str) -> None:
    text = {
        "x86_64": "mov {B32}, 1\ntest rsi, rsi\nje 1f\nmov {B32}, 2\n1:",
        "aarch64": "mov {B}, #1\ncbz x1, 1f\nmov {B}, #2\n1:",
        "riscv64": "li {B}, 1\nbeqz a1, 1f\nli {B}, 2\n1:",
    }
    assert "holds one of several values" in site(isa, text[isa], USE_B[isa]).unproved


@ISA
def test_copies_stay_equal_through_a_loop(isa: str) -> None:
    text = {
        "x86_64": "mov {B}, {A}\n1: add {A}, 8\nadd {B}, 8\nmov {B}, {A}\ndec rsi\njne 1b",
        "aarch64": "mov {B}, {A}\n1: add {A}, {A}, #8\nmov {B}, {A}\nsubs x1, x1, #1\nb.ne 1b",
        "riscv64": "mv {B}, {A}\n1: addi {A}, {A}, 8\nmv {B}, {A}\naddi a1, a1, -1\nbnez a1, 1b",
    }
    assert recipes(isa, text) == [Recipe(B[isa], RecipeKind.VALUE, 8, 0, 0)]


@ISA
def test_a_callers_register_that_was_not_saved_is_unproved(isa: str) -> None:
    text = {"x86_64": "mov r13, rsi", "aarch64": "mov x21, x1", "riscv64": "mv s3, a1"}
    name = {"x86_64": "r13", "aarch64": "x21", "riscv64": "s3"}[isa]
    assert site(isa, text[isa]).unproved == f"the caller's {name} is lost"


@ISA
def test_a_value_listed_where_the_call_destroys_it_is_unproved(isa: str) -> None:
    number, name = {"x86_64": (0, "rax"), "aarch64": (9, "x9"), "riscv64": (5, "t0")}[isa]
    made = site(isa, values=(register(number),))
    assert made.unproved == f"value 0 is listed in {name}, which the call does not preserve"


@ISA
def test_a_stack_map_that_lacks_a_value_is_unproved(isa: str) -> None:
    two = SiteInfo("f", 1, "g", (("a", "i64"), ("b", "i64")))
    assert site(isa, info=two).unproved == "1 values in the stack map, 2 expected"


@ISA
def test_an_argument_on_the_stack_that_is_read_late_is_unproved(isa: str) -> None:
    after = {"x86_64": "mov rax, [rsp + 72]", "aarch64": "ldr x0, [sp, #72]", "riscv64": "ld a0, 72(sp)"}
    assert site(isa, "", after[isa]).unproved == "an incoming stack argument at CFA+8 is read after the call"


@pytest.mark.parametrize("isa", ["x86_64", "aarch64"])
def test_an_indexed_access_to_the_frame_is_unproved(isa: str) -> None:
    before = {"x86_64": "mov [rsp + 8*rsi], rdx", "aarch64": "str x2, [sp, x1, lsl #3]"}
    assert site(isa, before[isa]).unproved.startswith("indexed access to the frame")


@ISA
def test_an_address_in_the_frame_that_gets_out_makes_every_site_unproved(isa: str) -> None:
    """Law 3: whoever has it may write to what the maps believe constant, and a moved frame leaves it dangling."""
    passed = {"x86_64": "lea rdi, [rsp + 8]", "aarch64": "add x0, sp, #8", "riscv64": "addi a0, sp, 8"}[isa]
    stored = {
        "x86_64": "lea rax, [rsp + 8]\nmov [rsi], rax",
        "aarch64": "add x8, sp, #8\nstr x8, [x1]",
        "riscv64": "addi t0, sp, 8\nsd t0, 0(a1)",
    }[isa]
    assert site(isa, passed).unproved.startswith("an address in the machine stack is passed in ")
    assert site(isa, stored).unproved.startswith("an address in the machine stack is stored: ")


@ISA
def test_a_stack_pointer_that_is_not_known_is_unproved(isa: str) -> None:
    before = {"x86_64": "and rsp, -64", "aarch64": "and x8, x1, #-64\nmov sp, x8", "riscv64": "andi sp, sp, -64"}
    assert site(isa, before[isa]).unproved == "the stack pointer is not known"


@ISA
def test_bytes_that_are_no_instruction_make_every_site_unproved(isa: str) -> None:
    before = {
        "x86_64": "jmp 1f\n.byte 0x06\n1:",
        "aarch64": "b 1f\n.long 0xffffffff\n1:",
        "riscv64": "j 1f\n.short 0x8000\n1:",
    }
    assert site(isa, before[isa]).unproved.startswith("bytes ")


def test_padding_that_is_popped_again_needs_nothing() -> None:
    made = site("x86_64", whole="push rax\ncall g\nr0: pop rcx\nret", values=())
    assert not made.unproved and made.frame == 16 and not made.recipes


@ISA
def test_behind_a_call_that_never_returns_nothing_is_live(isa: str) -> None:
    garbage = {"x86_64": "imul {B}, rsi, 3", "aarch64": "mul {B}, x1, x2", "riscv64": "mul {B}, a1, a2"}[isa]
    never = SiteInfo("f", 1, "g", (("v0", "i64"),), noreturn=True)
    assert site(isa, garbage, USE_B[isa]).unproved
    assert not site(isa, garbage, USE_B[isa], info=never).unproved


@ISA
def test_setjmp_is_marked(isa: str) -> None:
    made = mapped(isa, function(isa, "", ""), (), SiteInfo("f", 1, "__popcorn_setjmp", ()))
    assert made.sites[0].flags == SiteFlag.SETJMP


# Code that reads B, in ways that decoders get wrong, and nothing else of the function does.
READERS = {
    "x86_64": (
        "test [rdi], {B}\nsete al",
        "cmp [rdi], {B}\nsete al",
        "cmp {B}, 5\nxorps xmm0, xmm0\njne 1f\ninc rdx\n1:",
        "bsf {B}, rdi\nmov rax, {B}",
        "cmove {B}, rdi\nmov rax, {B}",
        "sbb {B}, {B}\nmov rax, {B}",
        "imul rax, {B}, 3",
        "mov [rdi], {B32}",
        "mov rax, [rdi + 8*{B}]",
        "push {B}\npop rax",
        "mov eax, [{B}]\nxor eax, eax",
    ),
    "aarch64": (
        "cmp {B}, #5\nb.ne 1f\nadd x0, x0, #1\n1:",
        "ccmp {B}, #3, #4, ne\ncset w0, eq",
        "bfi {B}, x0, #4, #4\nmov x0, {B}",
        "movk {B}, #1\nmov x0, {B}",
        "csel x0, {B}, x1, eq",
        "mul x0, {B}, x1",
        "tbz {B}, #40, 1f\nadd x0, x0, #1\n1:",
        "str {B32}, [x0]",
        "ldr x0, [x0, {B}, lsl #3]",
        "ldxr x8, [{B}]",
        "stxr w8, x0, [{B}]",
        "ldr wzr, [{B}]",
        "ldr w0, [{B}]\nmov w0, #1",
    ),
    "riscv64": (
        "bne {B}, a1, 1f\naddi a0, a0, 1\n1:",
        "sltu a0, a1, {B}",
        "add a0, {B}, tp",
        "mul a0, {B}, a1",
        "sb {B}, 0(a0)",
        "ld a0, 8({B})",
        "lw zero, 0({B})",
        "lw a0, 0({B})\nli a0, 1",
        "flw fa0, 0({B})\nfmv.w.x fa0, zero",
        "amoadd.w zero, a1, ({B})",
        "amoadd.w zero, {B}, (a1)",
        "lr.d t0, ({B})",
        "fmv.d.x fa0, {B}",
        "fcvt.d.w fa0, {B}",
    ),
}


@pytest.mark.parametrize(("isa", "after"), [(isa, text) for isa in ISAS for text in READERS[isa]])
def test_whatever_reads_a_register_makes_it_live(isa: str, after: str) -> None:
    """A dead load counts as well: a volatile object's address must be one even if nobody wants what lies there."""
    seven = {"x86_64": "mov {B32}, 7", "aarch64": "mov {B}, #7", "riscv64": "li {B}, 7"}[isa]
    (recipe,) = site(isa, seven, after).recipes
    assert (recipe.dest, recipe.kind, recipe.imm) == (B[isa], RecipeKind.CONST, 7)


def test_a_copy_wants_of_a_register_what_is_wanted_of_the_copy() -> None:
    """A shift reads the lowest byte of the count alone, and nobody has set the others."""
    made = site("x86_64", "mov r12b, 24", "mov ecx, r12d\nxor eax, eax\nshl eax, cl\nxor ecx, ecx")
    assert made.recipes == (Recipe(B["x86_64"], RecipeKind.CONST, 1, 0, 24),) and not made.unproved
    made = site("x86_64", "mov r12b, 24", "mov ecx, r12d\nlea rax, [rcx + 1]")
    assert made.unproved == "r12 holds 1 bytes of the number 24 after the call"
    made = site("x86_64", "mov r12b, 24", "movzx eax, r12b")
    assert made.recipes == (Recipe(B["x86_64"], RecipeKind.CONST, 1, 0, 24),)
    made = site("x86_64", "mov r12w, 8", "movzx eax, r12w")
    assert made.recipes == (Recipe(B["x86_64"], RecipeKind.CONST, 2, 0, 8),)
    made = site("x86_64", "mov r12b, 24", "movsx rax, r12b\nshr rax, 32")
    assert made.recipes == (Recipe(B["x86_64"], RecipeKind.CONST, 1, 0, 24),), "the sign is in the byte"


def test_the_part_of_a_register_that_a_byte_move_keeps_is_not_forgotten() -> None:
    """Only the lowest byte is known: nobody may remake more from it."""
    for move in ("mov {B8}, 1", "mov {B8}, {A8}"):
        assert not site("x86_64", move, "movzx eax, {B8}").unproved
        for use in ("mov eax, {B32}", "mov rax, {B}"):
            assert site("x86_64", f"imul {{B}}, rsi, 3\n{move}", use).unproved.startswith("r12 holds"), (move, use)


@pytest.mark.parametrize("isa", [isa for isa in ISAS if MACHINES[isa].vectors])
def test_the_low_half_of_a_vector_is_not_the_vector(isa: str) -> None:
    before = {
        "x86_64": "movups xmm0, [rip + pool]\n{move}\nmovups [rsp], xmm1",
        "aarch64": "adrp x8, pool\nldr q0, [x8, :lo12:pool]\n{move}\nstr q1, [sp]",
    }[isa]
    whole, half = {
        "x86_64": ("movaps xmm1, xmm0", "movq xmm1, xmm0"),
        "aarch64": ("ldr q1, [x8, :lo12:pool]", "fmov d1, d0"),
    }[isa]
    after = {"x86_64": "movups xmm0, [rsp]", "aarch64": "ldr q0, [sp]"}[isa]
    (recipe,) = site(isa, before.replace("{move}", whole), after).recipes
    assert (recipe.kind, recipe.width) == (RecipeKind.LOAD, 16)
    assert site(isa, before.replace("{move}", half), after).unproved


def test_two_vectors_that_one_instruction_stores_are_more_than_a_recipe_makes() -> None:
    made = site("aarch64", "st1 {{v0.2d, v1.2d}}, [sp]", "ld1 {{v0.2d, v1.2d}}, [sp]\nstr q0, [x0]")
    assert made.unproved == "the slot at CFA-64 is read after the call"


def test_jump_tables_lead_to_what_is_live() -> None:
    after = "cmp rsi, 2\njae 4f\njmp [8*rsi + .Ltable]\n.Ltwo: mov rax, {B}\njmp 4f\n.Lthree: inc rax\n4:"
    data = '.section .rodata,"a"\n.balign 8\n.Ltable: .quad .Ltwo, .Lthree\n'
    made = site("x86_64", "mov {B32}, 7", after, data=data)
    assert made.recipes == (Recipe(12, RecipeKind.CONST, 8, 0, 7),)
    after = """cmp x1, #2\nb.hs 4f\nadrp x8, .Ltable\nadd x8, x8, :lo12:.Ltable\nadr x9, .Ltwo
        ldrsw x10, [x8, x1, lsl #2]\nadd x9, x9, x10\nbr x9\n.Ltwo: mov x0, {B}\nb 4f\n.Lthree: add x0, x0, #1\n4:"""
    data = '.section .rodata,"a"\n.balign 4\n.Ltable: .word .Ltwo-.Ltwo, .Lthree-.Ltwo\n'
    made = site("aarch64", "mov {B}, #7", after, data=data)
    assert made.recipes == (Recipe(20, RecipeKind.CONST, 8, 0, 7),)
    after = """sltiu t0, a1, 2\nbeqz t0, 4f\nslli a1, a1, 2\n{address}\njr t0
        .Ltwo: mv a0, {B}\nj 4f\n.Lthree: addi a0, a0, 1\n4:"""
    data = '.section .rodata,"a"\n.balign 4\n.Ltable: .word .Ltwo, .Lthree\n'
    for address in (
        "lui t0, %hi(.Ltable)\naddi t0, t0, %lo(.Ltable)\nadd t0, t0, a1\nlw t0, 0(t0)",
        "lui t0, %hi(.Ltable)\nadd t0, t0, a1\nlw t0, %lo(.Ltable)(t0)",
        "lui t0, %hi(.Ltable)\naddi t0, t0, %lo(.Ltable)\nbeqz a2, 4f\nadd t0, t0, a1\nlw t0, 0(t0)",  # from afar
    ):
        made = site("riscv64", "li {B}, 7", after.replace("{address}", address), data=data)
        assert made.recipes == (Recipe(18, RecipeKind.CONST, 8, 0, 7),)


@ISA
def test_an_indirect_jump_without_a_table_is_unproved(isa: str) -> None:
    after = {"x86_64": "jmp rsi", "aarch64": "br x1", "riscv64": "jr a1"}[isa]
    assert site(isa, "", after).unproved.startswith("no jump table for")
