"""Computed gotos become switches: no address inside a function is ever a value (laws 2 and 3)."""

from __future__ import annotations

from ir_fixtures import apply, check_body, line

from popcc.passes.gotos import ComputedGotos

TABLE = """
@table = internal constant [2 x ptr] [ptr blockaddress(@f, %one), ptr blockaddress(@f, %two)]
define i32 @f(i64 %k) {
entry:
  %slot = getelementptr [2 x ptr], ptr @table, i64 0, i64 %k
  %to = load ptr, ptr %slot
  indirectbr ptr %to, [label %one, label %two]
one:
  ret i32 1
two:
  ret i32 2
}
"""


def test_labels_are_numbered_and_the_branch_is_a_switch() -> None:
    out = apply(ComputedGotos(), TABLE)
    assert line(out, "@table").endswith("[ptr inttoptr (i64 1 to ptr), ptr inttoptr (i64 2 to ptr)]")
    check_body(
        out,
        "f",
        """
        entry:
        %slot = getelementptr [2 x ptr], ptr @table, i64 0, i64 %k
        %to = load ptr, ptr %slot
        %popcorn.label.0 = ptrtoint ptr %to to i64
        switch i64 %popcorn.label.0, label %popcorn.nolabel [ i64 1, label %one i64 2, label %two ]
        one:
        ret i32 1
        two:
        ret i32 2
        popcorn.nolabel:
        unreachable
        """,
    )


def test_numbers_are_a_functions_own_and_one_label_has_one_number() -> None:
    other = TABLE.replace("@table", "@table2").replace("@f", "@g")
    use = "define ptr @h() {\n  ret ptr blockaddress(@g, %two)\n}\n"
    out = apply(ComputedGotos(), TABLE + other + use)
    assert line(out, "@table2").endswith("[ptr inttoptr (i64 1 to ptr), ptr inttoptr (i64 2 to ptr)]")
    check_body(out, "h", "a..0:\nret ptr inttoptr (i64 2 to ptr)")


def test_two_branches_of_one_function_share_the_numbers() -> None:
    out = apply(
        ComputedGotos(),
        """
        define void @f(ptr %to, i1 %c) {
        entry:
          br i1 %c, label %a, label %b
        a:
          indirectbr ptr %to, [label %x, label %y]
        b:
          indirectbr ptr %to, [label %y]
        x:
          store volatile ptr blockaddress(@f, %y), ptr %to
          ret void
        y:
          store volatile ptr blockaddress(@f, %x), ptr %to
          ret void
        }
        """,
    )
    assert out.count("[ i64 2, label %x i64 1, label %y ]") == 1
    assert out.count("[ i64 1, label %y ]") == 1
    assert out.count("popcorn.nolabel:") == 1


def test_labels_without_names_are_found() -> None:
    """LLVM numbers them; the model names what is numbered, also where another line refers to it."""
    out = apply(
        ComputedGotos(),
        """
        @where = global ptr blockaddress(@f, %2)
        define void @f(ptr %0) {
          indirectbr ptr %0, [label %2]
        2:
          ret void
        }
        """,
    )
    assert "inttoptr (i64 1 to ptr)" in line(out, "@where")
    assert "[ i64 1, label %a..2 ]" in out


def test_differences_of_labels_are_differences_of_numbers() -> None:
    one, two = (f"i64 ptrtoint (ptr blockaddress(@f, %{label}) to i64)" for label in ("one", "two"))
    out = apply(ComputedGotos(), TABLE + f"@distance = constant i64 sub ({two}, {one})\n")
    one, two = (f"i64 ptrtoint (ptr inttoptr (i64 {number} to ptr) to i64)" for number in (1, 2))
    assert line(out, "@distance") == f"@distance = constant i64 sub ({two}, {one})"


def test_a_module_without_them_is_left_alone() -> None:
    text = "define void @f() {\na:\n  ret void\n}\n"
    assert apply(ComputedGotos(), text) == text
