"""By-value aggregates become a copy made by the caller; hidden result pointers are ordinary (design 4.2)."""

from __future__ import annotations

from ir_fixtures import apply, body, check_body, header, line

from popcc.passes.byval import ByVal

BIG = "%big = type { [4 x i64], i8 }\n"


def test_the_caller_copies_and_passes_the_address() -> None:
    out = apply(
        ByVal(),
        BIG
        + """
        declare void @use(ptr noundef byval(%big) align 16, i32)
        define void @f(ptr %p) {
        entry:
          tail call void @use(ptr noundef byval(%big) align 16 %p, i32 1)
          ret void
        }
        """,
    )
    check_body(
        out,
        "f",
        """
        entry:
        %popcorn.byval.0 = alloca %big, align 16
        call void @llvm.memcpy.p0.p0.i64(ptr align 16 %popcorn.byval.0, ptr align 16 %p, i64 40, i1 false)
        call void @use(ptr noundef align 16 %popcorn.byval.0, i32 1)
        ret void
        """,
    )
    assert line(out, "declare void @use") == "declare void @use(ptr noundef align 16, i32)"


def test_each_argument_has_its_own_copy() -> None:
    """Two parameters that got one copy would alias, and the callee may write to its parameters."""
    out = apply(
        ByVal(),
        BIG
        + """
        define void @use(ptr byval(%big) align 8 %a, ptr byval(%big) align 8 %b) {
          ret void
        }
        define void @f(ptr %p) {
          call void @use(ptr byval(%big) align 8 %p, ptr byval(%big) align 8 %p)
          ret void
        }
        """,
    )
    assert header(out, "use") == "define void @use(ptr align 8 %a, ptr align 8 %b) {"
    assert "call void @use(ptr align 8 %popcorn.byval.0, ptr align 8 %popcorn.byval.1)" in body(out, "f")


def test_the_hidden_result_pointer_is_an_ordinary_argument() -> None:
    """On aarch64 ``sret`` would travel in x8, which no other ISA has."""
    out = apply(
        ByVal(),
        BIG
        + """
        declare void @make(ptr dead_on_unwind writable sret(%big) align 8, i32)
        define void @f(ptr noalias sret(%big) align 8 %out) {
        entry:
          tail call void @make(ptr dead_on_unwind writable sret(%big) align 8 %out, i32 1)
          ret void
        }
        """,
    )
    assert header(out, "f") == "define void @f(ptr noalias align 8 %out) {"
    check_body(out, "f", "entry:\ntail call void @make(ptr dead_on_unwind writable align 8 %out, i32 1)\nret void")


def test_types_written_out_and_indirect_calls() -> None:
    out = apply(
        ByVal(),
        """
        define void @f(ptr %g, ptr %p) {
          call void %g(ptr byval({ i64, [3 x { i8, ptr }] }) align 8 %p)
          ret void
        }
        """,
    )
    assert "%popcorn.byval.0 = alloca { i64, [3 x { i8, ptr }] }, align 8" in body(out, "f")
    assert any("i64 56, i1 false" in i for i in body(out, "f"))
    assert "call void %g(ptr align 8 %popcorn.byval.0)" in body(out, "f")
