"""Direct jumps and calls of aarch64: most of what means something else in every place where it stands.

Arm ARM, C4.1.93, "Branches, Exception Generating and System instructions".
"""

from __future__ import annotations

from popcc.linker.machine.base import FLAGS, Code, Insn, signed

_CONDITIONS = "eq ne hs lo mi pl vs vc hi ls ge lt gt le al nv".split()


def direct_branch(code: Code, at: int) -> Insn | None:
    """The direct jump or call at an offset of the code; None if there is none, or it is cut."""
    word = int.from_bytes(code.data[at : at + 4], "little")
    form = word >> 24
    if len(code.data) - at < 4:
        return None
    if form & 0x7C == 0x14:
        return _unconditional(code, at, word)
    if form == 0x54 and not word & 0x10:
        return _conditional(code, at, f"b.{_CONDITIONS[word & 15]}", _distance(word >> 5, 19), (FLAGS, 1))
    if form & 0x7E == 0x34:
        width = 8 if word >> 31 else 4
        name = f"{'cbnz' if word >> 24 & 1 else 'cbz'} {_register(word, width)},"
        return _conditional(code, at, name, _distance(word >> 5, 19), (f"x{word & 31}", width))
    if form & 0x7E == 0x36:
        bit = word >> 26 & 32 | word >> 19 & 31
        shown = f"{bit:#x}" if bit > 9 else bit
        name = f"{'tbnz' if word >> 24 & 1 else 'tbz'} {_register(word, 8 if bit > 31 else 4)}, #{shown},"
        width = 1 if bit < 8 else 4 if bit < 32 else 8
        return _conditional(code, at, name, _distance(word >> 5, 14), (f"x{word & 31}", width))
    return None


def _unconditional(code: Code, at: int, word: int) -> Insn:
    address = code.address + at
    target = address + _distance(word, 26)
    call = bool(word >> 31)
    insn = Insn(address, address + 4, f"{'bl' if call else 'b'} #{target:#x}")
    if call:
        insn.kind = "call"
        insn.callee = target if code.address else None
    else:
        insn.kind = code.jump_to(target, address in code.relocations)
        insn.target = target if insn.kind == "jump" else None
    return insn


def _conditional(code: Code, at: int, name: str, distance: int, read: tuple[str, int]) -> Insn:
    address = code.address + at
    insn = Insn(address, address + 4, f"{name} #{address + distance:#x}")
    insn.kind, insn.target = "branch", address + distance
    if read[0] != "x31":
        insn.reads.append(read)
    return insn


def _distance(field: int, bits: int) -> int:
    """In bytes: the low `bits` of a field, signed, count words."""
    return 4 * signed(field, bits)


def _register(word: int, width: int) -> str:
    number = word & 31
    return f"{'x' if width == 8 else 'w'}{'zr' if number == 31 else number}"
