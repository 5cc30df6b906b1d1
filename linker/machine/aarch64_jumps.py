"""Jump tables in aarch64 machine code: where an indirect jump may go."""

from __future__ import annotations

import struct

from popcc.linker.machine.base import Code, Insn, Undecodable, table_end
from popcc.linker.machine.reaching import Made, Maker, Reach, anywhere, made_of_parts


def jump_targets(code: Code, insns: list[Insn], at: int, reach: Reach) -> list[int]:
    """Entries are 4-byte offsets from a label: ``adr b, label; ldrsw o, [table, i, lsl #2]; add b, b, o; br b``.

    The table's address may have been put into its register long before. If it can't be told which table it
    is, all that may be in the register are taken together: too many edges are safe, too few are not.
    """
    base, load = _dispatch(insns, at)
    ((_, _, _, (_, (table, *_), _, _)),) = insns[load].effects  # one register is set to what is loaded
    assert table is not None
    starts = _tables(insns, load, table, reach)
    targets: dict[int, None] = {}
    for start in starts:
        for offset in range(start, table_end(code, start) - 3, 4):
            target = base + struct.unpack_from("<i", code.rodata, offset)[0]
            if target % 4 or not 0 <= target < len(code.data):
                break
            targets[target] = None
    if not targets:
        raise Undecodable(f"no jump table for {insns[at]!r}")
    return list(targets)


def linked_targets(code: Code, insns: list[Insn], at: int, reach: Reach) -> list[int]:
    """As `jump_targets`, for linked code: a table ends where its entries leave the function or the next one begins."""
    base, load = _dispatch(insns, at)
    ((_, _, _, (_, (register, *_), _, _)),) = insns[load].effects
    targets: dict[int, None] = {}
    for start in _linked_tables(code, insns, load, register, base, reach):
        for address in range(start, table_end(code, start) - 3, 4):
            target = _entry(code, address, base)
            if target is None:
                break
            targets[target] = None
    if not targets:
        raise Undecodable(f"no jump table for {insns[at]!r}")
    return list(targets)


def _linked_tables(code: Code, insns: list[Insn], load: int, register: str, base: int, reach: Reach) -> list[int]:
    """The addresses of the tables of this function that `register` may point to at the load."""
    own = {start: start for start in code.table_starts if _entry(code, start, base) is not None}
    return sorted(_coming(insns, load, register, made_of_parts(insns, own), reach))


def _coming(insns: list[Insn], load: int, register: str, made: Made, reach: Reach) -> set[int]:
    """The tables that come to a load; where ways are not known yet, the one whose address its own block makes."""
    if reach is anywhere:
        labels = {i.target for i in insns}
        for k in range(load - 1, -1, -1):
            if insns[k].end in labels or insns[k].kind not in ("", "call"):
                break
            if k in made and made[k].register == register:
                return set(made[k].tables.values())
    return reach(insns, load, {register}, made)


def _entry(code: Code, address: int, base: int) -> int | None:
    """The target in the entry at an address; None if that is no entry of a table of this function."""
    offset = address - code.rodata_address
    if offset < 0 or offset % 4 or offset + 4 > len(code.rodata):
        return None
    target = base + int(struct.unpack_from("<i", code.rodata, offset)[0])
    return target if target % 4 == 0 and code.holds(target) else None


def _dispatch(insns: list[Insn], at: int) -> tuple[int, int]:
    """(address that the entries count from, index of the load of the entry) for the jump at an index."""
    load = None
    for k in range(at - 1, -1, -1):
        insn = insns[k]
        if insn.kind and insn.kind != "call":
            break
        if load is None and insn.text.startswith("ldrsw ") and "lsl #2]" in insn.text:
            load = k
        elif load is not None and insn.text.startswith("adr "):
            return int(insn.text.split("#")[1], 0), load
    raise Undecodable(f"no jump table for {insns[at]!r}")


def _tables(insns: list[Insn], load: int, register: str, reach: Reach) -> list[int]:
    """Offsets in .rodata of the tables that `register` may point to at an index: all that come there, and every table
    of the function if that does not tell."""
    made = {k: Maker(t[0], {t[1]: t[1]}) for k, i in enumerate(insns) if (t := _table_of(i)) is not None}
    found = _coming(insns, load, register, made, reach)
    return sorted(found) or list(dict.fromkeys(t for maker in made.values() for t in maker.tables))


def _table_of(insn: Insn) -> tuple[str, int] | None:
    """The register that is set to the address of a table, and which."""
    for e in insn.effects:
        if e[0] == "set" and e[3][0] == "lo12" and e[3][2] == "section:.rodata":
            return e[1], int(e[3][3])
    return None
