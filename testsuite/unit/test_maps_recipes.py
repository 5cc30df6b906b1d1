"""Recipes: how machine values that no IR value stands for are remade (completion of site maps, law 4)."""

from __future__ import annotations

import pytest
from map_fixtures import FRAME, ISA, USE_B, B, recipes, site

from popcc.schema.sites import SLOT, RecipeKind
from popcc.unit import Recipe

USE_B32 = {"x86_64": "mov eax, {B32}", "aarch64": "mov w0, {B32}", "riscv64": "sext.w a0, {B}"}


@ISA
def test_recipe_constant(isa: str) -> None:
    assert recipes(isa, {"x86_64": "mov {B32}, 7", "aarch64": "mov {B32}, #7", "riscv64": "li {B}, 7"}) == [
        Recipe(B[isa], RecipeKind.CONST, 8, 0, 7)
    ]


def test_recipe_constant_put_together_by_several_instructions() -> None:
    text = "mov {B}, #0x5678\nmovk {B}, #0x1234, lsl #48\norr {B}, {B}, #0x10000"
    assert site("aarch64", text, USE_B["aarch64"]).recipes == (
        Recipe(20, RecipeKind.CONST, 8, 0, 0x1234_0000_0001_5678),
    )
    for value in (0x1234_5678_9ABC_DEF0, -0x1234_5678_9ABC_DEF1, 0x7FFF_F800, -0x8000_0000, 0x8000_0001, 0xFFFF_FFFF):
        assert site("riscv64", f"li {{B}}, {value}", USE_B["riscv64"]).recipes == (
            Recipe(18, RecipeKind.CONST, 8, 0, value),
        )


@pytest.mark.parametrize(
    ("change", "value"),
    [("add qword ptr {}, 100", 107), ("sub qword ptr {}, 8", -1), ("inc qword ptr {}", 8), ("dec qword ptr {}", 6)],
)
def test_recipe_constant_changed_in_its_slot(change: str, value: int) -> None:
    place = "[rsp + 8]"
    made = site("x86_64", f"mov qword ptr {place}, 7\n{change.format(place)}", f"mov rax, {place}")
    assert made.recipes == (Recipe(SLOT | FRAME - 8, RecipeKind.CONST, 8, 0, value),)


def test_recipe_float_below_ones() -> None:
    """On riscv64 a float of 4 bytes has ones above it in its register; what it is, read-only memory tells."""
    data = '.section .rodata.cst4,"aM",@progbits,4\nhalf: .float 0.5\n'
    load = "lui t0, %hi({})\nflw fs0, %lo({})(t0)"
    save = "fsd fs0, 8(sp)\n"
    made = site("riscv64", save + load.replace("{}", "half"), "fmv.s fa0, fs0\nfld fs0, 8(sp)", data=data)
    assert made.recipes == (Recipe(40, RecipeKind.CONST, 8, 0, 0x3F000000 - (1 << 32)),)
    made = site("riscv64", save + load.replace("{}", "variable"), "fmv.s fa0, fs0\nfld fs0, 8(sp)")
    assert made.unproved.startswith("fs0 holds a result of")


def test_a_frame_whose_size_no_immediate_holds() -> None:
    """riscv64 puts it together in a register."""
    enter = "lui t0, 1\naddi t0, t0, -48\nsub sp, sp, t0\nlui t1, 1\nadd t1, sp, t1\nsd ra, -56(t1)\n"
    made = site("riscv64", whole=enter + "call g\nr0:\nld ra, 0(sp)\nret", values=())
    assert made.frame == 4096 - 48 and made.saved == (1 << 24 | 1,)


@ISA
def test_recipe_address_of_a_symbol(isa: str) -> None:
    text = {
        "x86_64": "mov {B32}, offset external+4",
        "aarch64": "adrp {B}, external+4\nadd {B}, {B}, :lo12:external+4",
        "riscv64": "lui {B}, %hi(external+4)\naddi {B}, {B}, %lo(external+4)",
    }
    assert recipes(isa, text) == [Recipe(B[isa], RecipeKind.CONST, 8, 0, 4, "external")]


def test_recipe_page_of_a_symbol() -> None:
    made = site("aarch64", "adrp {B}, external", "ldr x0, [{B}, :lo12:external]")
    assert made.recipes == (Recipe(20, RecipeKind.CONST, 8, 0, 0, "page:external"),)
    made = site("riscv64", "lui {B}, %hi(external)", "ld a0, %lo(external)({B})")
    assert made.recipes == (Recipe(18, RecipeKind.CONST, 8, 0, 0x800, "page:external"),), "pages are rounded there"


@ISA
def test_recipe_read_only_memory(isa: str) -> None:
    text = {
        "x86_64": "mov {B}, [rip + pool]",
        "aarch64": "adrp x8, pool\nldr {B}, [x8, :lo12:pool]",
        "riscv64": "lui t0, %hi(pool)\nld {B}, %lo(pool)(t0)",
    }
    (recipe,) = recipes(isa, text)
    assert (recipe.dest, recipe.kind, recipe.width) == (B[isa], RecipeKind.LOAD, 8)
    assert (recipe.symbol, recipe.imm) in (("pool", 0), ("section:.rodata", 0))


@ISA
def test_recipe_thread_pointer(isa: str) -> None:
    text = {
        "x86_64": "mov {B}, fs:[0]\nadd {B}, 32",
        "aarch64": "mrs {B}, tpidr_el0\nadd {B}, {B}, #32",
        "riscv64": "addi {B}, tp, 32",
    }
    assert recipes(isa, text) == [Recipe(B[isa], RecipeKind.TP, 8, 0, 32)]


@ISA
def test_recipe_distances(isa: str) -> None:
    """How thread-locals are reached: the variable's distance from the end of the image, beyond the thread pointer."""
    two = {
        "x86_64": "mov {B32}, offset external\nmov eax, offset other\nsub {B}, rax",
        "aarch64": "adrp {B}, external\nadd {B}, {B}, :lo12:external\nadrp x8, other\nadd x8, x8, :lo12:other\n"
        "sub {B}, {B}, x8",
        "riscv64": "lui {B}, %hi(external)\naddi {B}, {B}, %lo(external)\nlui t0, %hi(other)\n"
        "addi t0, t0, %lo(other)\nsub {B}, {B}, t0",
    }
    pointer = {
        "x86_64": "mov rcx, fs:[0]\nadd {B}, rcx",
        "aarch64": "mrs x9, tpidr_el0\nadd {B}, {B}, x9",
        "riscv64": "add {B}, {B}, tp",
    }
    name = "diff:external\0other"
    assert recipes(isa, two) == [Recipe(B[isa], RecipeKind.CONST, 8, 0, 0, name)]
    assert recipes(isa, {isa: f"{two[isa]}\n{pointer[isa]}"}) == [Recipe(B[isa], RecipeKind.TP, 8, 0, 0, name)]


def test_recipe_distance_from_zero() -> None:
    assert recipes("x86_64", {"x86_64": "mov {B32}, offset external\nneg {B}"}) == [
        Recipe(B["x86_64"], RecipeKind.CONST, 8, 0, 0, "diff:\0external")
    ]


@ISA
def test_recipe_address_in_the_frame(isa: str) -> None:
    text = {"x86_64": "lea {B}, [rsp + 16]", "aarch64": "add {B}, sp, #16", "riscv64": "addi {B}, sp, 16"}
    assert recipes(isa, text) == [Recipe(B[isa], RecipeKind.CFA, 8, 0, 16 - FRAME)]


@ISA
@pytest.mark.parametrize("offset", [0, 24, -8])
def test_recipe_value_plus_a_constant(isa: str, offset: int) -> None:
    text = {
        "x86_64": f"lea {{B}}, [{{A}} + {offset}]",
        "aarch64": f"{'sub' if offset < 0 else 'add'} {{B}}, {{A}}, #{abs(offset)}",
        "riscv64": f"addi {{B}}, {{A}}, {offset}",
    }
    assert recipes(isa, text) == [Recipe(B[isa], RecipeKind.VALUE, 8, 0, offset)]


@ISA
def test_recipe_base_of_a_listed_sum(isa: str) -> None:
    """What is listed is A + 8; A itself, from which it was made, is remade from it."""
    text = {
        "x86_64": "mov {B}, {A}\nadd {A}, 8",
        "aarch64": "mov {B}, {A}\nadd {A}, {A}, #8",
        "riscv64": "mv {B}, {A}\naddi {A}, {A}, 8",
    }
    assert recipes(isa, text) == [Recipe(B[isa], RecipeKind.VALUE, 8, 0, -8)]


@ISA
def test_recipe_extensions(isa: str) -> None:
    zero = {
        "x86_64": "mov {B32}, {A32}",
        "aarch64": "mov {B32}, {A32}",
        "riscv64": "slli {B}, {A}, 32\nsrli {B}, {B}, 32",
    }
    sign = {"x86_64": "movsxd {B}, {A32}", "aarch64": "sxtw {B}, {A32}", "riscv64": "sext.w {B}, {A}"}
    byte = {
        "x86_64": "movsx {B}, {A8}",
        "aarch64": "sxtb {B}, {A32}",
        "riscv64": "slli {B}, {A}, 56\nsrai {B}, {B}, 56",
    }
    assert recipes(isa, zero) == [Recipe(B[isa], RecipeKind.ZEXT, 8, 0, 4)]
    assert recipes(isa, sign) == [Recipe(B[isa], RecipeKind.SEXT, 8, 0, 4)]
    assert recipes(isa, byte) == [Recipe(B[isa], RecipeKind.SEXT, 8, 0, 1)]


@ISA
def test_recipe_low_bytes_of_a_value(isa: str) -> None:
    """Only 4 bytes are read: where the value came from as a copy, its low half is enough."""
    text = {"x86_64": "mov {B}, {A}", "aarch64": "mov {B}, {A}", "riscv64": "mv {B}, {A}"}
    assert recipes(isa, text, USE_B32) == [Recipe(B[isa], RecipeKind.VALUE, 4, 0, 0)]
