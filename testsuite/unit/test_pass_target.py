"""Target words go; what one ISA alone can do is refused, with file and line (design 4.4)."""

from __future__ import annotations

import pytest
from ir_fixtures import apply, check_body, line, refused

from popcc.passes.target import TargetWords

DEBUG = """
!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!5}
!0 = distinct !DICompileUnit(language: DW_LANG_C11, file: !1, emissionKind: LineTablesOnly)
!1 = !DIFile(filename: "dir/thing.c", directory: "/src")
!2 = distinct !DISubprogram(name: "f", scope: !1, file: !1, line: 9, type: !3, unit: !0)
!3 = !DISubroutineType(types: !{})
!4 = !DILocation(line: 12, column: 3, scope: !2)
!5 = !{i32 2, !"Debug Info Version", i32 3}
"""


def test_attributes_of_the_target_go_and_others_stay() -> None:
    out = apply(
        TargetWords(),
        """
        define void @f() #0 {
          ret void
        }
        attributes #0 = { nounwind "min-legal-vector-width"="0" "no-trapping-math"="true" "target-cpu"="x86-64" \
"target-features"="+cx8,+sse2" "tune-cpu"="generic" }
        """,
    )
    assert line(out, "attributes") == 'attributes #0 = { nounwind "no-trapping-math"="true" }'


def test_empty_assembly_is_a_barrier_and_stays() -> None:
    out = apply(
        TargetWords(),
        """
        define i32 @f(i32 %x) {
          call void asm sideeffect "", "~{memory},~{dirflag}"()
          %y = call i32 asm "", "=r,0"(i32 %x)
          ret i32 %y
        }
        """,
    )
    check_body(
        out,
        "f",
        """
        a..0:
        call void asm sideeffect "", "~{memory},~{dirflag}"()
        %y = call i32 asm "", "=r,0"(i32 %x)
        ret i32 %y
        """,
    )


def test_inline_assembly_is_refused_with_file_line_and_function() -> None:
    refused(
        TargetWords(),
        'define void @f() !dbg !2 {\n  call void asm sideeffect "rdtsc", "~{eax}"(), !dbg !4\n  ret void\n}\n' + DEBUG,
        r'^dir/thing\.c:12:3 in f: inline assembly "rdtsc" can\'t run on every ISA; use portable C or .*__popcorn__$',
    )


def test_assembly_that_jumps_is_refused() -> None:
    text = """
    define void @f() {
      callbr void asm sideeffect "jmp ${0:l}", "!i"() to label %a [label %b]
    a:
      ret void
    b:
      ret void
    }
    """
    refused(TargetWords(), text, r"^in f: asm goto can't run")


def test_intrinsics_of_one_isa_are_refused() -> None:
    text = """
    declare void @llvm.x86.sse2.pause()
    define void @f() {
      call void @llvm.x86.sse2.pause()
      ret void
    }
    """
    refused(TargetWords(), text, r"an intrinsic of one ISA \(@llvm\.x86\.sse2\.pause\)")


@pytest.mark.parametrize(
    ("declaration", "call", "what"),
    [
        (
            "i32 @llvm.eh.sjlj.setjmp(ptr)",
            "i32 @llvm.eh.sjlj.setjmp(ptr null)",
            "__builtin_setjmp or .*, unlike setjmp",
        ),
        (
            "i64 @llvm.read_register.i64(metadata)",
            "i64 @llvm.read_register.i64(metadata !0)",
            "a variable in a register",
        ),
    ],
)
def test_what_only_one_isa_has_is_refused(declaration: str, call: str, what: str) -> None:
    text = f'declare {declaration}\ndefine void @f() {{\n  %x = call {call}\n  ret void\n}}\n!0 = !{{!"rsp"}}\n'
    refused(TargetWords(), text, f"^in f: {what}.* can't run on every ISA; use portable C")


def test_assembly_outside_functions_is_refused_by_source() -> None:
    refused(TargetWords(), 'source_filename = "boot.c"\nmodule asm "nop"\n', r"^boot\.c: assembly outside a function")


def test_all_errors_are_reported_together() -> None:
    text = """
    define void @f() {
      call void asm sideeffect "cpuid", ""()
      call void asm sideeffect "hlt", ""()
      ret void
    }
    """
    refused(TargetWords(), text, r'(?s)"cpuid".*\n.*"hlt"')


def test_a_word_in_a_string_is_no_assembly() -> None:
    text = """
    @text = constant [14 x i8] c"call asm \\22x\\22 \\00"
    define ptr @f() {
      ret ptr @text
    }
    """
    assert apply(TargetWords(), text)


@pytest.mark.parametrize(
    "type_", ["{ i64, i64, i64 }", "[3 x i8]", "<16 x float>", "<3 x i8>", "{ i128, i8 }", "i256", "[3 x double]"]
)
def test_results_that_two_registers_do_not_hold_are_refused(type_: str) -> None:
    """No C function returns one, and maps take it that a return leaves nothing in other registers."""
    text = f"define {type_} @f({type_} %x) {{\n  ret {type_} %x\n}}\n"
    refused(TargetWords(), text, r"^in f: returns .* more than two registers hold; return it through")


@pytest.mark.parametrize(
    "type_", ["i64", "{ i64, double }", "<2 x i64>", "[2 x ptr]", "i128", "half", "<4 x double>", "{ i64, i64 }"]
)
def test_results_of_c_stay(type_: str) -> None:
    assert apply(TargetWords(), f"define {type_} @f({type_} %x) {{\n  ret {type_} %x\n}}\n")
