"""A function of linked code: its blocks, and which of its memory accesses are to its own frame.

    CFA + k, k >= 0   the caller's: arguments that did not fit registers
    CFA - 8 ...       this frame: return address (x86_64), saved registers, slots
    below SP          nobody's

The machine stack holds no object whose address is taken (law 3), so a frame's address may be in the stack pointer
and in registers copied from it, and nowhere else: a function that stores, passes or computes with one is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from popcc.linker.machine.base import ENDS, Code, Effect, Insn, Machine, Undecodable
from popcc.linker.machine.reaching import all_targets
from popcc.linker.verify.placing import SOMETIMES, Bases, Effects, Placed, Unprovable, with_effects
from popcc.linker.verify.tables import TableFunction, TableSite
from popcc.schema.sites import SiteFlag

_NONE: Mapping[int, int] = {}
Block = list[tuple[Insn, Effects]]


class Step(NamedTuple):
    """An instruction with its accesses placed (popcc.linker.verify.placing)."""

    insn: Insn
    placed: Placed
    sp: int  # distance from the CFA before it
    site: TableSite | None  # the usable site that a call is
    frame_registers: Mapping[int, int]  # at such a site: DWARF register -> distance of what it holds from the CFA

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What the instruction does."""
        return self.placed.effects


class Body(Struct, frozen=True):
    """A function's steps by block; edges by block number. Block 0 is the entry."""

    blocks: tuple[tuple[Step, ...], ...]
    successors: tuple[tuple[int, ...], ...]
    predecessors: tuple[tuple[int, ...], ...]  # of reachable blocks only
    order: tuple[int, ...]  # reachable blocks, ascending
    sites: tuple[Step, ...]  # the steps in them that are usable sites


def read_body(machine: Machine, code: Code, function: TableFunction) -> Body:
    """Decodes a function. Raises `Unprovable`."""
    try:
        insns = machine.decode(code)
        turns = [i for i in insns if i.kind]  # no other instruction goes anywhere
        tables = all_targets(machine.linked_targets, code, insns)
    except Undecodable as problem:
        raise Unprovable(str(problem)) from None
    sites = {s.returns_to: s for s in function.sites}
    missing = sites.keys() - {i.end for i in turns if i.kind == "call"}
    if missing:
        raise Unprovable(f"the site at {min(missing):#x} is behind no call", min(missing))
    ends = frozenset(s.returns_to for s in function.sites if s.flags & SiteFlag.NORETURN)
    blocks, successors = _blocks(code, insns, turns, tables, ends)
    entry = _bases(machine, blocks, successors)
    steps = tuple(_steps(machine, block, entry[n], sites) if n in entry else () for n, block in enumerate(blocks))
    predecessors: list[list[int]] = [[] for _ in blocks]
    for n in entry:
        for s in successors[n]:
            predecessors[s].append(n)
    reached = tuple(sorted(entry))
    at_sites = tuple([step for n in reached for step in steps[n] if step.site is not None])
    return Body(steps, successors, tuple(map(tuple, predecessors)), reached, at_sites)


def _blocks(
    code: Code, insns: list[Insn], turns: list[Insn], tables: dict[int, list[int]], ends: frozenset[int]
) -> tuple[list[Block], tuple[tuple[int, ...], ...]]:
    heads = {code.address}
    for insn in turns:
        if insn.target is not None:
            heads.add(insn.target)
        if insn.kind in ENDS or insn.target is not None or insn.end in ends:
            heads.add(insn.end)
    heads.update(*tables.values())
    index = {i.address: k for k, i in enumerate(insns)}
    astray = {h for h in heads if code.holds(h)} - index.keys()
    if astray:
        raise Unprovable(f"a jump into the middle of an instruction, to {min(astray):#x}", min(astray))
    cuts = sorted(index[h] for h in heads if h in index)
    number = {insns[k].address: n for n, k in enumerate(cuts)}
    blocks: list[Block] = []
    ways: list[list[int]] = []
    for start, end in pairwise((*cuts, len(insns))):
        blocks.append(with_effects(insns[start:end]))
        last = insns[end - 1]
        targets = list(tables.get(end - 1, ()))
        if last.target is not None:
            targets.append(last.target)
        if last.kind not in ENDS and last.end not in ends:
            targets.append(last.end)
        # a block that the compiler found unreachable may be empty, and its label then stands behind the function
        if code.dead_end:
            targets = [t for t in targets if t != code.address + len(code.data)]
        outside = [t for t in targets if t not in number]
        if outside:
            raise Unprovable(f"control leaves the function, to {outside[0]:#x}", last.address)
        ways.append(targets)
    return blocks, tuple(tuple(dict.fromkeys(number[t] for t in targets)) for targets in ways)


def _bases(machine: Machine, blocks: list[Block], successors: tuple[tuple[int, ...], ...]) -> dict[int, Bases]:
    """Which registers hold a frame address at the head of each reachable block."""
    entry: dict[int, Bases] = {0: {machine.stack_pointer: machine.entry_sp}}
    work = [0]
    while work:
        n = work.pop()
        bases = dict(entry[n])
        for insn, effects in blocks[n]:
            if insn.kind == "call" or not effects.names.isdisjoint(bases):
                _advance(machine, insn, effects, bases)
        for s in successors[n]:
            if s not in entry:
                entry[s] = dict(bases)
                work.append(s)
                continue
            joined = {r: o if bases.get(r) == entry[s].get(r) else SOMETIMES for r, o in (entry[s] | bases).items()}
            if joined[machine.stack_pointer] == SOMETIMES:
                raise Unprovable("the stack pointer depends on the path", blocks[s][0][0].address)
            if joined != entry[s]:
                entry[s] = joined
                work.append(s)
    return entry


def _advance(machine: Machine, insn: Insn, effects: Effects, bases: Bases) -> None:
    if not effects.names.isdisjoint(bases):
        for register, offset in effects.moves(bases):  # all at once: every value is of the state before
            if offset is not None:
                bases[register] = offset
            elif register in bases:
                del bases[register]
                if register == machine.stack_pointer:
                    raise Unprovable("the stack pointer is set to something else", insn.address)
    if insn.kind == "call":
        # on some paths only: a leftover, which no call takes
        if passed := [r for r in machine.arguments if bases.get(r, SOMETIMES) < SOMETIMES]:
            raise Unprovable(f"a frame's address is passed in {passed[0]}", insn.address)
        for r in [r for r in bases if r not in machine.callee_saved and r != machine.stack_pointer]:
            del bases[r]


def _steps(machine: Machine, block: Block, entry: Bases, sites: dict[int, TableSite]) -> tuple[Step, ...]:
    bases = dict(entry)
    sp = bases[machine.stack_pointer]
    out: list[Step] = []
    for insn, effects in block:
        apart = effects.names.isdisjoint(bases)
        placed = effects.away if apart else None
        if placed is None:
            placed = effects.placed(machine, insn.address, bases)
        if apart and not insn.kind and not insn.reads:
            out.append(Step(insn, placed, sp, None, _NONE))
            continue
        site = sites.get(insn.end) if insn.kind == "call" else None
        site = site if site and site.usable else None
        registers = {n: bases[r] for n, r in machine.dwarf.items() if r in bases} if site else _NONE
        out.append(Step(insn, placed, sp, site, registers))
        if len(bases) > 1 and any(r in bases and r != machine.stack_pointer for r, _ in insn.reads):
            raise Unprovable("a frame's address decides where control goes", insn.address)
        if (placed.sets and not apart) or insn.kind == "call":
            _advance(machine, insn, effects, bases)
            sp = bases[machine.stack_pointer]
    return tuple(out)
