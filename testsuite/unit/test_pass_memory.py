"""The memory tier: what no register may hold across a site lives in the frame (design 5)."""

from __future__ import annotations

import pytest
from ir_fixtures import apply, check_body

from popcc.passes.memory import MemoryTier

ACROSS = """
declare i64 @g(i64)
define TYPE @f(TYPE %v, i64 %n) {
entry:
  %r = call i64 @g(i64 %n)
  ret TYPE %v
}
"""


@pytest.mark.parametrize("type_", ["<2 x i64>", "i128", "{ i64, i1 }", "[2 x double]", "half"])
def test_what_does_not_fit_8_bytes_lives_in_memory(type_: str) -> None:
    check_body(
        apply(MemoryTier(), ACROSS.replace("TYPE", type_)),
        "f",
        f"""
        entry:
        %popcorn.mem.0 = alloca {type_}, align 16
        store {type_} %v, ptr %popcorn.mem.0, align 16
        %r = call i64 @g(i64 %n)
        %popcorn.got.0 = load {type_}, ptr %popcorn.mem.0, align 16
        ret {type_} %popcorn.got.0
        """,
    )


def test_members_of_an_aggregate_travel_by_themselves() -> None:
    """What an atomic exchange found out is asked for later; both members fit a register."""
    memory = MemoryTier()
    text = """
    declare i64 @g(i64)
    define i64 @f(ptr %p, i64 %n) {
    entry:
      %pair = cmpxchg ptr %p, i64 %n, i64 1 seq_cst seq_cst, align 8
      %ok = extractvalue { i64, i1 } %pair, 1
      br i1 %ok, label %more, label %end
    more:
      %r = call i64 @g(i64 %n)
      %old = extractvalue { i64, i1 } %pair, 0
      ret i64 %old
    end:
      ret i64 0
    }
    """
    check_body(
        apply(memory, text),
        "f",
        """
        entry:
        %pair = cmpxchg ptr %p, i64 %n, i64 1 seq_cst seq_cst, align 8
        %ok = extractvalue { i64, i1 } %pair, 1
        %old = extractvalue { i64, i1 } %pair, 0
        br i1 %ok, label %more, label %end
        more:
        %r = call i64 @g(i64 %n)
        ret i64 %old
        end:
        ret i64 0
        """,
    )
    assert not memory.found


def test_it_says_what_went_there_and_why() -> None:
    wide = MemoryTier()
    apply(wide, ACROSS.replace("TYPE", "i128"))
    assert wide.found == {"f": "across sites it has values of type i128"}
    asked = MemoryTier({"f": "out of registers", "g": "another"})
    apply(asked, ACROSS.replace("TYPE", "i64"))
    assert asked.found == {"f": "out of registers"}
    setjmp = MemoryTier()
    apply(setjmp, "declare i32 @__popcorn_setjmp(ptr)\n" + ACROSS.replace("TYPE", "ptr").replace(
        "  ret", "  %j = call i32 @__popcorn_setjmp(ptr %v)\n  ret"
    ))  # fmt: skip
    assert setjmp.found == {"f": "it calls setjmp"}


@pytest.mark.parametrize("type_", ["i64", "i1", "i24", "ptr", "double", "float"])
def test_what_fits_stays(type_: str) -> None:
    assert "popcorn.mem" not in apply(MemoryTier(), ACROSS.replace("TYPE", type_))


def test_what_is_not_live_across_a_site_stays() -> None:
    text = """
    declare i64 @g(i64)
    define i64 @f(<2 x i64> %v) {
    entry:
      %e = extractelement <2 x i64> %v, i32 0
      %r = call i64 @g(i64 %e)
      ret i64 %r
    }
    """
    assert "popcorn.mem" not in apply(MemoryTier(), text)


def test_calls_that_are_no_sites_do_not_count() -> None:
    text = """
    declare double @sqrt(double)
    define <2 x double> @f(<2 x double> %v, double %x) {
    entry:
      %r = call double @sqrt(double %x)
      %w = insertelement <2 x double> %v, double %r, i32 0
      ret <2 x double> %w
    }
    """
    assert "popcorn.mem" not in apply(MemoryTier(), text)


def test_a_function_of_the_tier_keeps_everything_there_phis_too() -> None:
    text = """
    declare i64 @g(i64)
    define i64 @f(i64 %n) {
    entry:
      br label %loop
    loop:
      %i = phi i64 [ %n, %entry ], [ %j, %loop ]
      %r = call i64 @g(i64 %n)
      %j = add i64 %i, %r
      %c = icmp ult i64 %j, 100
      br i1 %c, label %loop, label %done
    done:
      ret i64 %j
    }
    """
    check_body(
        apply(MemoryTier({"f": "why"}), text),
        "f",
        """
        entry:
        %popcorn.mem.0 = alloca i64, align 16
        %popcorn.mem.1 = alloca i64, align 16
        store i64 %n, ptr %popcorn.mem.1, align 16
        %popcorn.got.0 = load i64, ptr %popcorn.mem.1, align 16
        br label %loop
        loop:
        %i = phi i64 [ %popcorn.got.0, %entry ], [ %j, %loop ]
        store i64 %i, ptr %popcorn.mem.0, align 16
        %popcorn.got.1 = load i64, ptr %popcorn.mem.1, align 16
        %r = call i64 @g(i64 %popcorn.got.1)
        %popcorn.got.2 = load i64, ptr %popcorn.mem.0, align 16
        %j = add i64 %popcorn.got.2, %r
        %c = icmp ult i64 %j, 100
        br i1 %c, label %loop, label %done
        done:
        ret i64 %j
        """,
    )
    assert "popcorn.mem" not in apply(MemoryTier({"another": "why"}), text)


def test_callers_of_setjmp_are_in_the_tier() -> None:
    """A longjmp comes back with the registers of whoever called it: what lives on must lie in memory."""
    text = """
    declare i32 @__popcorn_setjmp(ptr) returns_twice
    define i64 @f(i64 %n, ptr %env) {
    entry:
      %r = call i32 @__popcorn_setjmp(ptr %env) returns_twice
      ret i64 %n
    }
    """
    check_body(
        apply(MemoryTier(), text),
        "f",
        """
        entry:
        %popcorn.mem.0 = alloca i64, align 16
        store i64 %n, ptr %popcorn.mem.0, align 16
        %r = call i32 @__popcorn_setjmp(ptr %env) returns_twice
        %popcorn.got.0 = load i64, ptr %popcorn.mem.0, align 16
        ret i64 %popcorn.got.0
        """,
    )


def test_addresses_of_locals_are_not_stored() -> None:
    """They are recomputed from the frame."""
    text = """
    declare void @g(ptr)
    define void @f() {
    entry:
      %a = alloca i32, align 4
      call void @g(ptr %a)
      call void @g(ptr %a)
      ret void
    }
    """
    assert "popcorn.mem" not in apply(MemoryTier({"f": "why"}), text)
