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
from typing import Any

from popcc.linker.machine.base import Code, Insn, Undecodable, table_end

_ENTRY = 4


def jump_targets(code: Code, insns: list[Insn], at: int) -> list[int]:
    """Targets of the jump at an index of an object's code. Raises `Undecodable` when its table can't be found."""
    near = {
        r.addend
        for insn in _making(insns, at)
        for r in code.relocations.get(insn.address, ())
        if r.symbol == "section:.rodata"
    }
    targets: dict[int, None] = {}
    for begin in near if len(near) == 1 else code.table_starts:
        for offset in range(begin, table_end(code, begin), _ENTRY):
            r = code.rodata_relocations.get(offset)
            if r is None or r.symbol != f"section:{code.section}":
                break
            targets[r.addend] = None
    if not targets:
        raise Undecodable(f"no jump table for {insns[at]!r}")
    return list(targets)


def linked_targets(code: Code, insns: list[Insn], at: int) -> list[int]:
    """As `jump_targets`, for linked code."""
    own = [start for start in code.table_starts if code.holds(_entry(code, start))]
    numbers = [e[3][1] for insn in _making(insns, at) for e in insn.effects if e[3][0] == "c"]
    distances = {0, *(d for insn in _making(insns, at) for e in insn.effects for d in _distances(e[3]))}
    near = {n + d for n in numbers for d in distances} & set(own)
    targets: dict[int, None] = {}
    for start in near if len(near) == 1 else own:
        for address in range(start, table_end(code, start) - _ENTRY + 1, _ENTRY):
            target = _entry(code, address)
            if not code.holds(target):
                break
            targets[target] = None
    if not targets:
        raise Undecodable(f"no jump table for {insns[at]!r}")
    return list(targets)


def _making(insns: list[Insn], at: int) -> Iterator[Insn]:
    """The instructions of the same block that make what the jump at an index goes by, the last first."""
    labels = {i.target for i in insns}
    wanted = {r for r, _ in insns[at].reads}
    for k in range(at - 1, -1, -1):
        if insns[k].end in labels or insns[k].kind:
            return
        for e in insns[k].effects:
            if e[0] == "set" and e[1] in wanted:
                wanted.discard(e[1])
                wanted.update(_names(e[3]))
                yield insns[k]


def _names(e: Any) -> Iterator[str]:
    for part in e:
        if isinstance(part, str):
            yield part
        elif isinstance(part, tuple):
            yield from _names(part)


def _distances(e: Any) -> list[int]:
    """The constants that an address or a load adds."""
    return [e[1][2]] if e[0] in ("lea", "ld") else []


def _entry(code: Code, address: int) -> int:
    offset = address - code.rodata_address
    if not 0 <= offset <= len(code.rodata) - _ENTRY:
        return -1
    return int(struct.unpack_from("<I", code.rodata, offset)[0])
