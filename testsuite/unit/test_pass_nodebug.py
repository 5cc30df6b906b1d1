"""Line tables out: what remains is what something else refers to."""

from __future__ import annotations

from ir_fixtures import tidy

from popcc import codegen
from popcc.passes.nodebug import with_positions_of_calls, without_debug

TEXT = """
define i32 @f(ptr %p) !dbg !2 {
entry:
  br label %loop, !dbg !4
loop:
  %x = load i32, ptr %p, align 4, !dbg !4, !tbaa !6
  %c = icmp eq i32 %x, 0, !dbg !4
  br i1 %c, label %loop, label %done, !dbg !4, !llvm.loop !9
done:
  ret i32 %x, !dbg !4
}
!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!5}
!0 = distinct !DICompileUnit(language: DW_LANG_C11, file: !1, emissionKind: LineTablesOnly)
!1 = !DIFile(filename: "thing.c", directory: "/src")
!2 = distinct !DISubprogram(name: "f", scope: !1, file: !1, line: 9, type: !3, unit: !0)
!3 = !DISubroutineType(types: !{})
!4 = !DILocation(line: 12, column: 3, scope: !2)
!5 = !{i32 2, !"Debug Info Version", i32 3}
!6 = !{!7, !7, i64 0}
!7 = !{!"int", !8, i64 0}
!8 = !{!"Simple C/C++ TBAA"}
!9 = distinct !{!9, !4, !10}
!10 = !{!"llvm.loop.mustprogress"}
"""


def test_lines_go_and_types_stay() -> None:
    out = without_debug(tidy(TEXT))
    codegen.parse(out, "the test")
    assert "!dbg" not in out and "DILocation" not in out and "DISubprogram" not in out and "!llvm.loop !" not in out
    assert "load i32, ptr %p, align 4, !tbaa !6" in out
    left = {line.split(" = ")[0] for line in out.splitlines() if line.startswith("!")}
    assert {"!llvm.dbg.cu", "!0", "!1", "!llvm.module.flags", "!5", "!6", "!7", "!8"} == left


def test_calls_keep_their_positions() -> None:
    """With which inlining has to know of them; a loop's lines stay with its node."""
    text = TEXT.replace("  ret i32 %x,", "  %r = tail call i32 @f(ptr %p), !dbg !11, !srcloc !6\n  ret i32 %x,")
    out = with_positions_of_calls(
        tidy(text + "!11 = !DILocation(line: 13, scope: !2)\n!12 = !DILocation(line: 14, scope: !2)\n")
    )
    codegen.parse(out, "the test")
    assert [line.split("!dbg ")[1] for line in out.splitlines() if "!dbg" in line] == ["!2 {", "!11, !srcloc !6"]
    assert "load i32, ptr %p, align 4, !tbaa !6" in out and "label %done, !llvm.loop !9" in out
    assert [line[:4] for line in out.splitlines() if "!DILocation(" in line] == ["!4 =", "!11 "]
