"""Vectors that would go to the machine stack go to the common one (law 3)."""

from __future__ import annotations

import pytest
from ir_fixtures import apply, check_body

from popcc.passes.vectors import Vectors

ELEMENTS = """
declare i64 @g()
define float @f(<4 x float> %v, float %x, i32 %n, i64 %m) {
entry:
  %r = call i64 @g()
  %w = insertelement <4 x float> %v, float %x, i32 %n
  %e = extractelement <4 x float> %w, i64 %m
  ret float %e
}
"""
CONSTANTS = """
declare i64 @g()
declare void @h(<2 x i32>)
define <2 x i32> @f(<2 x i32> %v) {
entry:
  %r = call i64 @g()
  %a = add nsw <2 x i32> %v, splat (i32 5)
  %b = and <2 x i32> <i32 1, i32 2>, %a
  %s = shl <2 x i32> %b, splat (i32 3)
  %i = insertelement <2 x i32> %s, i32 77, i64 1
  call void @h(<2 x i32> noundef splat (i32 5))
  ret <2 x i32> %i
}
"""


def test_elements_at_an_index_of_run_time_go_through_the_frame() -> None:
    check_body(
        apply(Vectors(), ELEMENTS),
        "f",
        """
        entry:
        %popcorn.vector.0 = alloca <4 x float>, align 16
        %r = call i64 @g()
        store <4 x float> %v, ptr %popcorn.vector.0, align 16
        %popcorn.element.0.wide = zext i32 %n to i64
        %popcorn.element.0.index = urem i64 %popcorn.element.0.wide, 4
        %popcorn.element.0.place = getelementptr inbounds float, ptr %popcorn.vector.0, i64 %popcorn.element.0.index
        store float %x, ptr %popcorn.element.0.place
        %w = load <4 x float>, ptr %popcorn.vector.0, align 16
        store <4 x float> %w, ptr %popcorn.vector.0, align 16
        %popcorn.element.1.index = urem i64 %m, 4
        %popcorn.element.1.place = getelementptr inbounds float, ptr %popcorn.vector.0, i64 %popcorn.element.1.index
        %e = load float, ptr %popcorn.element.1.place
        ret float %e
        """,
    )


@pytest.mark.parametrize("text", [ELEMENTS.replace("i32 %n\n", "i32 1\n").replace("i64 %m\n", "i64 2\n"), CONSTANTS])
def test_constants_stay_as_they_are(text: str) -> None:
    """Indices that are constant, and values that are, while there is no need."""
    assert "popcorn" not in apply(Vectors(), text)


def test_functions_without_sites_keep_theirs() -> None:
    assert "popcorn" not in apply(Vectors(frozenset(["f"])), ELEMENTS.replace("  %r = call i64 @g()\n", ""))


def test_the_memory_tier_loads_constants() -> None:
    """But for amounts to shift by, which are cheap only as constants."""
    check_body(
        apply(Vectors(frozenset(["f"])), CONSTANTS),
        "f",
        """
        entry:
        %popcorn.constant.0 = alloca <2 x i32>, align 16
        store <2 x i32> splat (i32 5), ptr %popcorn.constant.0, align 16
        %popcorn.constant.1 = alloca <2 x i32>, align 16
        store <2 x i32> <i32 1, i32 2>, ptr %popcorn.constant.1, align 16
        %popcorn.constant.2 = alloca i32, align 16
        store i32 77, ptr %popcorn.constant.2, align 16
        %r = call i64 @g()
        %popcorn.loaded.0 = load <2 x i32>, ptr %popcorn.constant.0, align 16
        %a = add nsw <2 x i32> %v, %popcorn.loaded.0
        %popcorn.loaded.1 = load <2 x i32>, ptr %popcorn.constant.1, align 16
        %b = and <2 x i32> %popcorn.loaded.1, %a
        %s = shl <2 x i32> %b, splat (i32 3)
        %popcorn.loaded.2 = load i32, ptr %popcorn.constant.2, align 16
        %i = insertelement <2 x i32> %s, i32 %popcorn.loaded.2, i64 1
        %popcorn.loaded.3 = load <2 x i32>, ptr %popcorn.constant.0, align 16
        call void @h(<2 x i32> noundef %popcorn.loaded.3)
        ret <2 x i32> %i
        """,
    )
