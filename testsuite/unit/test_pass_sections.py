"""Every function and object has a section of its own, and nothing LLVM could merge (design 4.8)."""

from __future__ import annotations

import pytest
from ir_fixtures import apply, header, line

from popcc import codegen
from popcc.isa import ISAS
from popcc.linker.elf import read_elf
from popcc.passes.sections import Sections


@pytest.mark.parametrize(
    ("variable", "rest"),
    [
        ("global i32 5, align 4", 'global i32 5, section ".data.v", align 4'),
        ("global i32 0, align 4", 'global i32 0, section ".bss.v", align 4'),
        ("global ptr null", 'global ptr null, section ".bss.v"'),
        ("global [9 x i8] zeroinitializer", 'global [9 x i8] zeroinitializer, section ".bss.v"'),
        ("global double 0.000000e+00", 'global double 0.000000e+00, section ".bss.v"'),
        ("global double -0.000000e+00", 'global double -0.000000e+00, section ".data.v"'),
        ("global i32 10", 'global i32 10, section ".data.v"'),
        ("internal unnamed_addr constant i64 0", 'internal constant i64 0, section ".rodata.v"'),
        ('private unnamed_addr constant [9 x i8] c", align 1", align 1',
         'private constant [9 x i8] c", align 1", section ".rodata.v", align 1'),
        ('global i32 1, section "mine", align 4', 'global i32 1, section "mine", align 4'),
        ("external global i32", "external global i32"),
        ("external dso_local constant ptr, align 8", "external dso_local global ptr, align 8"),
        ("common global i32 0", "common global i32 0"),
        ("weak local_unnamed_addr global { i32, i32 } { i32 0, i32 0 }",
         'weak global { i32, i32 } { i32 0, i32 0 }, section ".data.v"'),
    ],
)  # fmt: skip
def test_variables(variable: str, rest: str) -> None:
    assert line(apply(Sections(), f"@v = {variable}\n"), "@v") == f"@v = {rest}"


@pytest.mark.parametrize(
    ("tail", "rest"),
    [
        ("()", '() section ".text.f"'),
        ("() #0 align 16", '() #0 section ".text.f" align 16'),
        ('() #0 gc "x" !foo !0', '() #0 section ".text.f" gc "x" !foo !0'),
        ('(ptr align 8 %p) section "mine"', '(ptr align 8 %p) section "mine"'),
        ("(ptr align 8 %p) local_unnamed_addr", '(ptr align 8 %p) local_unnamed_addr section ".text.f"'),
    ],
)
def test_functions(tail: str, rest: str) -> None:
    text = f"define void @f{tail} {{\nentry:\n  ret void\n}}\nattributes #0 = {{ nounwind }}\n!0 = !{{}}\n"
    assert header(apply(Sections(), text), "f") == f"define void @f{rest} {{"


def test_constructors_become_arrays_by_priority() -> None:
    row = "{ i32, ptr, ptr }"
    out = apply(
        Sections(),
        f"""
        @llvm.global_ctors = appending global [2 x {row}] [{row} {{ i32 101, ptr @f, ptr null }}, {row} \
{{ i32 65535, ptr @f, ptr null }}]
        @llvm.global_dtors = appending global [1 x {row}] [{row} {{ i32 9, ptr @f, ptr null }}]
        define void @f() {{
        entry:
          ret void
        }}
        """,
    )
    array = "internal constant ptr @f, section"
    assert line(out, "@popcorn_init_array.0 ") == f'@popcorn_init_array.0 = {array} ".init_array.00101", align 8'
    assert line(out, "@popcorn_init_array.1 ") == f'@popcorn_init_array.1 = {array} ".init_array", align 8'
    assert line(out, "@popcorn_fini_array.0 ") == f'@popcorn_fini_array.0 = {array} ".fini_array.00009", align 8'
    assert "llvm.global_" not in out


@pytest.mark.parametrize("isa", ISAS)
def test_equal_constants_are_not_merged(isa: str) -> None:
    """Mergeable sections would be laid out by each ISA's linker as it likes (law 2)."""
    text = """
    @a = private unnamed_addr constant [3 x i8] c"hi\\00", align 1
    @b = private unnamed_addr constant [3 x i8] c"hi\\00", align 1
    @where = global [2 x ptr] [ptr @a, ptr @b]
    """
    before, after = (read_elf(codegen.emit(t, ISAS[isa], "2"), "x") for t in (text.strip(), apply(Sections(), text)))
    merge = 0x10
    assert any(s.flags & merge for s in before.sections)
    assert not any(s.flags & merge for s in after.sections if s.flags & 2)
    assert {".rodata.a", ".rodata.b"} <= {s.name for s in after.sections}
