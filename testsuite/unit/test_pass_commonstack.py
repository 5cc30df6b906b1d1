"""Whatever can have its address taken moves to the common stack (law 3, design 4.5)."""

from __future__ import annotations

import re

import pytest
from ir_fixtures import apply, body, check_body, refused

from popcc.passes.commonstack import CommonStack

CSP = """
%popcorn.tp{0} = call ptr @llvm.thread.pointer.p0()
%popcorn.cspp{0} = getelementptr inbounds i8, ptr %popcorn.tp{0}, i64 32
"""


def test_static_locals_lie_at_fixed_offsets_of_one_frame() -> None:
    out = apply(
        CommonStack(),
        """
        declare i32 @g(ptr, ptr, ptr)
        define i32 @f() {
        entry:
          %a = alloca i8, align 1
          %b = alloca [3 x i32], align 8
          %c = alloca i32, i32 4, align 4
          %r = call i32 @g(ptr %a, ptr %b, ptr %c)
          ret i32 %r
        }
        """,
    )
    check_body(
        out,
        "f",
        "entry:"
        + CSP.format(2)
        + """
        %popcorn.csp = load ptr, ptr %popcorn.cspp2, align 8
        %popcorn.frame = getelementptr inbounds i8, ptr %popcorn.csp, i64 -48
        store ptr %popcorn.frame, ptr %popcorn.cspp2, align 8
        %a = getelementptr inbounds i8, ptr %popcorn.frame, i64 0
        %b = getelementptr inbounds i8, ptr %popcorn.frame, i64 8
        %c = getelementptr inbounds i8, ptr %popcorn.frame, i64 20
        %r = call i32 @g(ptr %a, ptr %b, ptr %c)
        %popcorn.end0 = getelementptr inbounds i8, ptr %popcorn.frame, i64 48
        """
        + CSP.format(1)
        + """
        store ptr %popcorn.end0, ptr %popcorn.cspp1, align 8
        ret i32 %r
        """,
    )


def test_an_overaligned_local_keeps_the_old_pointer_in_the_frame() -> None:
    out = apply(
        CommonStack(),
        """
        declare void @g(ptr)
        define void @f() {
        entry:
          %a = alloca i64, align 64
          call void @g(ptr %a)
          ret void
        }
        """,
    )
    text = body(out, "f")
    assert text[4:9] == [
        "%popcorn.low = getelementptr inbounds i8, ptr %popcorn.csp, i64 -32",
        "%popcorn.frame = call ptr @llvm.ptrmask.p0.i64(ptr %popcorn.low, i64 -64)",
        "%popcorn.old = getelementptr inbounds i8, ptr %popcorn.frame, i64 16",
        "store ptr %popcorn.csp, ptr %popcorn.old, align 8",
        "store ptr %popcorn.frame, ptr %popcorn.cspp2, align 8",
    ]
    assert text[-5:] == [
        "%popcorn.was0 = load ptr, ptr %popcorn.end0, align 8",
        *CSP.format(1).split("\n")[1:-1],
        "store ptr %popcorn.was0, ptr %popcorn.cspp1, align 8",
        "ret void",
    ]


def test_dynamic_locals_move_the_pointer_and_scopes_restore_it() -> None:
    out = apply(
        CommonStack(),
        """
        declare void @g(ptr)
        declare ptr @llvm.stacksave.p0()
        declare void @llvm.stackrestore.p0(ptr)
        define void @f(i32 %n) {
        entry:
          br label %scope
        scope:
          %s = call ptr @llvm.stacksave.p0()
          %d = alloca i16, i32 %n, align 64
          call void @g(ptr %d)
          call void @llvm.stackrestore.p0(ptr %s)
          br label %done
        done:
          ret void
        }
        """,
    )
    scope = out[out.index("scope:") : out.index("done:")]
    assert [line.strip() for line in scope.splitlines() if "popcorn.tp" not in line and line.strip()] == [
        "scope:",
        "%s = load ptr, ptr %popcorn.cspp0, align 8",
        "%popcorn.dyn1.n = zext i32 %n to i64",
        "%popcorn.dyn1.bytes = mul i64 %popcorn.dyn1.n, 2",
        "%popcorn.dyn1.csp = load ptr, ptr %popcorn.cspp2, align 8",
        "%popcorn.dyn1.minus = sub i64 0, %popcorn.dyn1.bytes",
        "%popcorn.dyn1.low = getelementptr inbounds i8, ptr %popcorn.dyn1.csp, i64 %popcorn.dyn1.minus",
        "%d = call ptr @llvm.ptrmask.p0.i64(ptr %popcorn.dyn1.low, i64 -64)",
        "store ptr %d, ptr %popcorn.cspp2, align 8",
        "call void @g(ptr %d)",
        "store ptr %s, ptr %popcorn.cspp3, align 8",
        "br label %done",
    ]


def test_nothing_is_left_of_allocas_and_their_markers() -> None:
    out = apply(
        CommonStack(),
        """
        declare void @g(ptr)
        declare void @llvm.lifetime.start.p0(ptr)
        define void @f(i1 %c, i64 %n) {
        entry:
          %a = alloca i32, align 4
          call void @llvm.lifetime.start.p0(ptr %a)
          br i1 %c, label %then, label %done
        then:
          %b = alloca [2 x i64], align 8
          %d = alloca i8, i64 %n, align 1
          call void @g(ptr %b)
          br label %done
        done:
          ret void
        }
        """,
    )
    assert not re.search(r"= alloca|call void @llvm\.lifetime", out)


def test_every_return_frees_the_frame() -> None:
    out = apply(
        CommonStack(),
        """
        declare void @g(ptr)
        define void @f(i1 %c) {
        entry:
          %a = alloca i32, align 4
          call void @g(ptr %a)
          br i1 %c, label %one, label %two
        one:
          ret void
        two:
          ret void
        }
        """,
    )
    text = body(out, "f")
    returns = [k for k, i in enumerate(text) if i == "ret void"]
    assert len(returns) == 2
    assert all(re.match(r"store ptr %popcorn\.end\d+, ptr %popcorn\.cspp\d+", text[k - 1]) for k in returns)


@pytest.mark.parametrize("call", ["call void @llvm.donothing()", "%x = call double @sqrt(double 1.0)"])
def test_a_function_without_sites_keeps_its_machine_stack(call: str) -> None:
    text = f"""
    declare void @llvm.donothing()
    declare double @sqrt(double)
    define i32 @f() {{
    entry:
      %a = alloca i32, align 4
      store volatile i32 1, ptr %a
      {call}
      %v = load volatile i32, ptr %a
      ret i32 %v
    }}
    """
    assert "= alloca i32" in apply(CommonStack(), text)


def test_a_caller_of_setjmp_has_a_frame_even_without_locals() -> None:
    text = """
    declare i32 @__popcorn_setjmp(ptr) returns_twice
    define void @f(ptr %env) {
    entry:
      %r = call i32 @__popcorn_setjmp(ptr %env) returns_twice
      ret void
    }
    """
    assert "%popcorn.frame = getelementptr inbounds i8, ptr %popcorn.csp, i64 -16" in body(
        apply(CommonStack(), text), "f"
    )


def test_an_alignment_beyond_a_page_is_refused() -> None:
    text = """
    declare void @g(ptr)
    define void @f() {
      %a = alloca i32, align 8192
      call void @g(ptr %a)
      ret void
    }
    """
    refused(CommonStack(), text, "^in f: a local aligned to 8192 bytes; the limit is 4096$")
