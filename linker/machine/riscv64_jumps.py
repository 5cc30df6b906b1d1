"""Jump tables in riscv64 machine code: where an indirect jump may go.

Entries are absolute addresses of 4 bytes: ``lui t, %hi(table); addi t, t, %lo(table); add p, i, t; lw a, 0(p); jr a``,
where the low part may stand in the load instead, and the table's address may have been put into its register long
before. In objects each entry has its relocation; in linked code a table ends where its entries leave the function, or
where the next table begins. If it can't be told which table it is, all of the function are taken together: too many
edges are safe, too few are not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from popcc.linker.machine.base import Code, Expr, Insn, Mem, Undecodable, table_end
from popcc.linker.machine.reaching import Made, Maker, Reach, anywhere, made_of_parts

_ENTRY = 4


def jump_targets(code: Code, insns: list[Insn], at: int, reach: Reach) -> list[int]:
    """Targets of the jump at an index of an object's code. Raises `Undecodable` when its table can't be found."""
    made = {
        k: Maker(e[1], {r.addend: r.addend})
        for k, insn in enumerate(insns)
        for r in code.relocations.get(insn.address, ())
        for e in insn.effects
        if r.symbol == "section:.rodata" and e[0] == "set"
    }
    targets: dict[int, None] = {}
    for begin in _chosen(insns, at, made, reach) or code.table_starts:
        for offset in range(begin, table_end(code, begin), _ENTRY):
            r = code.rodata_relocations.get(offset)
            if r is None or r.symbol != f"section:{code.section}":
                break
            targets[r.addend] = None
    if not targets:
        raise Undecodable(f"no jump table for {insns[at]!r}")
    return list(targets)


def linked_targets(code: Code, insns: list[Insn], at: int, reach: Reach) -> list[int]:
    """As `jump_targets`, for linked code."""
    own = [start for start in code.table_starts if code.holds(_entry(code, start))]
    targets: dict[int, None] = {}
    load = _load(insns, _making(insns, at)[0])
    behind = load[1][2] if load else 0  # an index that does not begin at 0 has its beginning taken off in the load
    made = made_of_parts(insns, {start - behind: start for start in own} | {start: start for start in own})
    for start in _chosen(insns, at, made, reach) or own:
        for address in range(start, table_end(code, start) - _ENTRY + 1, _ENTRY):
            target = _entry(code, address)
            if not code.holds(target):
                break
            targets[target] = None
    if not targets:
        raise Undecodable(f"no jump table for {insns[at]!r}")
    return list(targets)


def _chosen(insns: list[Insn], at: int, made: Made, reach: Reach) -> set[int]:
    """The tables that the jump at an index may go by: all whose addresses come into the registers that its block takes
    it from; where ways are not known yet, the one whose address the block makes. None, if that does not tell."""
    making, taken, begin = _making(insns, at)
    if reach is not anywhere:
        load = _load(insns, making)
        return reach(insns, load[0], {r for r in load[1][:2] if r}, made) if load else set()
    near = {table for k in making if k in made for table in made[k].tables.values()}
    return near if len(near) == 1 else reach(insns, begin, taken, made)


def _making(insns: list[Insn], at: int) -> tuple[list[int], set[str], int]:
    """The instructions of the same block that make what the jump at an index goes by, the registers that the block
    takes that from, and where it begins."""
    labels = {i.target for i in insns}
    wanted = {r for r, _ in insns[at].reads}
    found: list[int] = []
    begin = at
    for k in range(at - 1, -1, -1):
        if insns[k].end in labels or insns[k].kind:
            break
        begin = k
        for e in insns[k].effects:
            if e[0] == "set" and e[1] in wanted:
                wanted.discard(e[1])
                wanted.update(_pointers(e[3], not found))
                found.append(k)
    return found, wanted, begin


def _pointers(e: Expr, entry: bool) -> Iterator[str]:
    """The registers that an expression takes an address from; of a load, if it is that of the entry. An index, which
    is shifted or comes from elsewhere, is none."""
    if e[0] == "r":
        yield e[1]
    elif e[0] == "lea" or (e[0] == "ld" and entry):
        yield from (r for r in e[1][:2] if r)
    elif e[0] == "alu" and e[1] == "add":
        yield from _pointers(e[2], False)
        yield from _pointers(e[3], False)


def _load(insns: list[Insn], making: list[int]) -> tuple[int, Mem] | None:
    """The instruction that loads the entry, and from where."""
    return next(((k, e[3][1]) for k in making for e in insns[k].effects if e[3][0] == "ld"), None)


def _entry(code: Code, address: int) -> int:
    offset = address - code.rodata_address
    if not 0 <= offset <= len(code.rodata) - _ENTRY:
        return -1
    return int(struct.unpack_from("<I", code.rodata, offset)[0])
