"""What may come into a register at some instruction, by whatever registers and places on the stack: for jump tables'
addresses. Too much is safe, too little is not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from msgspec import Struct

from popcc.linker.machine.base import ENDS, Code, Expr, Insn, Mem


class Maker(Struct, frozen=True):
    """An instruction that puts an address into a register, or may: the tables, by the numbers it may make.

    If `base` is not "", it adds `more` to what is in that register.
    """

    register: str
    tables: Mapping[int, int]
    base: str = ""
    more: int = 0


Made = Mapping[int, Maker]
"""By index of the instruction."""
Reach = Callable[[list[Insn], int, Collection[str], Made], set[int]]
"""All tables whose addresses may be in one of some registers before the instruction at an index."""
Find = Callable[[Code, list[Insn], int, Reach], list[int]]
"""Where the indirect jump at an index may go."""

_SHIFTS = frozenset(("shl", "shr", "sar"))  # they make no address
_STACK_POINTER = "sp"  # where tables' addresses are not in the jump itself


def all_targets(find: Find, code: Code, insns: list[Insn]) -> dict[int, list[int]]:
    """Where each indirect jump of a function may go, by its index: at first by all tables whose addresses ever come
    into its registers; then, by the ways that this allows, those that come there. Raises what `find` raises."""
    jumps = [k for k, i in enumerate(insns) if i.kind == "indirect"]
    allowed = {k: find(code, insns, k, anywhere) for k in jumps}
    while allowed:
        reach = _along_ways(insns, allowed)
        found = {k: find(code, insns, k, reach) for k in jumps}
        if all(set(found[k]) <= set(allowed[k]) for k in jumps):
            return found
        # `anywhere` goes by blocks of which it does not know that a table leads into their middle
        allowed = {k: list(dict.fromkeys((*allowed[k], *found[k]))) for k in jumps}
    return {}


def anywhere(insns: list[Insn], _: int, registers: Collection[str], made: Made) -> set[int]:
    """`Reach`, in whatever order a function's instructions run."""
    addresses: dict[str, set[int]] = {}
    sources: dict[str, set[str]] = {}  # of a register, or of a place "[sp, #n]": from where it is set
    for k, insn in enumerate(insns):
        for e in insn.effects:
            target = _place(e[1]) if e[0] == "store" else e[1]
            if k in made and made[k].register == target:
                addresses.setdefault(target, set()).update(made[k].tables.values())
            elif target:
                sources.setdefault(target, set()).update(_sources(e[3]))
    seen = set(registers)
    work = list(registers)
    while work:
        new = sources.get(work.pop(), set()) - seen
        seen |= new
        work += new
    return {address for place in seen for address in addresses.get(place, ())}


def constants(insns: list[Insn]) -> Made:
    """Where numbers are put into registers."""
    return {
        k: Maker(e[1], {e[3][1]: e[3][1]})
        for k, insn in enumerate(insns)
        for e in insn.effects
        if e[0] == "set" and e[3][0] == "c"
    }


def made_of_parts(insns: list[Insn], tables: Mapping[int, int]) -> Made:
    """Where linked code may make a number that `tables` has a table for: by one instruction, or by two, of which the
    second adds to what the first has made and may stand far from it."""
    numbers = constants(insns)
    known = {n for maker in numbers.values() for n in maker.tables}
    made = {k: Maker(m.register, {n: tables[n] for n in m.tables if n in tables}) for k, m in numbers.items()}
    for k, insn in enumerate(insns):
        for e in insn.effects:
            if e[0] == "set" and e[3][0] == "lea" and e[3][1][0] and not e[3][1][1]:
                base, _, more, _ = e[3][1]
                made[k] = Maker(e[1], {n: t for n, t in tables.items() if n - more in known}, base, more)
    return {k: maker for k, maker in made.items() if maker.tables}


def _along_ways(insns: list[Insn], jumps: Mapping[int, list[int]]) -> Reach:
    """`Reach`, by the ways that instructions run one after the other."""
    before = _before(insns, jumps)
    numbers = constants(insns)

    def pages(k: int, maker: Maker) -> set[int]:
        return _along(insns, before, k, (maker.base,), numbers, lambda _, constant: constant.tables)

    def tables(k: int, maker: Maker) -> Iterable[int]:
        if not maker.base:
            return maker.tables.values()
        return (maker.tables[n + maker.more] for n in pages(k, maker) if n + maker.more in maker.tables)

    def along(_: list[Insn], at: int, registers: Collection[str], made: Made) -> set[int]:
        return _along(insns, before, at, registers, made, tables)

    return along


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


def _along(
    insns: list[Insn],
    before: list[list[int]],
    at: int,
    registers: Collection[str],
    made: Made,
    of: Callable[[int, Maker], Iterable[int]],
) -> set[int]:
    """What comes to an instruction `of` those that make something."""
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
                if k in made and made[k].register == place:
                    found.update(of(k, made[k]))
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
