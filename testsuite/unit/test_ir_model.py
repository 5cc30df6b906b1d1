"""The line-level model of the IR: lossless, and right about names, types and calls."""

from __future__ import annotations

import llvmlite.binding as llvm
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_fixtures import tidy

from popcc import codegen
from popcc.ir import model
from popcc.ir.calls import parse_call
from popcc.ir.model import Inst, header_name, header_parameters
from popcc.ir.text import closing, split_list, substitute, take_attributes, take_type

MODULE = r"""
source_filename = "thing.c"
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
%struct.pair = type { i32, [2 x ptr] }
@text = private unnamed_addr constant [11 x i8] c"}, \22%1\22 ]\0A\00", align 1
@table = global [2 x ptr] [ptr @one, ptr @"odd name"], align 16
declare i32 @printf(ptr noundef, ...) #0
define internal fastcc i32 @one(i32 %x, ptr noalias nocapture byval(%struct.pair) align 8 %p) unnamed_addr #0 {
entry:
  %big = alloca [4 x { i8, i64 }], align 16
  switch i32 %x, label %"last block" [
    i32 0, label %zero
    i32 -7, label %zero
  ]

zero:                                             ; preds = %entry, %entry
  %r = tail call i32 (ptr, ...) @printf(ptr noundef nonnull @text, i32 noundef %x), !range !0
  br label %"last block"

"last block":                                     ; preds = %zero, %entry
  %out = phi i32 [ %r, %zero ], [ 5, %entry ]
  ret i32 %out
}
define void @"odd name"() {
only:
  ret void
}
attributes #0 = { nounwind "a"="b }" }
!0 = !{i32 0, i32 100}
"""


def canonical(text: str) -> str:
    """As LLVM prints it, in a context of its own: in a shared one it renames types."""
    return str(llvm.parse_assembly(text, context=llvm.create_context()))


def test_a_module_survives() -> None:
    text = canonical(MODULE)
    assert canonical(model.parse(text).text()) == text


def test_a_second_round_changes_nothing() -> None:
    once = model.parse(canonical(MODULE)).text()
    assert model.parse(once).text() == once
    assert canonical(model.parse(canonical(once)).text()) == canonical(once)


def test_lines_outside_functions_are_verbatim() -> None:
    text = canonical(MODULE)
    lines = set(model.parse(text).lines())
    outside = [i for i in text.splitlines() if i.startswith(("@", "%struct", "declare", "attributes", "!", "source"))]
    assert outside and set(outside) <= lines


def test_a_switch_is_one_instruction() -> None:
    (f, _) = model.parse(canonical(MODULE)).functions()
    last = f.blocks[0].insts[-1]
    assert (last.opcode, last.result) == ("switch", None)
    assert last.rhs.count("label %zero") == 2 and last.rhs.endswith("]")


def test_blocks_and_their_names() -> None:
    one, odd = model.parse(canonical(MODULE)).functions()
    assert [b.name for b in one.blocks] == ["%entry", "%zero", '%"last block"']
    assert (one.name, odd.name) == ("one", "odd name")


NUMBERED = """
define i64 @f(i64 %0, ptr %name, i64 %1) {
  %3 = add i64 %0, %1
  br label %4
4:
  %5 = phi i64 [ %3, %2 ], [ %6, %4 ]
  %6 = mul i64 %5, %5
  %7 = icmp eq i64 %6, 0
  br i1 %7, label %4, label %8
8:
  ret i64 %6
}
"""


def test_numbered_locals_get_names_so_that_passes_may_add_some() -> None:
    module = model.parse(tidy(NUMBERED), "x..")
    (f,) = module.functions()
    assert [p.name for p in f.parameters()[0]] == ["%x..0", "%name", "%x..1"]
    assert [b.label for b in f.blocks] == ["x..2", "x..4", "x..8"]
    f.blocks[0].insts.insert(0, Inst("  %mine = add i64 1, 2"))
    codegen.parse(module.text(), "the insertion")


def test_names_of_two_parses_do_not_collide() -> None:
    first = canonical(model.parse(tidy(NUMBERED), model.UNOPTIMISED).text())
    second = model.parse(first, model.OPTIMISED)
    assert "a..3" in second.text() and "b.." not in second.text()


@pytest.mark.parametrize(
    "text",
    [
        "  call void @f()",
        "  %r = tail call i32 @f(i32 noundef 1, ptr nonnull align 8 %p) #3, !dbg !4",
        "  %r = call fastcc zeroext i1 @f(i8 signext %c)",
        "  %r = notail call nnan ninf double @f(double 1.000000e+00)",
        '  %r = call noalias noundef ptr @"odd, name("(ptr @"a)", i64 5)',
        "  %r = call i32 (ptr, ...) @printf(ptr @text, double 2.0, i32 %x)",
        "  %r = call { i64, { ptr, i8 } } %fp({ i64, i64 } %a, <2 x float> <float 1.0, float 2.0>)",
        "  call void @llvm.memcpy.p0.p0.i64(ptr align 4 %a, ptr getelementptr (i8, ptr @g, i64 4), i64 8, i1 false)",
        '  %r = call ptr asm sideeffect "# ( %0", "=r,0,~{memory}"(ptr %x) #2, !srcloc !1',
        "  call void inttoptr (i64 4096 to ptr)(i32 1)",
        "  call void @f(ptr byval(%a.b) align 8 %p, i32 range(i32 0, 5) %k, ptr captures(none) dead_on_return %q)",
        "  call void @llvm.dbg.value(metadata i32 %x, metadata !9, metadata !DIExpression())",
        '  call void @f() [ "deopt"(i32 1), "gc-live"(ptr addrspace(1) %v) ]',
    ],
)  # fmt: skip
def test_calls_are_parsed_without_loss(text: str) -> None:
    call = parse_call(Inst(text))
    assert str(call) == text
    assert str(parse_call(call.inst())) == text


def test_the_parts_of_a_call() -> None:
    arguments = 'ptr nonnull align 8 @"x y", i32 add (i32 1, i32 2)'
    text = f"  %r = tail call fastcc signext i8 (ptr, ...) %fp({arguments}) #7, !dbg !4"
    c = parse_call(Inst(text))
    assert (c.result, c.kind, c.convention, c.ret_attributes, c.ret) == ("%r", "tail", "fastcc", ("signext",), "i8")
    assert (c.parameter_types, c.callee, c.is_variadic) == (("ptr", "..."), "%fp", True)
    assert [(a.type, a.attributes, a.value) for a in c.arguments] == [
        ("ptr", ("nonnull", "align 8"), '@"x y"'),
        ("i32", (), "add (i32 1, i32 2)"),
    ]
    assert (c.group, c.metadata) == ("#7", ", !dbg !4")


@pytest.mark.parametrize("text", ["  %x = add i32 1, 2", "  ret void", "  %called = load i32, ptr %call"])
def test_what_is_no_call_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a call"):
        parse_call(Inst(text))


def test_headers() -> None:
    text = 'define internal ptr @"f(x"(i32 noundef signext %a, ptr byval({ i8, [2 x i64] }) align 8 %"b, c", ...) #0 {'
    assert header_name(text) == "f(x"
    parameters, variadic = header_parameters(text)
    assert variadic and [(p.type, p.attributes, p.name) for p in parameters] == [
        ("i32", ("noundef", "signext"), "%a"),
        ("ptr", ("byval({ i8, [2 x i64] })", "align 8"), '%"b, c"'),
    ]
    assert header_parameters("declare void @f(ptr nocapture readonly, i1 immarg)")[0][0].attributes == (
        "nocapture",
        "readonly",
    )


SCALAR = st.sampled_from(["i1", "i24", "i64", "ptr", "ptr addrspace(1)", "double", "%struct.a", '%"a, b"'])
TYPE = st.recursive(
    SCALAR,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda t: "{ " + ", ".join(t) + " }"),
        st.lists(inner, min_size=1, max_size=3).map(lambda t: "<{ " + ", ".join(t) + " }>"),
        st.tuples(st.integers(0, 9), inner).map(lambda t: f"[{t[0]} x {t[1]}]"),
    ),
    max_leaves=6,
)
ATTRIBUTE = st.sampled_from(
    ["noundef", "signext", "align 16", "nonnull", "dereferenceable(8)", "range(i32 0, 5)", "captures(none)"]
)
ATTRIBUTES = st.lists(ATTRIBUTE, max_size=3, unique=True)
CONSTANT = st.sampled_from(["5", "-1", "null", "zeroinitializer", "splat (i32 3)", "0x7FF8000000000000", 'c"a, )\\22"'])
EXPRESSION = st.sampled_from(["inttoptr (i64 1 to ptr)", "getelementptr (i8, ptr @g, i64 4)", "blockaddress(@f, %b)"])
VALUE = st.one_of(st.sampled_from(["%x", "@g", '@"a, (b"']), CONSTANT, EXPRESSION)


@given(TYPE, ATTRIBUTES, VALUE)
def test_arguments_of_any_type_split_where_they_should(type_: str, attributes: list[str], value: str) -> None:
    part = " ".join([type_, *attributes, value])
    found, rest = take_type(part)
    assert found == type_
    assert take_attributes(rest) == (attributes, value)
    assert split_list(f"{part}, {part}") == [part, part]


@given(st.lists(st.tuples(TYPE, ATTRIBUTES, VALUE), max_size=4), TYPE)
def test_any_call_is_parsed_without_loss(arguments: list[tuple[str, list[str], str]], ret: str) -> None:
    parts = [" ".join([t, *a, v]) for t, a, v in arguments]
    text = f"  %r = call {ret} @f({', '.join(parts)}) #1, !dbg !2"
    call = parse_call(Inst(text))
    assert str(call) == text
    assert [(a.type, list(a.attributes), a.value) for a in call.arguments] == arguments


@given(st.lists(st.sampled_from(["%a", "%b", "%aa", '%"a b"', "%a.b"]), max_size=6))
def test_substitution_is_by_whole_names(names: list[str]) -> None:
    text = ", ".join(names)
    assert list(Inst(f"  ret {text}").names) == names
    assert substitute(text, {"%a": "%z"}) == ", ".join("%z" if n == "%a" else n for n in names)


def test_brackets_in_quotes_do_not_count() -> None:
    assert closing('("a)" (x) "(")', 0) == 13
    with pytest.raises(ValueError, match="no closing bracket"):
        closing("((x)", 0)


def test_debug_records_and_comments_go() -> None:
    text = "; a comment\ndefine void @f() {\nentry:\n    #dbg_value(i32 0, !1, !DIExpression(), !2)\n  ret void\n}\n"
    assert model.parse(text).text() == "define void @f() {\nentry:\n  ret void\n}\n"
