"""Calls of setjmp and its kin go to the runtime's (design 7)."""

from __future__ import annotations

import pytest
from ir_fixtures import apply, check_body

from popcc.passes.setjmp import SetJmp


@pytest.mark.parametrize("name", ["setjmp", "_setjmp"])
def test_setjmp_is_the_runtimes_and_no_tail_call(name: str) -> None:
    out = apply(
        SetJmp(),
        f"""
        declare i32 @{name}(ptr) #0
        define i32 @f(ptr %env) {{
        entry:
          %r = tail call i32 @{name}(ptr noundef %env) #0
          ret i32 %r
        }}
        attributes #0 = {{ returns_twice }}
        """,
    )
    check_body(out, "f", "entry:\n%r = call i32 @__popcorn_setjmp(ptr %env)\nret i32 %r")
    assert "%r = call i32 @__popcorn_setjmp(ptr %env) #0" in out, "the optimiser must know that it returns twice"
    assert "declare i32 @__popcorn_setjmp(ptr) returns_twice nounwind" in out
    assert f"@{name}(" not in out


@pytest.mark.parametrize("name", ["sigsetjmp", "__sigsetjmp"])
def test_sigsetjmp_saves_the_mask_first_by_a_plain_call(name: str) -> None:
    out = apply(
        SetJmp(),
        f"""
        declare i32 @{name}(ptr, i32) returns_twice
        define i32 @f(ptr %env, i32 %mask) {{
        entry:
          %r = call i32 @{name}(ptr %env, i32 %mask) returns_twice
          ret i32 %r
        }}
        """,
    )
    check_body(
        out,
        "f",
        """
        entry:
        call void @__popcorn_sigsave(ptr %env, i32 %mask)
        %r = call i32 @__popcorn_setjmp(ptr %env) returns_twice
        ret i32 %r
        """,
    )


def test_a_definition_of_setjmp_and_names_that_only_look_alike_stay() -> None:
    text = """
    declare i32 @my_setjmp(ptr)
    define i32 @setjmp(ptr %env) {
    entry:
      %r = call i32 @my_setjmp(ptr %env)
      ret i32 %r
    }
    """
    assert "__popcorn" not in apply(SetJmp(), text)
