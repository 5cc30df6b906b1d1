"""What code generation would leave undefined is defined before it sees it."""

from __future__ import annotations

import pytest
from ir_fixtures import body, tidy

from popcc import codegen
from popcc.isa import ISAS
from popcc.passes.undefined import defined

SITES = ' gc "statepoint-example"'


def made(text: str) -> list[str]:
    """The function's body, which LLVM takes."""
    out = defined(tidy(text))
    codegen.parse(out, "the test")
    return body(out, "f")


@pytest.mark.parametrize(
    ("type_", "zero"),
    [
        ("i32", "0"), ("i1", "0"), ("ptr", "null"), ("ptr addrspace(1)", "null"), ("double", "0.0"),
        ("<2 x i64>", "zeroinitializer"), ("{ i64, i1 }", "zeroinitializer"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("undefined", ["undef", "poison"])
def test_what_flows_together_with_an_undefined_value_meets_zero(type_: str, zero: str, undefined: str) -> None:
    out = made(f"""
    define void @f(i1 %c, {type_} %x) {{
    entry:
      br i1 %c, label %join, label %other
    other:
      br label %join
    join:
      %p = phi {type_} [ {undefined}, %entry ], [ %x, %other ]
      ret void
    }}
    """)
    assert f"%p = phi {type_} [ {zero}, %entry ], [ %x, %other ]" in out


def test_undefined_operands_of_others_stay() -> None:
    assert "%p = insertvalue { i64, i64 } poison, i64 %x, 0" in made(
        "define { i64, i64 } @f(i64 %x) {\nentry:\n  %p = insertvalue { i64, i64 } poison, i64 %x, 0\n"
        "  ret { i64, i64 } %p\n}\n"
    )


@pytest.mark.parametrize("type_", ["i1", "i8", "i16"])
def test_small_integers_are_returned_from_a_whole_register(type_: str) -> None:
    out = made(f"define {type_} @f({type_} %x){SITES} {{\nentry:\n  ret {type_} %x\n}}\n")
    assert out == [
        "entry:",
        f"%popcorn.ret.0 = zext {type_} %x to i32",
        '%popcorn.ret.1 = call i32 asm "", "=r,0"(i32 %popcorn.ret.0)',
        f"%popcorn.ret.2 = trunc i32 %popcorn.ret.1 to {type_}",
        f"ret {type_} %popcorn.ret.2",
    ]


def test_who_returns_no_word_returns_a_zero() -> None:
    text = f"define internal fastcc void @f(i64 %x){SITES} {{\nentry:\n  ret void\n}}\n"
    assert made(text) == ["entry:", "ret i64 0"]
    assert "define internal fastcc i64 @f(i64 %x)" in defined(text)
    assert made(f"define noundef nofpclass(nan) double @f(double %x){SITES} {{\nentry:\n  ret double %x\n}}\n") == [
        "entry:",
        "%popcorn.ret.0 = insertvalue { double, i64 } zeroinitializer, double %x, 0",
        "ret { double, i64 } %popcorn.ret.0",
    ]


def test_the_stack_is_not_aligned_by_what_might_be_a_result() -> None:
    """`push rax` with an argument in it is popped into a register that returns nothing."""
    code = codegen.emit(
        defined(
            tidy(f"""
            declare token @llvm.experimental.gc.statepoint.p0(i64 immarg, i32 immarg, ptr, i32 immarg, i32 immarg, ...)
            define void @f(i64 %a, i64 %b, ptr %p, ptr %q){SITES} {{
            entry:
              %t = call token (i64, i32, ptr, i32, i32, ...) @llvm.experimental.gc.statepoint.p0(i64 0, i32 0, \
ptr elementtype(void (ptr)) %p, i32 1, i32 0, ptr %q, i32 0, i32 0)
              ret void
            }}
            """)
        ),
        ISAS["x86_64"],
        "2",
        assembly=True,
    ).decode()
    assert "pushq\t%rax" in code and "popq\t%rcx" in code and "popq\t%rax" not in code


@pytest.mark.parametrize("returns", ["i64 %x", "i32 7", "{ i64, i64 } zeroinitializer"])
def test_other_results_stay(returns: str) -> None:
    type_ = returns.rsplit(" ", 1)[0]
    assert made(f"define {type_} @f(i64 %x){SITES} {{\nentry:\n  ret {returns}\n}}\n") == ["entry:", f"ret {returns}"]


@pytest.mark.parametrize("returns", ["void", "i8 %x", "double %d"])
def test_functions_without_sites_stay(returns: str) -> None:
    type_ = returns.split()[0]
    assert made(f"define {type_} @f(i8 %x, double %d) {{\nentry:\n  ret {returns}\n}}\n") == [
        "entry:",
        f"ret {returns}",
    ]
