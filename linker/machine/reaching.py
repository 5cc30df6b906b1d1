"""What may come into a register at some instruction, by whatever registers and places on the stack: for jump tables'
addresses. Too much is safe, too little is not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from popcc.linker.machine.base import ENDS, Code, Expr, Insn, Mem

Made = Mapping[int, tuple[str, int]]
"""By index of the instruction that makes an address, where it puts it, and the address."""
Reach = Callable[[list[Insn], int, Collection[str], Made], set[int]]
"""All addresses that may be in one of some registers before the instruction at an index."""
Find = Callable[[Code, list[Insn], int, Reach], list[int]]
"""Where the indirect jump at an index may go."""

_SHIFTS = frozenset(("shl", "shr", "sar"))  # they make no address
_STACK_POINTER = "sp"  # where tables' addresses are not in the jump itself


def all_targets(find: Find, code: Code, insns: list[Insn]) -> dict[int, list[int]]:
    """Where each indirect jump of a function may go, by its index: at first by all tables whose addresses ever come
    into its registers; then, by the ways that this allows, those that come there. Raises what `find` raises."""
    jumps = [k for k, i in enumerate(insns) if i.kind == "indirect"]
    found = {k: find(code, insns, k, anywhere) for k in jumps}
    if len(jumps) < 2:
        return found
    before = _before(insns, found)

    def along(insns: list[Insn], at: int, registers: Collection[str], made: Made) -> set[int]:
        return _along(insns, before, at, registers, made)

    return {k: find(code, insns, k, along) for k in jumps}


def anywhere(insns: list[Insn], _: int, registers: Collection[str], made: Made) -> set[int]:
    """`Reach`, in whatever order a function's instructions run."""
    addresses: dict[str, set[int]] = {}
    sources: dict[str, set[str]] = {}  # of a register, or of a place "[sp, #n]": from where it is set
    for k, insn in enumerate(insns):
        for e in insn.effects:
            target = _place(e[1]) if e[0] == "store" else e[1]
            if k in made and made[k][0] == target:
                addresses.setdefault(target, set()).add(made[k][1])
            elif target:
                sources.setdefault(target, set()).update(_sources(e[3]))
    seen = set(registers)
    work = list(registers)
    while work:
        new = sources.get(work.pop(), set()) - seen
        seen |= new
        work += new
    return {address for place in seen for address in addresses.get(place, ())}


def _before(insns: list[Insn], jumps: Mapping[int, list[int]]) -> list[list[int]]:
    """By index, the instructions that may run right before. A call comes back, and changes nothing."""
    index = {insn.address: k for k, insn in enumerate(insns)}
    before: list[list[int]] = [[] for _ in insns]
    for k, insn in enumerate(insns):
        if insn.kind not in ENDS and k + 1 < len(insns):
            before[k + 1].append(k)
        targets = jumps.get(k, ()) if insn.target is None else (insn.target,)
        for target in targets:
            if target in index:
                before[index[target]].append(k)
    return before


def _along(insns: list[Insn], before: list[list[int]], at: int, registers: Collection[str], made: Made) -> set[int]:
    found: set[int] = set()
    work = [(k, place) for place in registers for k in before[at]]
    seen = set(work)
    while work:
        k, place = work.pop()
        wanted: set[str] = set()
        kept = True
        for e in insns[k].effects:
            if (_place(e[1]) if e[0] == "store" else e[1]) == place:
                kept = False
                if k in made and made[k][0] == place:
                    found.add(made[k][1])
                else:
                    wanted |= _sources(e[3])
        if kept:
            wanted.add(place)
        new = {(j, source) for j in before[k] for source in wanted} - seen
        seen |= new
        work += new
    return found


def _place(mem: Mem) -> str:
    base, index, disp, _ = mem
    return f"[{base}, #{disp}]" if base == _STACK_POINTER and index is None else ""


def _sources(e: Expr) -> set[str]:
    """The registers and places on the stack that an expression takes a value from."""
    if e[0] in ("r", "ins"):
        return {e[1]}
    if e[0] == "ld":
        return {_place(e[1])} - {""}
    if e[0] == "lea":
        return {r for r in e[1][:2] if r}
    if e[0] == "alu" and e[1] not in _SHIFTS:
        return _sources(e[2]) | _sources(e[3])
    if e[0] == "op":
        return {r for r, _ in e[1]} | {_place(mem) for mem, _ in e[2]} - {""}
    return set()
