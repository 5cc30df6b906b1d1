"""Control flow inside a function: successors, predecessors, natural loops."""

from __future__ import annotations

import re

from msgspec import Struct

from popcc.ir.model import Block, Function
from popcc.ir.text import NAME
from popcc.passes.graph import reversed_graph

_BRANCHES = ("br", "switch", "indirectbr")
_LABEL = re.compile(rf"label ({NAME})")


def successor_labels(block: Block) -> list[str]:
    """Names (``%x``) of the blocks a block may go to, each once."""
    last = block.insts[-1]
    if last.opcode not in _BRANCHES:
        return []
    return list(dict.fromkeys(_LABEL.findall(last.rhs)))


def flow_graph(function: Function) -> dict[str, list[str]]:
    """Blocks by name, with the blocks control may go to from there; the entry is the first."""
    return {block.name: successor_labels(block) for block in function.blocks}


def edges_into(function: Function) -> dict[str, list[str]]:
    """By block, the blocks that control comes from, each as often as it has an edge there: what a phi has to name."""
    found: dict[str, list[str]] = {block.name: [] for block in function.blocks}
    for block in function.blocks:
        last = block.insts[-1]
        for label in _LABEL.findall(last.rhs) if last.opcode in _BRANCHES else ():
            found[label].append(block.name)
    return found


class Loop(Struct, frozen=True):
    """A natural loop: all back edges to one header."""

    header: str
    blocks: frozenset[str]


def natural_loops(function: Function) -> list[Loop]:
    """The loops of reducible control flow, and for irreducible cycles a loop headed by the block that a
    depth-first walk enters first: every cycle contains the header of some loop."""
    graph = flow_graph(function)
    entry = function.blocks[0].name
    predecessors = reversed_graph(graph)
    loops: dict[str, set[str]] = {}
    for tail, header in _back_edges(graph, entry):
        body = loops.setdefault(header, {header})
        work = [tail]
        while work:
            node = work.pop()
            if node not in body:
                body.add(node)
                work.extend(predecessors[node])
    return [Loop(h, frozenset(b)) for h, b in loops.items()]


def _back_edges(graph: dict[str, list[str]], entry: str) -> list[tuple[str, str]]:
    """Edges to a block that is still open in a depth-first walk; without them the graph has no cycle."""
    edges: list[tuple[str, str]] = []
    state: dict[str, int] = {entry: 1}
    stack = [(entry, iter(graph[entry]))]
    while stack:
        node, successors = stack[-1]
        for s in successors:
            seen = state.get(s, 0)
            if seen == 1:
                edges.append((node, s))
            elif seen == 0:
                state[s] = 1
                stack.append((s, iter(graph[s])))
                break
        else:
            state[node] = 2
            stack.pop()
    return edges
