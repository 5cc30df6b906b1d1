"""Basic blocks of a function's machine code."""

from __future__ import annotations

from msgspec import Struct

from popcc.linker.machine.base import ENDS, Code, Insn, Machine
from popcc.linker.machine.reaching import all_targets


class Flow(Struct, frozen=True):
    """Where blocks start among the instructions, edges between their numbers, and an order that visits predecessors
    first. The last of `starts` is where the last block ends."""

    insns: list[Insn]
    starts: tuple[int, ...]
    successors: tuple[tuple[int, ...], ...]
    order: tuple[int, ...]  # reverse postorder; unreachable blocks are left out

    def last(self, block: int) -> Insn:
        """A block's last instruction."""
        return self.insns[self.starts[block + 1] - 1]


def build_flow(machine: Machine, code: Code, noreturn: frozenset[int]) -> Flow:
    """Decodes and splits a function. `noreturn` holds the return addresses no call comes back to.

    Raises `Undecodable`.
    """
    insns = machine.decode(code)
    turns = [(k, i) for k, i in enumerate(insns) if i.kind]  # no other instruction goes anywhere
    jumps = all_targets(machine.jump_targets, code, insns)
    starts = {0}
    for k, insn in turns:
        if insn.target is not None:
            starts.add(insn.target)
        starts.update(jumps.get(k, ()))
        if insn.kind in ENDS or insn.kind == "branch" or insn.end in noreturn:
            starts.add(insn.end)
    index = {i.address: k for k, i in enumerate(insns)}
    cuts = (*sorted(index[s] for s in starts & index.keys()), len(insns))
    number = {insns[k].address: n for n, k in enumerate(cuts[:-1])}
    successors = []
    for n, end in enumerate(cuts[1:]):
        last = insns[end - 1]
        out = [number[t] for t in jumps.get(end - 1, ()) if t in number]
        if last.target is not None and last.target in number:
            out.append(number[last.target])
        if last.kind not in ENDS and last.end not in noreturn and end < len(insns):
            out.append(n + 1)
        successors.append(tuple(dict.fromkeys(out)))
    return Flow(insns, cuts, tuple(successors), _reverse_postorder(successors))


def _reverse_postorder(successors: list[tuple[int, ...]]) -> tuple[int, ...]:
    seen = {0}
    done: list[int] = []
    stack = [(0, iter(successors[0]))]
    while stack:
        node, rest = stack[-1]
        for s in rest:
            if s not in seen:
                seen.add(s)
                stack.append((s, iter(successors[s])))
                break
        else:
            done.append(node)
            stack.pop()
    return tuple(reversed(done))
