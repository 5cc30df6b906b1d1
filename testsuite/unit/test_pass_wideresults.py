"""Vectors of more than 16 bytes come back through a hidden pointer (popcc.passes.wideresults)."""

from __future__ import annotations

import pytest
from ir_fixtures import apply, check_body, header, line

from popcc import codegen
from popcc.passes.wideresults import WideResults


def made(text: str) -> str:
    """The pass's output, which LLVM finds valid."""
    out = apply(WideResults(), text)
    codegen.parse(out, "the pass")
    return out


def test_the_caller_gives_the_place() -> None:
    out = made("""
    declare noundef nofpclass(nan) <8 x float> @g(i32)
    define dso_local noundef <8 x float> @f(i32 noundef %n) {
    entry:
      %r = tail call noundef nofpclass(nan) <8 x float> @g(i32 1)
      call <8 x float> @g(i32 2)
      ret <8 x float> %r
    }
    """)
    assert line(out, "declare ") == "declare void @g(ptr noalias noundef, i32)"
    assert header(out, "f") == "define dso_local void @f(ptr noalias noundef %popcorn.result, i32 noundef %n) {"
    check_body(
        out,
        "f",
        """
        entry:
        %popcorn.result.0 = alloca <8 x float>, align 16
        call void @g(ptr noalias noundef %popcorn.result.0, i32 1)
        %r = load <8 x float>, ptr %popcorn.result.0, align 16
        call void @g(ptr noalias noundef %popcorn.result.0, i32 2)
        %popcorn.result.unused.0 = load <8 x float>, ptr %popcorn.result.0, align 16
        store <8 x float> %r, ptr %popcorn.result, align 16
        ret void
        """,
    )


def test_a_function_that_touches_no_memory_now_writes_its_result() -> None:
    """What attributes say of others stays."""
    out = made("""
    declare <4 x i64> @g() #0
    define <4 x i64> @f(ptr %p) {
      %r = call <4 x i64> %p() #0
      ret <4 x i64> %r
    }
    declare i64 @h() #0
    attributes #0 = { nounwind willreturn memory(none) "key"="value" }
    """)
    assert line(out, "declare void") == "declare void @g(ptr noalias noundef) #1"
    assert "  call void %p(ptr noalias noundef %popcorn.result.0) #1\n" in out
    assert line(out, "declare i64") == "declare i64 @h() #0"
    assert line(out, "attributes #1") == 'attributes #1 = { nounwind willreturn "key"="value" }'


def test_variable_arguments() -> None:
    out = made("""
    declare <32 x i8> @g(i32, ...)
    define void @f() {
      call <32 x i8> (i32, ...) @g(i32 1, i32 2)
      ret void
    }
    """)
    assert "  call void (ptr, i32, ...) @g(ptr noalias noundef %popcorn.result.0, i32 1, i32 2)\n" in out


@pytest.mark.parametrize(
    "type_", ["<4 x float>", "<2 x double>", "<16 x i8>", "i128", "{ double, double }", "<8 x i1>"]
)
def test_what_stays(type_: str) -> None:
    text = f"declare {type_} @g()\ndefine {type_} @f() {{\nentry:\n  %r = call {type_} @g()\n  ret {type_} %r\n}}\n"
    assert made(text) == text


def test_intrinsics_stay() -> None:
    text = """
    declare <8 x float> @llvm.sqrt.v8f32(<8 x float>)
    define void @f(<8 x float> %v) {
      %s = call <8 x float> @llvm.sqrt.v8f32(<8 x float> %v)
      ret void
    }
    """
    assert "%s = call <8 x float> @llvm.sqrt.v8f32(<8 x float> %v)" in made(text)
