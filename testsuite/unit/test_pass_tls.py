"""Thread-locals become ordinary objects, addressed from the thread pointer (design 4.3)."""

from __future__ import annotations

import pytest
from ir_fixtures import apply, check_body, line

from popcc.passes.tls import ThreadLocals

USE = """
declare ptr @llvm.threadlocal.address.p0(ptr)
define i32 @f() {
entry:
  %a = call ptr @llvm.threadlocal.address.p0(ptr align 4 @x)
  %v = load i32, ptr %a
  ret i32 %v
}
"""


def test_a_variable_goes_to_a_section_and_is_addressed_from_the_thread_pointer() -> None:
    out = apply(ThreadLocals(), "@x = internal thread_local(localexec) global i32 7, align 4\n" + USE)
    assert line(out, "@x") == '@x = internal global i32 7, section ".ptls.x", align 4'
    check_body(
        out,
        "f",
        """
        entry:
        %popcorn.tp.a = call ptr @llvm.thread.pointer.p0()
        %a = getelementptr i8, ptr %popcorn.tp.a, i64 sub (i64 ptrtoint (ptr @x to i64), \
i64 ptrtoint (ptr @__popcorn_tls_end to i64))
        %v = load i32, ptr %a
        ret i32 %v
        """,
    )
    assert "thread_local" not in out and "threadlocal" not in out


@pytest.mark.parametrize("linkage", ["external", "extern_weak"])
def test_what_another_unit_defines_has_no_section_here(linkage: str) -> None:
    out = apply(ThreadLocals(), f"@x = {linkage} thread_local(initialexec) global i32, align 4\n" + USE)
    assert line(out, "@x") == f"@x = {linkage} global i32, align 4"


def test_words_in_a_string_are_no_keywords() -> None:
    text = """
    @keyword = constant [14 x i8] c"thread_local \\00", align 1
    @x = thread_local global [22 x i8] c"an external , align 8\\00", align 1
    """
    out = apply(ThreadLocals(), text + USE)
    assert line(out, "@keyword") == '@keyword = constant [14 x i8] c"thread_local \\00", align 1'
    assert line(out, "@x") == '@x = global [22 x i8] c"an external , align 8\\00", section ".ptls.x", align 1'


def test_a_module_without_thread_locals_is_left_alone() -> None:
    text = "define void @f() {\na:\n  ret void\n}\n"
    assert apply(ThreadLocals(), text) == text
