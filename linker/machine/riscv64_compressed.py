"""Compressed riscv64 instructions: what 32-bit instruction each of 16 bits stands for.

Unprivileged specification, chapter "C", whose tables of the three quadrants are followed here. Registers of 3 bits
are x8 to x15. Immediates are strewn over the halfword; each is given as its pieces: (lowest bit in the halfword, lowest
bit in the value, how many).
"""

from __future__ import annotations

_LOAD, _LOAD_FP, _IMM, _IMM32, _STORE, _STORE_FP = 0x03, 0x07, 0x13, 0x1B, 0x23, 0x27
_REG, _LUI, _REG32, _BRANCH, _JALR, _JAL = 0x33, 0x37, 0x3B, 0x63, 0x67, 0x6F
_EBREAK = 0x00100073
UNIMPLEMENTED = 0xC0001073  # csrrw zero, cycle, zero: what assemblers write for `unimp`

_ZERO, _RA, _SP = 0, 1, 2
_OFFSET6 = ((2, 0, 5), (12, 5, 1))
_UPPER = ((2, 12, 5), (12, 17, 1))
_BRANCH_OFFSET = ((3, 1, 2), (10, 3, 2), (2, 5, 1), (5, 6, 2), (12, 8, 1))
_JUMP = ((3, 1, 3), (11, 4, 1), (2, 5, 1), (7, 6, 1), (6, 7, 1), (9, 8, 2), (8, 10, 1), (12, 11, 1))
_WIDE_STACK = ((5, 3, 1), (6, 2, 1), (11, 4, 2), (7, 6, 4))  # addi4spn
_STACK_ADJUST = ((6, 4, 1), (2, 5, 1), (5, 6, 1), (3, 7, 2), (12, 9, 1))  # addi16sp
_OF_WORD = ((6, 2, 1), (10, 3, 3), (5, 6, 1))
_OF_DOUBLE = ((10, 3, 3), (5, 6, 2))
_WORD_FROM_STACK = ((4, 2, 3), (12, 5, 1), (2, 6, 2))
_DOUBLE_FROM_STACK = ((5, 3, 2), (12, 5, 1), (2, 6, 3))
_WORD_TO_STACK = ((9, 2, 4), (7, 6, 2))
_DOUBLE_TO_STACK = ((10, 3, 3), (7, 6, 3))

# funct3 of the loads and stores: (opcode of the load, of the store, width, immediate)
_ACCESSES = {
    1: (_LOAD_FP, _STORE_FP, 3, _OF_DOUBLE, _DOUBLE_FROM_STACK, _DOUBLE_TO_STACK),
    2: (_LOAD, _STORE, 2, _OF_WORD, _WORD_FROM_STACK, _WORD_TO_STACK),
    3: (_LOAD, _STORE, 3, _OF_DOUBLE, _DOUBLE_FROM_STACK, _DOUBLE_TO_STACK),
}
# by bit 12 and bits 6:5: opcode, funct3, funct7
_ARITHMETIC = {
    0: (_REG, 0, 0x20), 1: (_REG, 4, 0), 2: (_REG, 6, 0), 3: (_REG, 7, 0), 4: (_REG32, 0, 0x20), 5: (_REG32, 0, 0)
}  # fmt: skip


def expand(half: int) -> int | None:
    """The instruction of 32 bits that one of 16 bits stands for; None if it is reserved."""
    return (_quadrant0, _quadrant1, _quadrant2)[half & 3](half, half >> 13)


def _immediate(half: int, places: tuple[tuple[int, int, int], ...], signed: bool = False) -> int:
    value = top = 0
    for at, bit, bits in places:
        value |= (half >> at & (1 << bits) - 1) << bit
        top = max(top, bit + bits)
    return value - (1 << top) if signed and value >> (top - 1) else value


def _quadrant0(half: int, funct3: int) -> int | None:
    rd, rs1 = 8 + (half >> 2 & 7), 8 + (half >> 7 & 7)
    if funct3 == 0:
        amount = _immediate(half, _WIDE_STACK)
        return _i(_IMM, 0, rd, _SP, amount) if amount else UNIMPLEMENTED if half == 0 else None
    if funct3 & 3 == 0:
        return None
    load, store, width, places, _, _ = _ACCESSES[funct3 & 3]
    offset = _immediate(half, places)
    return _s(store, width, rs1, rd, offset) if funct3 & 4 else _i(load, width, rd, rs1, offset)


def _quadrant1(half: int, funct3: int) -> int | None:
    rd, narrow = half >> 7 & 31, 8 + (half >> 7 & 7)
    if funct3 == 0:
        return _i(_IMM, 0, rd, rd, _immediate(half, _OFFSET6, True))
    if funct3 == 1:
        return _i(_IMM32, 0, rd, rd, _immediate(half, _OFFSET6, True)) if rd else None
    if funct3 == 2:
        return _i(_IMM, 0, rd, _ZERO, _immediate(half, _OFFSET6, True))
    if funct3 == 3:
        places = _STACK_ADJUST if rd == _SP else _UPPER
        value = _immediate(half, places, True)
        if not value:
            return None
        return _i(_IMM, 0, _SP, _SP, value) if rd == _SP else value & 0xFFFFF000 | rd << 7 | _LUI
    if funct3 == 4:
        return _arithmetic(half, narrow)
    if funct3 == 5:
        return _j(_ZERO, _immediate(half, _JUMP, True))
    return _b(funct3 - 6, narrow, _immediate(half, _BRANCH_OFFSET, True))


def _arithmetic(half: int, rd: int) -> int | None:
    kind = half >> 10 & 3
    if kind == 2:
        return _i(_IMM, 7, rd, rd, _immediate(half, _OFFSET6, True))
    if kind < 2:
        return _i(_IMM, 5, rd, rd, _immediate(half, _OFFSET6) | kind << 10)
    form = _ARITHMETIC.get(half >> 10 & 4 | half >> 5 & 3)
    return None if form is None else _r(*form, rd, rd, 8 + (half >> 2 & 7))


def _quadrant2(half: int, funct3: int) -> int | None:
    rd, rs2 = half >> 7 & 31, half >> 2 & 31
    if funct3 == 0:
        return _i(_IMM, 1, rd, rd, _immediate(half, _OFFSET6))
    if funct3 == 4:
        return _moves(half >> 12 & 1, rd, rs2)
    load, store, width, _, from_stack, to_stack = _ACCESSES[funct3 & 3]
    if funct3 & 4:
        return _s(store, width, _SP, rs2, _immediate(half, to_stack))
    return _i(load, width, rd, _SP, _immediate(half, from_stack)) if rd or load == _LOAD_FP else None


def _moves(bit: int, rd: int, rs2: int) -> int | None:
    if rs2:
        return _r(_REG, 0, 0, rd, rd if bit else _ZERO, rs2)
    if rd:
        return _i(_JALR, 0, _RA if bit else _ZERO, rd, 0)
    return _EBREAK if bit else None


def _i(opcode: int, funct3: int, rd: int, rs1: int, immediate: int) -> int:
    return (immediate & 0xFFF) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode


def _s(opcode: int, funct3: int, rs1: int, rs2: int, offset: int) -> int:
    return (offset >> 5 & 127) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (offset & 31) << 7 | opcode


def _r(opcode: int, funct3: int, funct7: int, rd: int, rs1: int, rs2: int) -> int:
    return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode


def _b(funct3: int, rs1: int, offset: int) -> int:
    high = (offset >> 12 & 1) << 31 | (offset >> 5 & 63) << 25
    return high | rs1 << 15 | funct3 << 12 | (offset >> 1 & 15) << 8 | (offset >> 11 & 1) << 7 | _BRANCH


def _j(rd: int, offset: int) -> int:
    high = (offset >> 20 & 1) << 31 | (offset >> 1 & 0x3FF) << 21 | (offset >> 11 & 1) << 20
    return high | (offset >> 12 & 0xFF) << 12 | rd << 7 | _JAL
