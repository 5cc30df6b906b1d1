"""A function of linked code: its blocks, and which of its memory accesses are to its own frame.

    CFA + k, k >= 0   the caller's: arguments that did not fit registers
    CFA - 8 ...       this frame: return address (x86_64), saved registers, slots
    below SP          nobody's

The machine stack holds no object whose address is taken (law 3), so a frame's address may be in the stack pointer
and in registers copied from it, and nowhere else: a function that stores, passes or computes with one is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from popcc.linker.machine.base import FLAGS, Code, Effect, Expr, Insn, Machine, Mem, Undecodable
from popcc.linker.verify.tables import TableFunction, TableSite
from popcc.schema import SiteFlag

_LEAVES = frozenset(("ret", "jump", "trap", "tail", "indirect"))
Bases = dict[str, int]  # register -> its distance from the CFA, for those that hold a frame address


class Unprovable(Exception):
    """Why nothing can be said of a function: `address` of the instruction, if it is one's fault."""

    def __init__(self, text: str, address: int = 0) -> None:
        super().__init__(text)
        self.address = address


@dataclass(frozen=True)
class Step:
    """An instruction with its accesses placed.

    In `effects` the memory operands are ("frame", offset), ("fixed", address) or ("far", base, index, disp).
    """

    insn: Insn
    effects: tuple[Effect, ...]
    sp: int  # distance from the CFA before it
    site: TableSite | None  # the usable site that a call is
    frame_registers: Mapping[int, int]  # at such a site: DWARF register -> distance of what it holds from the CFA


@dataclass(frozen=True)
class Body:
    """A function's steps by block; edges by block number. Block 0 is the entry."""

    blocks: tuple[tuple[Step, ...], ...]
    successors: tuple[tuple[int, ...], ...]
    predecessors: tuple[tuple[int, ...], ...]  # of reachable blocks only
    order: tuple[int, ...]  # reachable blocks, ascending


def read_body(machine: Machine, code: Code, function: TableFunction) -> Body:
    """Decodes a function. Raises `Unprovable`."""
    try:
        insns = machine.decode(code)
        tables = {k: machine.linked_targets(code, insns, k) for k, i in enumerate(insns) if i.kind == "indirect"}
    except Undecodable as problem:
        raise Unprovable(str(problem)) from None
    sites = {s.returns_to: s for s in function.sites}
    missing = sites.keys() - {i.end for i in insns if i.kind == "call"}
    if missing:
        raise Unprovable(f"the site at {min(missing):#x} is behind no call", min(missing))
    ends = frozenset(s.returns_to for s in function.sites if s.flags & SiteFlag.NORETURN)
    blocks, successors = _blocks(code, insns, tables, ends)
    entry = _bases(machine, blocks, successors)
    steps = tuple(
        tuple(_steps(machine, block, entry[n], sites)) if n in entry else () for n, block in enumerate(blocks)
    )
    predecessors: list[list[int]] = [[] for _ in blocks]
    for n in entry:
        for s in successors[n]:
            predecessors[s].append(n)
    return Body(steps, successors, tuple(map(tuple, predecessors)), tuple(sorted(entry)))


def _blocks(
    code: Code, insns: Sequence[Insn], tables: dict[int, list[int]], ends: frozenset[int]
) -> tuple[list[list[Insn]], tuple[tuple[int, ...], ...]]:
    heads = {code.address}
    for k, insn in enumerate(insns):
        heads.update(tables.get(k, ()))
        if insn.target is not None:
            heads.add(insn.target)
        if insn.kind in _LEAVES or insn.kind == "branch" or insn.end in ends:
            heads.add(insn.end)
    starts = {i.address for i in insns}
    astray = {h for h in heads if code.holds(h)} - starts
    if astray:
        raise Unprovable(f"a jump into the middle of an instruction, to {min(astray):#x}", min(astray))
    blocks: list[list[Insn]] = []
    number: dict[int, int] = {}
    ways: list[list[int]] = []
    for k, insn in enumerate(insns):
        if insn.address in heads:
            number[insn.address] = len(blocks)
            blocks.append([])
            ways.append([])
        blocks[-1].append(insn)
        ways[-1] += tables.get(k, ())
        if insn.target is not None:
            ways[-1].append(insn.target)
    for block, targets in zip(blocks, ways, strict=True):
        last = block[-1]
        if last.kind not in _LEAVES and last.end not in ends:
            targets.append(last.end)
        # a block that the compiler found unreachable may be empty, and its label then stands behind the function
        targets[:] = [t for t in targets if t != code.address + len(code.data)]
        outside = [t for t in targets if t not in number]
        if outside:
            raise Unprovable(f"control leaves the function, to {outside[0]:#x}", last.address)
    return blocks, tuple(tuple(dict.fromkeys(number[t] for t in targets)) for targets in ways)


def _bases(machine: Machine, blocks: list[list[Insn]], successors: tuple[tuple[int, ...], ...]) -> dict[int, Bases]:
    """Which registers hold a frame address at the head of each reachable block."""
    entry: dict[int, Bases] = {0: {machine.stack_pointer: machine.entry_sp}}
    work = [0]
    while work:
        n = work.pop()
        bases = dict(entry[n])
        for insn in blocks[n]:
            _advance(machine, insn, bases)
        for s in successors[n]:
            if s not in entry:
                entry[s] = dict(bases)
                work.append(s)
                continue
            kept = {r: o for r, o in entry[s].items() if bases.get(r) == o}
            if machine.stack_pointer not in kept:
                raise Unprovable("the stack pointer depends on the path", blocks[s][0].address)
            if kept != entry[s]:
                entry[s] = kept
                work.append(s)
    return entry


def _advance(machine: Machine, insn: Insn, bases: Bases) -> None:
    effects = insn.effects
    if len(effects) > 1:  # all at once: every value is of the state before
        results = [(e[1], _frame_address(e[3], bases)) for e in effects if e[0] == "set" and e[1] != FLAGS]
    elif effects and effects[0][0] == "set" and effects[0][1] != FLAGS:
        results = [(effects[0][1], _frame_address(effects[0][3], bases))]
    else:
        results = []
    for register, offset in results:
        if offset is not None:
            bases[register] = offset
        elif register in bases:
            del bases[register]
            if register == machine.stack_pointer:
                raise Unprovable("the stack pointer is set to something else", insn.address)
    if insn.kind == "call":
        if passed := [r for r in machine.arguments if r in bases]:
            raise Unprovable(f"a frame's address is passed in {passed[0]}", insn.address)
        for r in [r for r in bases if r not in machine.callee_saved and r != machine.stack_pointer]:
            del bases[r]


def _frame_address(e: Expr, bases: Bases) -> int | None:
    if e[0] == "r" and e[2] >= 8:
        return bases.get(e[1])
    if e[0] == "lea" and e[1][0] in bases and e[1][1] is None:
        return bases[e[1][0]] + int(e[1][2])
    return None


def _steps(machine: Machine, block: list[Insn], entry: Bases, sites: dict[int, TableSite]) -> Iterator[Step]:
    bases = dict(entry)
    for insn in block:
        effects = tuple([_placed(machine, e, insn, bases) for e in insn.effects])
        site = sites.get(insn.end) if insn.kind == "call" else None
        site = site if site and site.usable else None
        registers = {n: bases[r] for n, r in machine.dwarf.items() if r in bases} if site else {}
        yield Step(insn, effects, bases[machine.stack_pointer], site, registers)
        if any(r in bases and r != machine.stack_pointer for r, _ in insn.reads):
            raise Unprovable("a frame's address decides where control goes", insn.address)
        _advance(machine, insn, bases)


def _placed(machine: Machine, e: Effect, insn: Insn, bases: Bases) -> Effect:
    known = _elsewhere.get(e)
    if known is None:
        known = _elsewhere[e] = (frozenset(_registers(e)), [])
    registers, away = known
    if registers.isdisjoint(bases):  # no frame address takes part: the same whatever the frame is
        if not away:
            away.append(_placed_in(machine, e, insn, bases))
        return away[0]
    return _placed_in(machine, e, insn, bases)


# by effect: the registers that it mentions, and what it is where none of them holds a frame address, once met
_elsewhere: dict[Effect, tuple[frozenset[str], list[Effect]]] = {}


def _registers(e: Any) -> Iterator[str]:
    """The names in an effect or expression, registers among them."""
    for part in e:
        if isinstance(part, str):
            yield part
        elif isinstance(part, tuple):
            yield from _registers(part)


def _placed_in(machine: Machine, e: Effect, insn: Insn, bases: Bases) -> Effect:
    if e[0] == "store":
        if _frame_address(e[3], bases) is not None:
            raise Unprovable("a frame's address is stored", insn.address)
        return ("store", _place(e[1], insn, bases), e[2], _expression(e[3], insn, bases))
    if e[1] == FLAGS and any(r in bases for r in _computed_with(e[3])):
        return ("set", FLAGS, e[2], ("lost",))  # moving the stack pointer sets them to what no node's business is
    address = _frame_address(e[3], bases)
    if address is not None:
        if e[1] in machine.vectors:
            raise Unprovable(f"a frame's address is put into {e[1]}", insn.address)
        return ("set", e[1], e[2], ("cfa", address))
    return ("set", e[1], e[2], _expression(e[3], insn, bases))


def _expression(e: Expr, insn: Insn, bases: Bases) -> Expr:
    kind = e[0]
    if kind == "ld":
        return ("ld", _place(e[1], insn, bases), *e[2:])
    if kind == "lea":
        base, index, disp, symbol = e[1]
        if base is None and index is None and symbol is None:
            return ("c", disp)
        _refuse(tuple(r for r in (base, index) if r), insn, bases)
        return e
    if kind == "alu":
        return ("alu", e[1], _expression(e[2], insn, bases), _expression(e[3], insn, bases))
    if kind == "op":
        _refuse(_computed_with(e), insn, bases)
        return ("op", e[1], tuple((_place(m, insn, bases), size) for m, size in e[2]))
    if kind in ("r", "ins"):
        _refuse((e[1],), insn, bases)
    return e


def _computed_with(e: Expr) -> tuple[str, ...]:
    """The registers that an operation reads otherwise than to address memory."""
    return tuple(r for r, _ in e[1] if not any(r in mem[:2] for mem, _ in e[2]))


def _place(mem: Mem, insn: Insn, bases: Bases) -> tuple[Any, ...]:
    base, index, disp, symbol = mem
    if index in bases or (base in bases and index is not None):
        raise Unprovable("an indexed access to the frame", insn.address)
    if base in bases:
        return ("frame", bases[base] + disp)
    if base is None and index is None and symbol is None:
        return ("fixed", disp)
    return ("far", base, index, disp)


def _refuse(registers: tuple[str, ...], insn: Insn, bases: Bases) -> None:
    for r in registers:
        if r in bases:
            raise Unprovable(f"the frame's address in {r} is computed with", insn.address)
