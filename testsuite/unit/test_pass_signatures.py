"""Vectors that some ISA would pass through the caller's machine stack travel as doubles (popcc.passes.signatures)."""

from __future__ import annotations

import pytest
from ir_fixtures import apply, body, line

from popcc import codegen
from popcc.isa import ISAS
from popcc.passes.signatures import Signatures


def made(text: str) -> str:
    """The pass's output, which LLVM finds valid."""
    out = apply(Signatures(), text)
    codegen.parse(out, "the pass")
    return out


def program(type_: str) -> str:
    call = f"%r = call noundef {type_} @g(i32 1)"
    return f"declare {type_} @g(i32)\ndefine {type_} @f() {{\n  {call}\n  ret {type_} %r\n}}\n"


@pytest.mark.parametrize(
    ("type_", "travels"),
    [
        ("<4 x float>", "{ double, double }"),
        ("<16 x i8>", "{ double, double }"),
        ("<8 x i8>", "double"),
        ("{ <2 x float>, float }", "{ double, float }"),
        ("{ <2 x float>, <2 x float> }", "{ double, double }"),
        ("{ <2 x float>, i64 }", "{ double, i64 }"),
    ],
)
def test_what_travels_as_doubles(type_: str, travels: str) -> None:
    out = made(program(type_))
    assert line(out, "declare ") == f"declare {travels} @g(i32)"
    assert f"define {travels} @f() {{" in out
    assert f" = call noundef {travels} @g(i32 1)" in out and f"ret {travels} " in out


@pytest.mark.parametrize("type_", ["<2 x float>", "{ double, double }", "{ i64, double }", "i128", "<8 x float>"])
def test_what_stays(type_: str) -> None:
    assert made(program(type_)) == apply(Signatures(), made(program(type_)))
    assert f"define {type_} @f() {{" in made(program(type_))


def test_a_result_that_nobody_wants_and_intrinsics() -> None:
    out = made("""
    declare <4 x float> @g()
    declare <4 x float> @llvm.sqrt.v4f32(<4 x float>)
    define void @f(<4 x float> %v) {
      call <4 x float> @g()
      %s = call <4 x float> @llvm.sqrt.v4f32(<4 x float> %v)
      ret void
    }
    """)
    assert "call { double, double } @g()" in body(out, "f")
    assert "%s = call <4 x float> @llvm.sqrt.v4f32(<4 x float> %v)" in body(out, "f")


def test_every_isa_returns_them_in_registers() -> None:
    """RISC-V would store three floats to where its caller says."""
    text = """
    define { <2 x float>, float } @f(<2 x float> %a, float %b) {
      %1 = insertvalue { <2 x float>, float } poison, <2 x float> %a, 0
      %2 = insertvalue { <2 x float>, float } %1, float %b, 1
      ret { <2 x float>, float } %2
    }
    """
    stores = {isa: b"fsw\t" in codegen.emit(text, ISAS[isa], "2", assembly=True) for isa in ISAS}
    assert stores["riscv64"]
    assert b"(a0)" not in codegen.emit(made(text), ISAS["riscv64"], "2", assembly=True)


def test_arguments_of_many_integers() -> None:
    out = made("""
    declare void @g(<16 x i8> noundef, <4 x float>, <2 x i64>, <8 x i8>)
    define void @f(<16 x i8> noundef %v, <4 x float> %w, <2 x i64> %x, ptr %p) {
      call void @g(<16 x i8> noundef %v, <4 x float> %w, <2 x i64> %x, <8 x i8> zeroinitializer)
      call void %p(<4 x i32> splat (i32 7))
      ret void
    }
    """)
    assert line(out, "declare ") == "declare void @g(<2 x double> noundef, <4 x float>, <2 x i64>, double)"
    assert (
        "define void @f(<2 x double> noundef %popcorn.signature.argument.v, <4 x float> %w, <2 x i64> %x, ptr %p) {"
        in out
    )
    assert body(out, "f")[1] == "%v = bitcast <2 x double> %popcorn.signature.argument.v to <16 x i8>"
    assert apply(Signatures(), out) == out
