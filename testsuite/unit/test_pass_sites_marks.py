"""Sites: what is said of functions and calls besides, lines, attributes and metadata, stays true (design 5)."""

from __future__ import annotations

from ir_fixtures import header, line, sites

DEBUG = """
define void @f() section ".x" align 32 !dbg !2 {
entry:
  call void @g(), !dbg !4
  ret void
}
declare void @g()
!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!5}
!0 = distinct !DICompileUnit(language: DW_LANG_C11, file: !1, emissionKind: LineTablesOnly)
!1 = !DIFile(filename: "thing.c", directory: "/src")
!2 = distinct !DISubprogram(name: "f", scope: !1, file: !1, line: 9, type: !3, unit: !0)
!3 = !DISubroutineType(types: !{})
!4 = !DILocation(line: 12, column: 3, scope: !2)
!5 = !{i32 2, !"Debug Info Version", i32 3}
"""


def test_the_line_is_kept_and_the_header_is_marked_in_llvms_order() -> None:
    out, found = sites(DEBUG)
    assert found[0].line == 12
    assert header(out, "f") == (
        'define void @f() "disable-tail-calls"="true" section ".x" align 32 gc "statepoint-example" !dbg !2 {'
    )


def test_metadata_about_a_result_does_not_stay_on_the_token() -> None:
    text = """
    declare i32 @g()
    define i32 @f() {
    entry:
      %r = call i32 @g(), !range !0
      ret i32 %r
    }
    !0 = !{i32 0, i32 5}
    """
    assert "!range" not in sites(text)[0].replace("!0 =", "")


def test_attributes_that_are_no_longer_true_go() -> None:
    """LLVM saves no registers in noreturn functions, whose frames are unwound as well."""
    text = """
    declare void @g()
    define void @f() #0 {
    entry:
      call void @g()
      unreachable
    }
    attributes #0 = { noreturn nounwind memory(read) willreturn }
    """
    assert line(sites(text)[0], "attributes") == "attributes #0 = { nounwind }"
