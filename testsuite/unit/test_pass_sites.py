"""Sites: calls become statepoints, after which every live value is a new one (design 5)."""

from __future__ import annotations

import re

import pytest
from ir_fixtures import apply, body, check_body, header, sites

from popcc.passes.commonstack import CommonStack
from popcc.passes.memory import MemoryTier
from popcc.unit import SiteInfo

P1 = "ptr addrspace(1)"
STATEPOINT = "@llvm.experimental.gc.statepoint.p0"
RELOCATE = f"call {P1} @llvm.experimental.gc.relocate.p1"


def with_sites(text: str, name: str = "f") -> list[str]:
    """The body of a function with sites."""
    return body(sites(text)[0], name)


def renamed(lines: list[str]) -> list[str]:
    """``%popcorn.…`` and ``%.…`` names numbered in order of appearance."""
    names: dict[str, str] = {}
    return [
        re.sub(r"%(?:popcorn)?\.[\w.]+", lambda m: names.setdefault(m.group(), f"%t{len(names)}"), i) for i in lines
    ]


def test_a_live_value_is_redefined_by_its_relocation() -> None:
    out = with_sites(
        """
        declare i32 @g(i32)
        define i64 @f(i64 %a, i32 %b) {
        entry:
          %r = call i32 @g(i32 %b)
          %z = zext i32 %r to i64
          %s = add i64 %a, %z
          ret i64 %s
        }
        """
    )
    assert renamed(out) == [
        "entry:",
        f"%t0 = inttoptr i64 %a to {P1}",
        f"%t1 = call token (i64, i32, ptr, i32, i32, ...) {STATEPOINT}(i64 0, i32 0, ptr elementtype(i32 (i32)) @g, "
        f'i32 1, i32 0, i32 %b, i32 0, i32 0) [ "deopt"({P1} %t0), "gc-live"({P1} %t0) ]',
        "%r = call i32 @llvm.experimental.gc.result.i32(token %t1)",
        f"%t2 = {RELOCATE}(token %t1, i32 0, i32 0)",
        "%z = zext i32 %r to i64",
        f"%t3 = ptrtoint {P1} %t2 to i64",
        "%s = add i64 %t3, %z",
        "ret i64 %s",
    ]


def test_what_is_known_of_sites() -> None:
    """The id is the position; the values stand in the order of the deopt operands."""
    out, found = sites(
        """
        declare void @g()
        define double @f(i8 %a, double %b, ptr %p) {
        entry:
          call void @g()
          call void %p()
          %z = uitofp i8 %a to double
          %s = fadd double %z, %b
          ret double %s
        }
        define void @h() {
        entry:
          call void @g()
          unreachable
        }
        """
    )
    assert found == [
        SiteInfo("f", 0, "g", (("a", "i8"), ("b", "double"), ("p", "ptr"))),
        SiteInfo("f", 0, found[1].callee, (("a", "i8"), ("b", "double"))),
        SiteInfo("h", 0, "g", (), noreturn=True),
    ]
    assert re.findall(re.escape(STATEPOINT) + r"\(i64 (\d+)", out) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("type_", "encode", "decode"),
    [
        ("i1", ["zext i1 %v to i64"], ["trunc i64 %t to i1"]),
        ("i24", ["zext i24 %v to i64"], ["trunc i64 %t to i24"]),
        ("i64", [], []),
        ("ptr", ["ptrtoint ptr %v to i64"], ["inttoptr i64 %t to ptr"]),
        ("double", ["bitcast double %v to i64"], ["bitcast i64 %t to double"]),
        (
            "float",
            ["bitcast float %v to i32", "zext i32 %t to i64"],
            ["trunc i64 %t to i32", "bitcast i32 %t to float"],
        ),
    ],
)
def test_values_travel_as_8_bytes(type_: str, encode: list[str], decode: list[str]) -> None:
    out = with_sites(
        f"declare void @g()\ndefine {type_} @f({type_} %v) {{\nentry:\ncall void @g()\nret {type_} %v\n}}\n"
    )
    plain = [re.sub(r"%(?:popcorn)?\.[\w.]+", "%t", i).removeprefix("%t = ") for i in out]
    at = next(k for k, i in enumerate(plain) if STATEPOINT in i)
    source = "%v" if not encode else "%t"
    assert plain[1:at] == [*encode, f"inttoptr i64 {source} to {P1}"]
    assert plain[at + 1 : -1] == [f"{RELOCATE}(token %t, i32 0, i32 0)", f"ptrtoint {P1} %t to i64", *decode]


def test_what_is_cheap_to_recompute_travels_as_its_root() -> None:
    text = """
    declare void @g(ptr)
    define ptr @f(ptr %p, i32 %k) {
    entry:
      %field = getelementptr i8, ptr %p, i64 8
      %next = getelementptr i8, ptr %field, i64 16
      %wide = sext i32 %k to i64
      call void @g(ptr %field)
      %at = getelementptr i32, ptr %next, i64 %wide
      ret ptr %at
    }
    """
    _, found = sites(text)
    assert found[0].values == (("p", "ptr"), ("k", "i32"))
    after = renamed(with_sites(text))
    behind = after[next(k for k, i in enumerate(after) if STATEPOINT in i) :]
    assert any("getelementptr i8, ptr %t" in i and i.endswith("i64 8") for i in behind)
    assert any("sext i32 %t" in i for i in behind)


def test_an_offset_by_another_value_is_no_root() -> None:
    _, found = sites(
        """
        declare void @g()
        define ptr @f(ptr %p, i64 %k) {
        entry:
          %at = getelementptr i32, ptr %p, i64 %k
          call void @g()
          ret ptr %at
        }
        """
    )
    assert found[0].values == (("at", "ptr"),)


def test_values_that_flow_through_phis() -> None:
    """In a loop each round's value is the last round's relocation."""
    out = with_sites(
        """
        declare i64 @g(i64)
        define i64 @f(i64 %n) {
        entry:
          br label %loop
        loop:
          %i = phi i64 [ 0, %entry ], [ %j, %loop ]
          %r = call i64 @g(i64 %i)
          %j = add i64 %i, %r
          %c = icmp ult i64 %j, %n
          br i1 %c, label %loop, label %done
        done:
          ret i64 %n
        }
        """
    )
    relocated = {i.split(" = ")[0] for i in out if RELOCATE in i}
    (phi,) = (i for i in out if f"phi {P1}" in i)
    assert len(relocated) == 2 and any(f"[ {name}, %loop ]" in phi for name in relocated)
    used = [i for i in out if i.startswith("%c =")]
    assert "%n" not in used[0], "the old %n may not be used behind the call"


def test_no_value_from_before_a_site_is_used_behind_it() -> None:
    text = """
    declare i64 @g(i64)
    define i64 @f(i64 %a, i64 %b, ptr %p) {
    entry:
      %x = mul i64 %a, %b
      %y = load i64, ptr %p
      %q = getelementptr i8, ptr %p, i64 8
      %r = call i64 @g(i64 %x)
      %s = add i64 %r, %x
      %t = call i64 @g(i64 %s)
      %u = add i64 %t, %y
      store i64 %u, ptr %q
      %v = add i64 %a, %u
      ret i64 %v
    }
    """
    defined: set[str] = {"%a", "%b", "%p"}
    stale: set[str] = set()
    count = 0
    for inst in with_sites(text)[1:]:
        rhs = inst.split(" = ", 1)[-1]
        used = set(re.findall(r"%[\w.]+", rhs))
        result = inst.split(" = ")[0] if " = " in inst else None
        if "gc.relocate" not in rhs and "gc.result" not in rhs:
            assert not used & stale, inst
        if STATEPOINT in rhs:
            count += 1
            stale |= defined
            defined = set()
        if result:
            defined.add(result)
    assert count == 2


def test_the_frame_is_value_0_wherever_there_is_one() -> None:
    text = """
    declare void @g(ptr)
    define i64 @f(i64 %n) {
    entry:
      %a = alloca i32, align 4
      call void @g(ptr %a)
      call void @g(ptr null)
      ret i64 %n
    }
    """
    _, found = sites(apply(CommonStack(), text))
    assert [s.values for s in found] == [(("popcorn.frame", "ptr"), ("n", "i64"))] * 2


def test_calls_of_leaf_functions_and_intrinsics_are_no_sites() -> None:
    text = """
    declare double @sqrt(double)
    declare i64 @llvm.ctpop.i64(i64)
    define internal i64 @leaf(i64 %x) {
    entry:
      %y = call i64 @llvm.ctpop.i64(i64 %x)
      ret i64 %y
    }
    define i64 @f(i64 %x) {
    entry:
      %y = call i64 @leaf(i64 %x)
      %z = call double @sqrt(double 2.0)
      ret i64 %y
    }
    """
    out, found = sites(text)
    assert not found and "gc " not in header(out, "f") and "statepoint" not in out


def test_an_indirect_callee_goes_through_an_empty_assembly() -> None:
    """ISel would otherwise call the statepoint's own first result when the callee is a relocation (trap 1)."""
    text = "define ptr @f(ptr %p) {\nentry:\n  call void %p()\n  call void %p()\n  ret ptr %p\n}\n"
    out = renamed(with_sites(text))
    callees = re.findall(r"elementtype\(void \(\)\) (%t\d+)", "\n".join(out))
    for callee in callees:
        assert any(i.startswith(f'{callee} = call ptr asm "", "=r,0"(ptr ') for i in out)
    assert len(callees) == 2


def test_arguments_keep_their_extensions_and_results_theirs() -> None:
    out, _ = sites(
        """
        declare fastcc zeroext i1 @g(i8 signext, ptr, float)
        define i1 @f(i8 %c, ptr %p) {
        entry:
          %r = call fastcc zeroext i1 @g(i8 signext %c, ptr nonnull align 4 %p, float 1.0)
          ret i1 %r
        }
        """
    )
    assert "call fastcc token" in out
    assert "i32 3, i32 0, i8 signext %c, ptr %p, float 1.0, i32 0, i32 0)" in out
    assert "%r = call zeroext i1 @llvm.experimental.gc.result.i1" in out


def test_results_of_every_type_that_is_live_nowhere() -> None:
    """Vectors, wide integers and aggregates come back as results; across a site they were put in memory before."""
    text = """
    declare <2 x i64> @v()
    declare { i64, double } @s()
    declare i128 @w()
    define i128 @f() {
    entry:
      %v = call <2 x i64> @v()
      %e = extractelement <2 x i64> %v, i32 0
      %s = call { i64, double } @s()
      %m = extractvalue { i64, double } %s, 0
      %w = call i128 @w()
      %a = add i64 %e, %m
      %z = zext i64 %a to i128
      %r = add i128 %w, %z
      ret i128 %r
    }
    """
    for p in (MemoryTier(), CommonStack()):
        text = apply(p, text)
    out, found = sites(text)
    assert len(found) == 3
    assert len(re.findall(r"^declare .*@llvm\.experimental\.gc\.result\.", out, re.M)) == 3


def test_setjmp_carries_nothing_and_finds_its_frame_again() -> None:
    text = """
    declare i32 @__popcorn_setjmp(ptr) returns_twice
    define i64 @f(i64 %n, ptr %env) {
    entry:
      %r = call i32 @__popcorn_setjmp(ptr %env) returns_twice
      ret i64 %n
    }
    """
    for p in (MemoryTier(), CommonStack()):
        text = apply(p, text)
    out, found = sites(text)
    assert found == [SiteInfo("f", 0, "__popcorn_setjmp", ())]
    assert 'returns_twice [ "deopt"() ]' in out
    behind = out[out.index("gc.result") :]
    assert "call ptr @llvm.thread.pointer.p0()" in behind, "csp tells where the frame is"


@pytest.mark.parametrize("name", ["llvm.thread.pointer", "llvm.thread.pointer.p0"])
def test_the_thread_pointer_is_read_anew(name: str) -> None:
    """By either name, clang 19's and LLVM 22's: where it is a register, LLVM would list that, and die of it."""
    out, (site,) = sites(
        f"""
        declare void @g()
        declare ptr @{name}()
        define i1 @f(ptr %q) {{
        entry:
          %tp = call ptr @{name}()
          call void @g()
          %same = icmp eq ptr %tp, %q
          ret i1 %same
        }}
        """
    )
    assert site.values == (("q", "ptr"),)
    assert out.count(f" = call ptr @{name}()") == 2


def test_names_with_quotes() -> None:
    text = """
    declare void @"odd callee"()
    define i64 @"odd function"(i64 %"a b") {
    "first block":
      %"q r" = add i64 %"a b", 1
      call void @"odd callee"()
      br label %"second block"
    "second block":
      ret i64 %"q r"
    }
    """
    _, found = sites(text)
    assert found == [SiteInfo("odd function", 0, "odd callee", (("q r", "i64"),))]


def test_a_module_without_sites_is_left_alone() -> None:
    text = "define void @f() {\na:\n  ret void\n}\n"
    assert sites(text) == (text, [])
    check_body(text, "f", "a:\nret void")
