"""What each ISA would compute in its own way is spelled out (law 6)."""

from __future__ import annotations

import pytest
from ir_fixtures import apply, body, check_body, line

from popcc import codegen
from popcc.isa import ISAS
from popcc.optimiser import optimise
from popcc.passes.samebits import SameBits


def test_a_product_and_a_sum_are_two_roundings() -> None:
    """``#pragma STDC FP_CONTRACT ON`` asks clang for fmuladd, which only some ISAs do in one."""
    text = """
    declare double @llvm.fmuladd.f64(double, double, double)
    define double @f(double %a, double %b, double %c) {
    entry:
      %r = call contract double @llvm.fmuladd.f64(double %a, double noundef %b, double %c)
      ret double %r
    }
    """
    out = apply(SameBits(), text)
    check_body(
        out,
        "f",
        """
        entry:
        %"popcorn.product.r" = fmul double %a, %b
        %r = fadd double %"popcorn.product.r", %c
        ret double %r
        """,
    )


def test_vectors_too() -> None:
    text = """
    declare <2 x float> @llvm.fmuladd.v2f32(<2 x float>, <2 x float>, <2 x float>)
    define <2 x float> @f(<2 x float> %0) {
      %2 = tail call <2 x float> @llvm.fmuladd.v2f32(<2 x float> %0, <2 x float> %0, <2 x float> splat (float 1.0))
      ret <2 x float> %2
    }
    """
    assert body(apply(SameBits(), text), "f")[1:3] == [
        '%"popcorn.product.a..2" = fmul <2 x float> %a..0, %a..0',
        '%a..2 = fadd <2 x float> %"popcorn.product.a..2", splat (float 1.0)',
    ]


@pytest.mark.parametrize(
    ("flagged", "plain"),
    [
        ("%r = fadd fast double %a, %b", "%r = fadd double %a, %b"),
        ("%r = fmul nnan ninf contract double %a, %b", "%r = fmul double %a, %b"),
        ("%r = select nsz i1 %c, double %a, double %b", "%r = select i1 %c, double %a, double %b"),
        ("%r = tail call afn double @g(double %a)", "%r = tail call double @g(double %a)"),
        ("%r = fneg reassoc double %a", "%r = fneg double %a"),
    ],
)
def test_fast_math_flags_go(flagged: str, plain: str) -> None:
    text = "declare double @g(double)\ndefine double @f(double %a, double %b, i1 %c) {\nentry:\nX\nret double %r\n}\n"
    assert body(apply(SameBits(), text.replace("X", flagged)), "f")[1] == plain


def test_attributes_that_loosen_arithmetic_go() -> None:
    text = """
    define void @f() #0 {
    entry:
      ret void
    }
    attributes #0 = { nounwind "no-nans-fp-math"="true" "unsafe-fp-math"="true" "x"="y" }
    """
    assert line(apply(SameBits(), text), "attributes") == 'attributes #0 = { nounwind "x"="y" }'


@pytest.mark.parametrize(
    ("what", "type_", "libm"), [("minnum.f64", "double", "fmin"), ("maxnum.f32", "float", "fmaxf")]
)
def test_minima_and_maxima_are_libms(what: str, type_: str, libm: str) -> None:
    """Which of +0 and -0 is the smaller one the intrinsics leave to the ISA."""
    text = f"""
    declare {type_} @llvm.{what}({type_}, {type_})
    define {type_} @f({type_} %a, {type_} %b) {{
    entry:
      %r = tail call nsz {type_} @llvm.{what}({type_} %a, {type_} %b)
      ret {type_} %r
    }}
    """
    out = apply(SameBits(), text)
    assert body(out, "f")[1] == f"%r = tail call {type_} @{libm}({type_} %a, {type_} %b)"
    assert f"declare {type_} @{libm}({type_}, {type_}) nounwind" in out


def test_what_the_optimiser_makes_of_libms_calls_is_undone() -> None:
    text = """
    declare double @fmin(double, double)
    define double @f(double %a, double %b) {
    entry:
      %r = call double @fmin(double %a, double %b)
      ret double %r
    }
    """
    optimised = optimise(text, "2")
    assert "@llvm.minnum.f64" in optimised, "the optimiser has changed: is this pass still needed behind it?"
    assert body(apply(SameBits(), optimised), "f")[1].endswith("@fmin(double %a, double %b)")


def test_the_control_one_isa_contracts_what_another_does_not() -> None:
    text = """
    define double @f(double %a, double %b, double %c) {
    entry:
      %p = fmul contract double %a, %b
      %r = fadd contract double %p, %c
      ret double %r
    }
    """
    code = {isa: codegen.emit(text, ISAS[isa], "2", assembly=True) for isa in ISAS}
    assert b"fmadd" in code["aarch64"] and b"mulsd" in code["x86_64"]
    assert b"fmadd" not in codegen.emit(apply(SameBits(), text), ISAS["aarch64"], "2", assembly=True)
