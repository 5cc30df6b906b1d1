"""Migration points: wherever execution could run on without one, and not much more (design 4.6)."""

from __future__ import annotations

import re

import pytest
from ir_fixtures import apply, body, check_body

from popcc import codegen
from popcc.errors import PopccError
from popcc.ir import model
from popcc.isa import ISAS
from popcc.passes import intrinsics
from popcc.passes.points import PLACEMENTS, MigrationPoints

LOOP = """
define i64 @f(i64 %n) {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %j, %loop ]
  %j = add i64 %i, 1
  %more = icmp ult i64 %j, %n
  br i1 %more, label %loop, label %done
done:
  ret i64 %j
}
"""


def points(text: str, placement: str = "auto", leaves: frozenset[str] = frozenset()) -> dict[str, list[str]]:
    """For each function with points, the blocks they stand at the end of."""
    out = apply(MigrationPoints(placement, leaves), text)
    found = {}
    for function in model.parse(out).functions():
        blocks = [b.label for b in function.blocks if any("icmp ne i32 %popcorn" in i.text for i in b.insts)]
        calls = sum("@__popcorn_point()" in i.text for i in function.insts())
        assert calls == len(blocks)
        if blocks:
            found[function.name] = blocks
    return found


def test_a_point_is_a_load_a_test_and_a_cold_call() -> None:
    """It stands behind the phis of the loop's header, whose own back edge now comes from behind the point."""
    out = apply(MigrationPoints(), LOOP)
    check_body(
        out,
        "f",
        """
        entry:
        br label %loop
        loop:
        %i = phi i64 [ 0, %entry ], [ %j, %popcorn.p1.go ]
        %popcorn.p1.flag = load volatile i32, ptr @__popcorn_flag, align 4
        %popcorn.p1.test = icmp ne i32 %popcorn.p1.flag, 0
        br i1 %popcorn.p1.test, label %popcorn.p1.point, label %popcorn.p1.go
        popcorn.p1.point:
        call void @__popcorn_point()
        br label %popcorn.p1.go
        popcorn.p1.go:
        %j = add i64 %i, 1
        %more = icmp ult i64 %j, %n
        br i1 %more, label %loop, label %done
        done:
        ret i64 %j
        """,
    )
    assert '!{!"branch_weights", i32 1, i32 100000}' in out


RECURSION = """
declare void @outside()
define internal void @itself(i64 %n) {
entry:
  call void @itself(i64 %n)
  ret void
}
define internal void @even() {
entry:
  call void @odd()
  ret void
}
define internal void @odd() {
entry:
  call void @even()
  ret void
}
define internal void @straight() {
entry:
  call void @itself(i64 1)
  ret void
}
define void @may_be_called_back() {
entry:
  call void @outside()
  ret void
}
define internal void @hidden() {
entry:
  call void @outside()
  ret void
}
define void @leaf() {
entry:
  ret void
}
"""


def test_functions_that_may_recurse_have_one_at_entry() -> None:
    """Through other units too: what they can call and what calls them is a cycle."""
    assert points(RECURSION) == {
        "itself": ["entry"], "even": ["entry"], "odd": ["entry"], "may_be_called_back": ["entry"]
    }  # fmt: skip


def test_a_function_whose_address_is_taken_may_be_called_back() -> None:
    assert "hidden" in points("@table = global ptr @hidden\n" + RECURSION)


def test_an_indirect_call_leads_to_every_exposed_function() -> None:
    text = """
    define internal void @target(ptr %p) {
    entry:
      call void %p(ptr %p)
      ret void
    }
    define ptr @expose() {
    entry:
      ret ptr @target
    }
    """
    assert points(text) == {"target": ["entry"]}


NEST = """
declare void @outside(i64)
define internal void @f(i64 %n) {
entry:
  br label %outer
outer:
  %i = phi i64 [ 0, %entry ], [ %i2, %latch ]
  br label %inner
inner:
  %j = phi i64 [ 0, %outer ], [ %j2, %inner ]
  WORK
  %j2 = add i64 %j, 1
  %c = icmp ult i64 %j2, %n
  br i1 %c, label %inner, label %latch
latch:
  %i2 = add i64 %i, 1
  %d = icmp ult i64 %i2, %n
  br i1 %d, label %outer, label %done
done:
  ret void
}
"""


def test_a_short_inner_loop_without_calls_has_none() -> None:
    assert points(NEST.replace("WORK", "")) == {"f": ["outer"]}


def test_an_inner_loop_with_a_call_has_one() -> None:
    assert points(NEST.replace("WORK", "call void @outside(i64 %j)")) == {"f": ["outer", "inner"]}


INTRINSICS = """
@m = global [4096 x i8] zeroinitializer
declare double @llvm.sin.f64(double)
declare double @llvm.sqrt.f64(double)
declare <2 x double> @llvm.pow.v2f64(<2 x double>, <2 x double>)
declare i64 @llvm.lround.i64.f64(double)
declare i64 @llvm.lrint.i64.f64(double)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memcpy.inline.p0.p0.i64(ptr, ptr, i64 immarg, i1)
"""
COPY = "call void @llvm.memcpy.p0.p0.i64(ptr @m, ptr @m, i64 LENGTH, i1 false)"


@pytest.mark.parametrize(
    "work",
    [
        "%w = call double @llvm.sin.f64(double 1.0)",
        "%w = call <2 x double> @llvm.pow.v2f64(<2 x double> zeroinitializer, <2 x double> zeroinitializer)",
        "%w = call i64 @llvm.lround.i64.f64(double 1.0)",
        "%w = frem double 1.0, 2.0",
        "%w = sdiv i128 1, 3",
        COPY.replace("LENGTH", "%n"),
        COPY.replace("LENGTH", "4096"),
    ],
)
def test_so_has_one_with_what_becomes_a_call(work: str) -> None:
    assert points(INTRINSICS + NEST.replace("WORK", work)) == {"f": ["outer", "inner"]}


@pytest.mark.parametrize(
    "work",
    [
        "%w = call double @llvm.sqrt.f64(double 1.0)",
        "%w = call i64 @llvm.lrint.i64.f64(double 1.0)",
        "%w = fdiv double 1.0, 2.0",
        "%w = sdiv i64 1, 3",
        COPY.replace("LENGTH", "16"),
        "call void @llvm.memcpy.inline.p0.p0.i64(ptr @m, ptr @m, i64 4096, i1 false)",
    ],
)
def test_what_stays_instructions_asks_for_none(work: str) -> None:
    assert points(INTRINSICS + NEST.replace("WORK", work)) == {"f": ["outer"]}


def machine_calls(name: str) -> bool:
    """Whether some ISA's code generator makes a call of an intrinsic on doubles."""
    result, suffix, arguments = _SIGNATURES.get(name, ("double", "f64", "double"))
    values = ", ".join(f"{type_} %{'abc'[n]}" for n, type_ in enumerate(arguments.split(", ")))
    callee = f"@llvm.{name}.{suffix}"
    text = f"""
    declare {result} {callee}({arguments})
    define {result} @f({values}) {{
      %r = call {result} {callee}({values})
      ret {result} %r
    }}
    """
    code = [codegen.emit(text, isa, "2", assembly=True).decode() for isa in ISAS.values()]
    jump = re.compile(rf"\b(?:callq?|jmp|tail|bl?)\s+(?:{name}|__{name}df2)\b")
    return any(jump.search(c) for c in code)


_TWO, _LONG = ("double", "f64", "double, double"), ("i64", "i64.f64", "double")
_SIGNATURES = {
    **dict.fromkeys(("atan2", "pow", "copysign", "minnum", "maxnum"), _TWO),
    **dict.fromkeys(("lround", "llround", "lrint", "llrint"), _LONG),
    **dict.fromkeys(("powi", "ldexp"), ("double", "f64.i32", "double, i32")),
    **dict.fromkeys(("fma", "fmuladd"), ("double", "f64", "double, double, double")),
    "frexp": ("{ double, i32 }", "f64.i32", "double"),
}


def test_the_table_is_what_the_code_generators_do() -> None:
    others = set("copysign minnum maxnum lrint llrint fmuladd sqrt fabs canonicalize".split())
    assert {n for n in intrinsics.MATHEMATICS | others if machine_calls(n)} == intrinsics.MATHEMATICS


def test_every_cycle_of_irreducible_flow_has_one() -> None:
    text = """
    define void @f(i1 %c) {
    entry:
      br i1 %c, label %a, label %b
    a:
      br i1 %c, label %b, label %done
    b:
      br i1 %c, label %a, label %done
    done:
      ret void
    }
    """
    (blocks,) = points(text).values()
    assert blocks in (["a"], ["b"])


@pytest.mark.parametrize(
    ("placement", "expected"),
    [
        ("none", {}),
        ("loops", {"f": ["loop"]}),
        ("functions", {"f": ["entry", "done"]}),
        ("all", {"f": ["entry", "loop", "done"]}),
        ("auto", {"f": ["loop"]}),
    ],
)
def test_placements(placement: str, expected: dict[str, list[str]]) -> None:
    assert points(LOOP, placement) == expected


def test_every_placement_is_tested() -> None:
    assert set(PLACEMENTS) == {"none", "loops", "functions", "all", "auto"}


def test_an_unknown_placement_is_refused() -> None:
    with pytest.raises(PopccError, match=r"unknown placement 'often' of migration points; known are auto, functions,"):
        MigrationPoints("often")


def test_leaf_functions_stay_without_points() -> None:
    """Others call them as ordinary calls: nobody may stop in there."""
    assert points(LOOP, "all", leaves=frozenset(("f",))) == {}


def test_allocas_stay_in_front_of_the_point() -> None:
    text = "define void @f() {\nentry:\n%a = alloca i32\nstore i32 1, ptr %a\nret void\n}\n"
    assert body(apply(MigrationPoints("functions"), text), "f")[1] == "%a = alloca i32"


def test_an_entry_that_returns_at_once_has_both() -> None:
    text = "define i32 @f(i32 %x) {\nentry:\n  ret i32 %x\n}\n"
    out = body(apply(MigrationPoints("functions"), text), "f")
    assert sum("@__popcorn_point()" in i for i in out) == 2 and out[-1] == "ret i32 %x"
