"""Jump tables in x86_64 machine code: where an indirect jump may go.

Entries are absolute 8-byte addresses. In objects each has its relocation; in linked code a table ends where its
entries leave the function, or where the next table begins. Too many targets are safe, too few are not.
"""

from __future__ import annotations

import re
import struct

from popcc.linker.machine.base import Code, Insn, Undecodable, table_end
from popcc.linker.machine.reaching import Reach

PC_RELATIVE = frozenset((2, 4, 9, 41, 42))  # PC32, PLT32, GOTPCREL, GOTPCRELX, REX_GOTPCRELX
_NEAR = 12  # instructions between the load of an entry and the jump
_NUMBER = re.compile(r"0x[0-9a-f]+")


def jump_targets(code: Code, insns: list[Insn], at: int, _: Reach) -> list[int]:
    """Targets of the jump at an index of an object's code. Raises `Undecodable` when its table can't be found."""
    start = None
    for insn in reversed(insns[max(0, at - _NEAR) : at + 1]):
        tables = [
            r.addend
            for k in range(insn.address, insn.end)
            for r in code.relocations.get(k, ())
            if r.symbol == "section:.rodata" and r.type not in PC_RELATIVE
        ]
        if tables:
            start = tables[0]
            break
    starts = [start] if start is not None else list(code.table_starts)
    targets = []
    for begin in starts:
        for offset in range(begin, table_end(code, begin), 8):
            r = code.rodata_relocations.get(offset)
            if r is None or r.symbol != f"section:{code.section}":
                break
            targets.append(r.addend)
    if not targets:
        raise Undecodable(f"no jump table for {insns[at]!r}")
    return targets


def linked_targets(code: Code, insns: list[Insn], at: int, _: Reach) -> list[int]:
    """As `jump_targets`, for linked code."""
    for insn in reversed(insns[max(0, at - _NEAR) : at + 1]):
        if near := _tables(code, insn):
            chosen = near
            break
    else:
        chosen = sorted({n for insn in insns for n in _tables(code, insn)})
    targets: dict[int, None] = {}
    for start in chosen:
        for address in range(start, table_end(code, start) - 7, 8):
            target = _entry(code, address)
            if not code.holds(target):
                break
            targets[target] = None
    if not targets:
        raise Undecodable(f"no jump table for {insns[at]!r}")
    return list(targets)


def _tables(code: Code, insn: Insn) -> list[int]:
    """The numbers in an instruction that are addresses of what looks like a table of this function."""
    numbers = (int(n, 0) for n in _NUMBER.findall(insn.text))
    end = code.rodata_address + len(code.rodata) - 7
    return [n for n in numbers if code.rodata_address <= n < end and code.holds(_entry(code, n))]


def _entry(code: Code, address: int) -> int:
    (entry,) = struct.unpack_from("<Q", code.rodata, address - code.rodata_address)
    return int(entry)
