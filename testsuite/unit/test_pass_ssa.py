"""SSA form: dominance against networkx, phis against their definition, and the walk on IR that shows each case."""

from __future__ import annotations

import random
import re

import networkx
import pytest
from ir_fixtures import body, sites

from popcc.passes.ssa import dominance, joins

Graph = dict[str, list[str]]


def random_graph(seed: int) -> Graph:
    """Blocks of which the first reaches some, with joins, loops and irreducible cycles."""
    rng = random.Random(seed)
    names = [f"b{k}" for k in range(rng.randint(1, 25))]
    return {name: rng.sample(names[1:], min(len(names) - 1, rng.randint(0, 3))) for name in names}


@pytest.mark.parametrize("seed", range(200))
def test_dominance_is_networkx_s(seed: int) -> None:
    graph = random_graph(seed)
    known = dominance(graph, "b0")
    other = networkx.DiGraph(graph)
    expected = {b: d for b, d in networkx.immediate_dominators(other, "b0").items() if b != "b0"}
    assert {b: d for b, d in known.dominator.items() if b != "b0"} == expected
    reached = set(known.order)
    assert reached == {"b0", *networkx.descendants(other, "b0")}
    frontiers = networkx.dominance_frontiers(other.subgraph(reached), "b0")
    # the entry, which nothing leads back to, is in no frontier
    assert {b: set(f) for b, f in known.frontier.items()} == {b: set(frontiers.get(b, ())) for b in reached}
    place = {b: k for k, b in enumerate(known.order)}
    assert all(place[d] < place[b] for b, d in expected.items())


@pytest.mark.parametrize("seed", range(200))
def test_one_version_arrives_where_there_is_no_phi(seed: int) -> None:
    """Versions are numbered by the block that makes them; along every edge a block without a phi sees but one."""
    graph = random_graph(seed)
    known = dominance(graph, "b0")
    rng = random.Random(-seed)
    defines = {b: int(b == "b0" or rng.random() < 0.3) for b in graph}
    phis = joins(known, defines, dict.fromkeys(known.order, 1))
    end: dict[str, str] = {}
    for block in known.order:
        above = end.get(known.dominator[block], "")
        end[block] = block if defines[block] or phis[block] else above
    for block in known.order:
        arriving = {end[p] for p in known.order if block in graph[p]}
        assert phis[block] or len(arriving) <= 1
    assert not any(joins(known, defines, dict.fromkeys(known.order, 0)).values()), "nothing that is read needs a phi"


def test_versions_join_where_one_way_has_a_site() -> None:
    out = "\n".join(
        body(
            sites(
                """
                declare void @g()
                define i64 @f(i64 %n, i1 %c) {
                entry:
                  br i1 %c, label %calls, label %both
                calls:
                  call void @g()
                  br label %both
                both:
                  ret i64 %n
                }
                """
            )[0],
            "f",
        )
    )
    carrier, relocated = (
        re.search(r"(%\.s\d+) = inttoptr i64 %n", out),
        re.search(r"(\S+) = call .*relocate", out),
    )
    assert carrier and relocated
    phi = re.search(rf"(\S+) = phi ptr addrspace\(1\) \[ {carrier[1]}, %entry \], \[ {relocated[1]}, %calls \]", out)
    assert phi and re.search(rf"(\S+) = ptrtoint ptr addrspace\(1\) {re.escape(phi[1])} to i64\nret i64 \1", out)


def test_a_phi_names_a_block_as_often_as_it_has_edges() -> None:
    """Two cases of a switch that lead to one block; LLVM refuses a phi that lists them once (`sites` has it verify)."""
    out, _ = sites(
        """
        declare void @g()
        define i64 @f(i64 %n, i32 %k) {
        entry:
          switch i32 %k, label %calls [
            i32 1, label %both
            i32 2, label %both
          ]
        calls:
          call void @g()
          br label %both
        both:
          ret i64 %n
        }
        """
    )
    assert re.search(r"phi ptr addrspace\(1\) (?=.*%entry.*%entry)(?!.*%entry.*%entry.*%entry)", out)


def test_a_value_is_decoded_once_per_block_and_site() -> None:
    out = body(
        sites(
            """
            declare void @g()
            define i64 @f(i64 %n) {
            entry:
              call void @g()
              %a = add i64 %n, 1
              %b = mul i64 %n, %a
              call void @g()
              %c = add i64 %n, %b
              ret i64 %c
            }
            """
        )[0],
        "f",
    )
    assert sum("ptrtoint" in line for line in out) == 3, "%n twice, %b once"


def test_what_the_entry_does_not_reach_goes() -> None:
    out = body(
        sites(
            """
            declare void @g()
            define i64 @f(i64 %n) {
            entry:
              call void @g()
              br label %end
            nowhere:
              br label %end
            end:
              %r = phi i64 [ %n, %entry ], [ 0, %nowhere ]
              ret i64 %r
            }
            """
        )[0],
        "f",
    )
    assert not any("nowhere" in line for line in out)
