"""Variable arguments become a pointer to an area of the System V overflow layout (design 4.1)."""

from __future__ import annotations

from ir_fixtures import apply, body, check_body, header, line, refused

from popcc.passes.varargs import VarArgs


def call(arguments: str, declarations: str = "", setup: str = "") -> list[str]:
    """The body of a function that calls ``int v(int, ...)`` with `arguments`."""
    out = apply(
        VarArgs(),
        f"{declarations}\ndeclare i32 @v(i32, ...)\ndefine i32 @f(ptr %s) {{\nentry:\n{setup}"
        f"  %r = tail call i32 (i32, ...) @v(i32 0{arguments})\n  ret i32 %r\n}}\n",
    )
    assert line(out, "declare i32 @v") == "declare i32 @v(i32, ptr)"
    return body(out, "f")


def test_arguments_are_stored_into_slots_of_8_bytes() -> None:
    assert call(", i32 1, double 2.5, ptr %s") == [
        "entry:",
        "%popcorn.area = alloca [64 x i8], align 16",
        "%popcorn.slot.0 = getelementptr inbounds i8, ptr %popcorn.area, i64 0",
        "%popcorn.word.0 = zext i32 1 to i64",
        "store i64 %popcorn.word.0, ptr %popcorn.slot.0, align 8",
        "%popcorn.slot.1 = getelementptr inbounds i8, ptr %popcorn.area, i64 8",
        "store double 2.5, ptr %popcorn.slot.1, align 8",
        "%popcorn.slot.2 = getelementptr inbounds i8, ptr %popcorn.area, i64 16",
        "store ptr %s, ptr %popcorn.slot.2, align 8",
        "%r = call i32 @v(i32 0, ptr %popcorn.area)",
        "ret i32 %r",
    ]


def offsets(lines: list[str]) -> list[int]:
    return [int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("%popcorn.slot")]


def test_types_of_16_bytes_are_aligned() -> None:
    wide = ", i32 1, fp128 0xL00000000000000000000000000000000, i32 2, <4 x i32> zeroinitializer, i32 3"
    assert offsets(call(wide)) == [0, 16, 32, 48, 64]


def test_the_area_has_at_least_64_bytes_even_without_arguments() -> None:
    """musl's fcntl, ioctl and syscall read arguments that were not passed."""
    assert "%popcorn.area = alloca [64 x i8], align 16" in call("")
    assert "%popcorn.area = alloca [80 x i8], align 16" in call(", i64 1" * 9)


def test_a_structure_is_copied_into_as_many_slots_as_it_needs() -> None:
    lines = call(", ptr byval(%three) align 4 %s, i32 7", "%three = type { i32, i32, i32 }")
    assert "call void @llvm.memcpy.p0.p0.i64(ptr align 8 %popcorn.slot.0, ptr align 4 %s, i64 12, i1 false)" in lines
    assert offsets(lines) == [0, 16]


def test_odd_integers_take_whole_slots() -> None:
    assert offsets(call(", i24 1, i40 2, i8 3, i32 4")) == [0, 8, 16, 24]


def test_a_128_bit_integer_is_passed_as_halves_and_read_aligned() -> None:
    halves = """
      %w = alloca i128, align 16
      %lo = getelementptr inbounds { i64, i64 }, ptr %w, i32 0, i32 0
      %a = load i64, ptr %lo, align 16
      %hi = getelementptr inbounds { i64, i64 }, ptr %w, i32 0, i32 1
      %b = load i64, ptr %hi, align 8
    """
    assert offsets(call(", i32 1, i64 %a, i64 %b, i32 2", setup=halves)) == [0, 16, 24, 32]


def test_an_overaligned_structure_is_refused() -> None:
    refused(
        VarArgs(),
        """
        %big = type { [4 x i64] }
        declare void @v(i32, ...)
        define void @f(ptr %s) {
          call void (i32, ...) @v(i32 0, ptr byval(%big) align 32 %s)
          ret void
        }
        """,
        "in f: a structure aligned to 32 bytes is passed as a variable argument, where its alignment would be lost",
    )


def test_va_start_sends_clangs_va_arg_to_the_area() -> None:
    """Both register areas count as used up: gp_offset 48, fp_offset 176 (psABI 3.5.7)."""
    out = apply(
        VarArgs(),
        """
        declare void @llvm.va_start.p0(ptr)
        declare void @llvm.va_copy.p0(ptr, ptr)
        declare void @llvm.va_end.p0(ptr)
        define internal void @f(i32 %n, ptr %l, ptr %m, ...) nounwind {
        entry:
          call void @llvm.va_start.p0(ptr %l)
          call void @llvm.va_copy.p0(ptr %m, ptr %l)
          call void @llvm.va_end.p0(ptr %l)
          ret void
        }
        """,
    )
    assert header(out, "f") == "define internal void @f(i32 %n, ptr %l, ptr %m, ptr %popcorn.va) nounwind {"
    check_body(
        out,
        "f",
        """
        entry:
        store i32 48, ptr %l, align 8
        %popcorn.va.0.fp = getelementptr inbounds i8, ptr %l, i64 4
        store i32 176, ptr %popcorn.va.0.fp, align 4
        %popcorn.va.0.area = getelementptr inbounds i8, ptr %l, i64 8
        store ptr %popcorn.va, ptr %popcorn.va.0.area, align 8
        %popcorn.va.0.regs = getelementptr inbounds i8, ptr %l, i64 16
        store ptr null, ptr %popcorn.va.0.regs, align 8
        call void @llvm.memcpy.p0.p0.i64(ptr align 8 %m, ptr align 8 %l, i64 24, i1 false)
        ret void
        """,
    )
    assert "@llvm.va_" not in out


def test_calls_share_one_area_of_the_largest_size() -> None:
    out = apply(
        VarArgs(),
        f"""
        declare void @v(i32, ...)
        define void @f(ptr %p) {{
        entry:
          call void (i32, ...) @v(i32 0, i32 1)
          call void (i32, ...) %p(i32 0{", i64 1" * 20})
          ret void
        }}
        """,
    )
    assert [i for i in body(out, "f") if "alloca" in i] == ["%popcorn.area = alloca [160 x i8], align 16"]
    assert "call void %p(i32 0, ptr %popcorn.area)" in body(out, "f")


def test_a_call_without_prototype_is_a_plain_call() -> None:
    out = apply(
        VarArgs(),
        """
        declare void @old(...)
        define void @f() {
        entry:
          call void (...) @old(i32 5, double 1.0)
          ret void
        }
        define void @g(ptr %p) {
        entry:
          call void (...) %p(i32 5)
          ret void
        }
        """,
    )
    check_body(out, "f", "entry:\ncall void (i32, double) @old(i32 5, double 1.0)\nret void")
    check_body(out, "g", "entry:\ncall void (i32) %p(i32 5)\nret void")
    assert line(out, "declare void @old") == "declare void @old()"


def test_no_function_type_is_variadic_any_more() -> None:
    out = apply(VarArgs(), "declare i32 @v(ptr, ...)\n@p = global ptr @v\ndeclare void @llvm.donothing()\n")
    assert "..." not in out
