"""Both ends of a call know of its variable arguments, or the program is not linked."""

from __future__ import annotations

import re

import pytest
from ir_fixtures import tidy
from link_fixtures import linked, unit
from msgspec.structs import replace

from popcc.errors import PopccError
from popcc.ir import model
from popcc.passes.prototypes import prototypes
from popcc.unit import Prototypes, decode_units

DEFINES = "int v(int n, ...) { return n; } int main(void) { return 0; }"


def test_what_a_module_says_of_them() -> None:
    found = prototypes(
        model.parse(
            tidy("""
            @also = weak alias i32 (i32, ...), ptr @mine
            @other = alias i32 (i32), ptr @plain
            declare i32 @printf(ptr, ...)
            declare i32 @unknown(...)
            declare i32 @nothing(...)
            declare i32 @fixed(i32)
            declare void @llvm.experimental.x(...)
            define i32 @plain(i32 %x) {
              %a = call i32 (ptr, ...) @printf(ptr null)
              %b = call i32 (i32, ...) @unknown(i32 1)
              %c = call i32 (...) @nothing()
              %d = call i32 @fixed(i32 1)
              ret i32 0
            }
            define i32 @mine(i32 %n, ...) {
              ret i32 0
            }
            """)
        )
    )
    assert found == Prototypes(("mine", "also"), {"printf": "in plain"}, {"unknown": "in plain"})


def test_they_travel_with_the_unit() -> None:
    known = Prototypes(("v",), {"printf": "a.c:1:2 in f"}, {"w": "a.c:3:4 in g"})
    (read,) = decode_units(replace(unit("a.c", DEFINES), prototypes=known).encode(), "a.o")
    assert read.prototypes == known


def test_a_call_without_prototype() -> None:
    v = replace(unit("v.c", DEFINES), prototypes=Prototypes(("v",)))
    main = replace(
        unit("a.c", "int v(); int g(void) { return v(1); }"), prototypes=Prototypes((), {}, {"v": "a.c:1:30 in g"})
    )
    message = "a.c:1:30 in g: v takes variable arguments and is called without a prototype; declare it before"
    with pytest.raises(PopccError, match=f"^{re.escape(message)}$"):
        linked(v, main)
    assert linked(replace(v, prototypes=Prototypes()), main)


def test_a_prototype_that_the_definition_belies() -> None:
    v = unit("v.c", "int v(int n, int m) { return n; } int main(void) { return 0; }")
    main = replace(
        unit("a.c", "int v(int, ...); int g(void) { return v(1, 2); }"),
        prototypes=Prototypes((), {"v": "a.c:1:40 in g"}),
    )
    message = (
        "a.c:1:40 in g: v is called with variable arguments, but v.o defines it without; declare it as it is defined"
    )
    with pytest.raises(PopccError, match=f"^{re.escape(message)}$"):
        linked(v, main)
    assert linked(replace(v, prototypes=Prototypes(("v",))), main)
    assert linked(replace(v, private=True), main), "the runtime's functions take the area's address"
