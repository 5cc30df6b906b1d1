"""Directed graphs as mappings from a node to its successors, and what passes ask of them.

networkx offers the same, but takes longer to load than most files take to compile.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T", bound=Hashable)
Graph = Mapping[T, Iterable[T]]


def reversed_graph(graph: Graph[T]) -> dict[T, list[T]]:
    """The graph with every edge turned round."""
    out: dict[T, list[T]] = {node: [] for node in graph}
    for node, successors in graph.items():
        for s in successors:
            out[s].append(node)
    return out


def reachable(graph: Graph[T], starts: Iterable[T]) -> set[T]:
    """The nodes that can be reached from `starts`, themselves included."""
    seen = set(starts)
    work = list(seen)
    while work:
        for s in graph[work.pop()]:
            if s not in seen:
                seen.add(s)
                work.append(s)
    return seen


def components(graph: Graph[T]) -> Iterator[set[T]]:
    """The strongly connected components (Tarjan 1972, without recursion)."""
    index: dict[T, int] = {}
    low: dict[T, int] = {}
    open_: dict[T, None] = {}  # nodes that are in no component yet, as they were met
    for root in graph:
        if root in index:
            continue
        stack = [(root, iter(graph[root]))]
        index[root] = low[root] = len(index)
        open_[root] = None
        while stack:
            node, successors = stack[-1]
            for s in successors:
                if s not in index:
                    index[s] = low[s] = len(index)
                    open_[s] = None
                    stack.append((s, iter(graph[s])))
                    break
                if s in open_:
                    low[node] = min(low[node], index[s])
            else:
                stack.pop()
                if stack:
                    parent = stack[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == index[node]:
                    component = set()
                    while node not in component:
                        component.add(open_.popitem()[0])
                    yield component
