"""Migration points: wherever execution could run on without one, and not much more (design 4.6)."""

from __future__ import annotations

import pytest
from ir_fixtures import apply, body, check_body

from popcc.errors import PopccError
from popcc.ir import model
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
