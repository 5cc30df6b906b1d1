"""What passes build on: control flow, liveness, the call graph, types and sizes, source positions."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_fixtures import tidy

from popcc.errors import Place
from popcc.ir import model
from popcc.ir.calls import parse_call
from popcc.ir.model import Function, Inst, Module
from popcc.passes.base import DebugLines, with_declarations
from popcc.passes.callgraph import call_graph, leaf_calls
from popcc.passes.cfg import flow_graph, natural_loops, successor_labels
from popcc.passes.graph import components, reachable, reversed_graph
from popcc.passes.liveness import Liveness
from popcc.passes.sizes import TypeSizes
from popcc.passes.types import result_type, value_types


def parsed(text: str) -> Module:
    return model.parse(tidy(text))


def first(text: str) -> Function:
    return next(parsed(text).functions())


NEST = """
define void @f(i1 %c, i32 %k) {
entry:
  br label %outer
outer:
  switch i32 %k, label %exit [
    i32 1, label %inner
    i32 2, label %inner
  ]
inner:
  br i1 %c, label %inner, label %latch
latch:
  br i1 %c, label %outer, label %exit
exit:
  ret void
dead:
  br label %outer
}
"""


def test_successors_each_once() -> None:
    blocks = {b.label: successor_labels(b) for b in first(NEST).blocks}
    assert blocks["outer"] == ["%exit", "%inner"]
    assert blocks["latch"] == ["%outer", "%exit"]
    assert blocks["exit"] == []


def test_loops_by_header() -> None:
    loops = {loop.header: set(loop.blocks) for loop in natural_loops(first(NEST))}
    assert loops == {"%inner": {"%inner"}, "%outer": {"%outer", "%inner", "%latch"}}


BLOCKS = 6
GRAPHS = st.lists(st.lists(st.integers(1, BLOCKS - 1), max_size=2, unique=True), min_size=BLOCKS, max_size=BLOCKS)


@given(GRAPHS)
def test_every_cycle_holds_the_header_of_a_loop(edges: list[list[int]]) -> None:
    """Irreducible or not: without its loop headers, what can be reached has no cycle (so a point is always passed)."""

    ends = ["unreachable", "br label %b{}", "br i1 %c, label %b{}, label %b{}"]
    body = "".join(f"b{k}:\n{ends[len(to)].format(*to)}\n" for k, to in enumerate(edges))
    function = first(f"define void @f(i1 %c) {{\n{body}}}\n")
    graph = nx.DiGraph(flow_graph(function))
    reached = graph.subgraph({"%b0"} | nx.descendants(graph, "%b0"))
    headers = {loop.header for loop in natural_loops(function)}
    assert nx.is_directed_acyclic_graph(reached.subgraph(set(reached) - headers))


LIVE = """
define i64 @f(i64 %a, i64 %b, i1 %c) {
entry:
  %x = call i64 @g(i64 %a)
  br i1 %c, label %then, label %join
then:
  %y = call i64 @g(i64 %b)
  br label %join
join:
  %p = phi i64 [ %x, %entry ], [ %y, %then ]
  %z = call i64 @g(i64 %p)
  %r = add i64 %z, %p
  ret i64 %r
}
"""


def test_what_is_live_after_calls() -> None:
    """A phi's operand is live at the end of the block it comes from, not of the others."""
    function = first(LIVE)
    liveness = Liveness(function, list(value_types(function)))
    found = {
        inst.result: set(live)
        for block in function.blocks
        for inst, live in liveness.live_after(block, lambda i: i.opcode == "call")
    }
    assert found == {"%x": {"%b", "%c"}, "%y": set(), "%z": {"%p"}}


def test_what_a_loop_uses_is_live_all_around_it() -> None:
    function = first(
        """
        define void @f(i64 %n, i64 %once) {
        entry:
          %u = call i64 @g(i64 %once)
          br label %loop
        loop:
          %v = call i64 @g(i64 %n)
          %w = call i64 @g(i64 1)
          %c = icmp eq i64 %v, %w
          br i1 %c, label %loop, label %done
        done:
          ret void
        }
        """
    )
    liveness = Liveness(function, list(value_types(function)))
    loop = function.blocks[1]
    found = {i.result: set(live) for i, live in liveness.live_after(loop, lambda i: i.opcode == "call")}
    assert found == {"%v": {"%n"}, "%w": {"%n", "%v"}}


CALLS = """
@pointer = global ptr @exposed
declare double @sqrt(double)
declare void @outside()
define internal void @leaf() {
  %x = call double @sqrt(double 1.0)
  ret void
}
define internal void @above() {
  call void @leaf()
  ret void
}
define internal void @goes_out() {
  call void @outside()
  ret void
}
define internal void @above_that() {
  call void @goes_out()
  ret void
}
define internal void @exposed(ptr %p) {
  call void %p()
  ret void
}
define weak void @replaceable() {
  ret void
}
"""


def test_functions_that_reach_no_other_unit_have_no_sites() -> None:
    calls = call_graph(parsed(CALLS))
    assert calls.site_free == {"leaf", "above"}


def test_which_calls_are_sites() -> None:
    calls = call_graph(parsed(CALLS))
    sites = {
        text: calls.is_site(parse_call(Inst("  " + text)))
        for text in (
            "call void @leaf()",
            "call double @sqrt(double 1.0)",
            "call void @llvm.donothing()",
            'call void asm "", ""()',
            "call void @goes_out()",
            "call void @outside()",
            "call void @replaceable()",
            "call void %p()",
            "call void @__popcorn_point()",
        )
    }
    assert [text for text, is_site in sites.items() if not is_site] == list(sites)[:4]


def test_leaf_functions_that_are_called_are_told_to_the_linker() -> None:
    assert leaf_calls(parsed(CALLS)) == ("sqrt",)


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("%r = add nuw nsw i64 %a, 1", "i64"),
        ("%r = fadd nnan double %a, %b", "double"),
        ("%r = load volatile { i32, ptr }, ptr %p, align 8", "{ i32, ptr }"),
        ("%r = load atomic i32, ptr %p seq_cst, align 4", "i32"),
        ("%r = zext nneg i8 %a to i32", "i32"),
        ("%r = ptrtoint ptr %p to i64", "i64"),
        ("%r = trunc <4 x i32> %v to <4 x i8>", "<4 x i8>"),
        ("%r = icmp samesign ult i32 %a, %b", "i1"),
        ("%r = icmp eq <4 x i32> %a, %b", "<4 x i1>"),
        ("%r = fcmp ord double %a, 0.0", "i1"),
        ("%r = select i1 %c, ptr %p, ptr null", "ptr"),
        ("%r = phi { i64, i1 } [ %a, %x ], [ undef, %y ]", "{ i64, i1 }"),
        ("%r = getelementptr inbounds nuw %struct.a, ptr %p, i64 0, i32 1", "ptr"),
        ("%r = getelementptr i8, <2 x ptr> %p, i64 1", "<2 x ptr>"),
        ("%r = extractvalue { i64, { ptr, i8 } } %a, 1, 0", "ptr"),
        ("%r = insertvalue { i64, i1 } %a, i64 5, 0", "{ i64, i1 }"),
        ("%r = extractelement <2 x double> %v, i32 1", "double"),
        ("%r = insertelement <2 x double> %v, double 1.0, i32 1", "<2 x double>"),
        ("%r = shufflevector <2 x i8> %a, <2 x i8> %b, <4 x i32> <i32 0, i32 1, i32 2, i32 3>", "<4 x i8>"),
        ("%r = cmpxchg weak ptr %p, i64 %a, i64 %b acq_rel monotonic, align 8", "{ i64, i1 }"),
        ("%r = atomicrmw add ptr %p, i32 1 seq_cst, align 4", "i32"),
        ("%r = alloca [4 x i8], align 1", "ptr"),
        ("%r = freeze i24 %a", "i24"),
        ("%r = tail call signext i8 @g(i32 1)", "i8"),
    ],
)
def test_types_of_results(text: str, type_: str) -> None:
    assert result_type(Inst("  " + text)) == type_


def test_an_unknown_instruction_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown instruction"):
        result_type(Inst("  %r = landingpad { ptr, i32 } cleanup"))


@pytest.mark.parametrize(
    ("type_", "size"),
    [
        ("i1", 1),
        ("i24", 4),
        ("i40", 8),
        ("i128", 16),
        ("ptr", 8),
        ("{ i8, i64 }", 16),
        ("<{ i8, i64 }>", 9),
        ("[3 x %pair]", 24),
        ("<3 x float>", 16),
        ("%nested", 24),
        ("{}", 0),
    ],
)
def test_sizes(type_: str, size: int) -> None:
    module = parsed("%pair = type { i32, i8 }\n%nested = type { %pair, [2 x i64] }\n")
    assert TypeSizes(module).size(type_) == size


LINES = parsed(
    """
    define void @f() !dbg !2 {
    entry:
      ret void, !dbg !6
    }
    !1 = !DIFile(filename: "outer.c", directory: "/")
    !2 = distinct !DISubprogram(name: "f", file: !1, line: 1)
    !3 = !DIFile(filename: "inner.h", directory: "/")
    !4 = distinct !DISubprogram(name: "inlined", file: !3, line: 1)
    !5 = distinct !DILocation(line: 10, scope: !2)
    !6 = !DILocation(line: 20, scope: !4, inlinedAt: !5)
    """
)


def test_positions_of_inlined_code() -> None:
    """A site's line is one of the function it stands in; an error's place is where the text was written."""
    (inst,) = next(LINES.functions()).insts()
    lines = DebugLines(LINES)
    assert lines.line_of(inst) == 10
    assert lines.place_of(inst, "f") == Place("inner.h", 20, "f")
    assert str(lines.place_of(Inst("  ret void"), "f")) == "in f"


def test_declarations_are_added_once() -> None:
    module = parsed("@x = global i32 0\ndeclare void @f()\n")
    wanted = ["declare void @f()", "declare void @g(i32)", "@x = external global i32", "@y = external global i32"]
    out = with_declarations(with_declarations(module, wanted), wanted)
    assert list(out.lines()) == [*module.lines(), "declare void @g(i32)", "@y = external global i32"]


def successors_of(nodes: int) -> st.SearchStrategy[list[list[int]]]:
    return st.lists(st.lists(st.integers(0, nodes - 1), max_size=4), min_size=nodes, max_size=nodes)


@given(st.integers(1, 12).flatmap(successors_of))
def test_graphs_agree_with_networkx(edges: list[list[int]]) -> None:
    graph = dict(enumerate(edges))
    reference = nx.DiGraph(graph)
    assert {*map(frozenset, components(graph))} == {*map(frozenset, nx.strongly_connected_components(reference))}
    assert reachable(graph, [0]) == {0} | nx.descendants(reference, 0)
    back = {(s, n) for n, successors in reversed_graph(graph).items() for s in successors}
    assert back == set(reference.edges)
