"""The x86_64 encodings that most of compiled code consists of, decoded straight from their bits.

An instruction is [66] [REX] opcode [ModRM [SIB] [displacement]] [immediate] (Intel SDM volume 2, figure 2-1 and 2.2.1).
Whatever is not in `_FORMS` is capstone's to decode: other prefixes, ah to dh, vectors, what compilers seldom emit.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import capstone

from popcc.linker.machine.base import Code, Insn, Relocation
from popcc.linker.machine.engine import Engine
from popcc.linker.machine.x86_64_jumps import PC_RELATIVE
from popcc.linker.machine.x86_64_meanings import (
    Meaning,
    Place,
    add,
    alu,
    call,
    compare,
    extension,
    imul,
    lea,
    mov,
    neg,
    nop,
    pop,
    push,
    ret,
    shift_by_cl,
    sub,
    xor,
)

ENGINE = Engine(capstone.CS_ARCH_X86, capstone.CS_MODE_64, "x86")
_GOT = frozenset((9, 41, 42))  # GOTPCREL, GOTPCRELX, REX_GOTPCRELX

_W, _R, _X, _B = 8, 4, 2, 1  # bits of a REX prefix
# registers by their numbers; as bytes, without a REX prefix, 4 to 7 are ah to dh
_REGISTERS = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", *(f"r{n}" for n in range(8, 16)))
_BYTES = (*_REGISTERS[:4], "", "", "", "")


class _Form(NamedTuple):
    meaning: Meaning
    operands: str = ""  # first and second: m, g ModRM's r/m and reg; o the opcode's low bits; a rax
    width: int = 0  # of all operands; 0 for what the prefixes say
    immediate: int = 0  # bytes of it: 4 is 2 with 66, 8 as many as the operands have
    value: Any = None  # of an operand that is implied
    byte: bool = False  # r/m is one, whatever the width


def relocated(r: Relocation, at: int, end: int) -> tuple[str, str, int]:
    """What the field at `at` of an instruction up to `end` stands for: ("got" or "abs", symbol, addend)."""
    return "got" if r.type in _GOT else "abs", r.symbol, r.addend + (end - at if r.type in PC_RELATIVE else 0)


def common(code: Code, at: int) -> Insn | None:
    """The instruction at an offset of the code; None if it is for capstone to decode or to refuse."""
    try:
        return _decoded(code, at)
    except IndexError:  # the code ends within it
        return None


def _decoded(code: Code, start: int) -> Insn | None:
    data, at, rex = code.data, start + 1, 0
    opcode = data[start]
    if narrow := opcode == 0x66:
        opcode, at = data[at], at + 1
    if opcode & 0xF0 == 0x40:
        rex, opcode, at = opcode, data[at], at + 1
    if opcode == 0x0F:
        opcode, at = 0x0F00 | data[at], at + 1
    form = _FORMS.get(opcode) or _FORMS.get(opcode << 8 | data[at] >> 3 & 7)
    if form is None:
        return None
    meaning, operands, width, size, value, byte = form
    if narrow and (width or rex & _W):
        return None
    width = width or (8 if rex & _W else 2 if narrow else 4)
    registers = _BYTES if width == 1 and not rex else _REGISTERS

    place: Place = "rax"
    register: str | None = None
    address: _Address | None = None
    field = -1
    if "m" in operands:
        modrm = data[at]
        if "g" in operands:
            register = registers[modrm >> 3 & 7 | (rex & _R) << 1]
        if modrm < 0xC0:
            address = _address(data, at, rex)
            field, at = address[4:]
        elif meaning is lea:
            return None
        else:
            place = (_BYTES if byte and not rex else registers)[modrm & 7 | (rex & _B) << 3]
            at += 1
    elif operands == "o":
        place = registers[opcode & 7 | (rex & _B) << 3]
    if not place or register == "":
        return None

    if size:
        size = width if size == 8 else 2 if narrow and size == 4 else size
        value = int.from_bytes(data[at : at + size], "little", signed=True)
    end = at + size
    if end > len(data):
        return None
    symbol = None
    if code.relocations:
        for k in range(start, end):
            for r in code.relocations.get(code.address + k, ()):
                if k == field:
                    symbol = relocated(r, k, end)
                elif k == at and size:
                    value = ("sym", *relocated(r, k, end)[1:])
                else:
                    return None
    insn = Insn(code.address + start, code.address + end, partial(ENGINE.text, data[start:end], code.address + start))
    if address:
        base, index, scale, disp, _, _ = address
        if base == "rip":
            insn.relative, base, disp = True, None, disp + insn.end
        place = (base, index, 0 if symbol else disp, symbol)
        if meaning is lea:
            value = scale
    if operands == "gm":
        meaning(insn, width, register, place, value)
    else:
        meaning(insn, width, place, register, value)
    return insn


# base ("rip" if it is that), index, scale, displacement, where that is (-1: nowhere), what follows
_Address = tuple[str | None, str | None, int, int, int, int]


def _address(data: bytes, at: int, rex: int) -> _Address:
    """The memory that ModRM at `at` names (Intel SDM volume 2, tables 2-2 and 2-3; 2.2.1.6 for rip)."""
    modrm = data[at]
    mod, rm = modrm >> 6, modrm & 7
    base: str | None
    index, scale, at = None, 1, at + 1
    if rm == 4:
        sib = data[at]
        rm, at = sib & 7, at + 1
        number = sib >> 3 & 7 | (rex & _X) << 2
        if number != 4:
            index, scale = _REGISTERS[number], 1 << (sib >> 6)
        base = None if rm == 5 and not mod else _REGISTERS[rm | (rex & _B) << 3]
    else:
        base = "rip" if rm == 5 and not mod else _REGISTERS[rm | (rex & _B) << 3]
    if mod == 1:
        disp = data[at]
        return base, index, scale, disp - 256 if disp > 127 else disp, at, at + 1
    if mod == 2 or (rm == 5 and not mod):
        return base, index, scale, int.from_bytes(data[at : at + 4], "little", signed=True), at, at + 4
    return base, index, scale, 0, -1, at


# by opcode; by opcode << 8 | reg where ModRM's reg is a part of it (Intel SDM volume 2, tables)
_FORMS: dict[int, _Form] = {
    **{0x50 + n: _Form(push, "o", 8) for n in range(8)},
    **{0x58 + n: _Form(pop, "o", 8) for n in range(8)},
    0x63: _Form(extension("s", 4), "gm"),
    0x69: _Form(imul, "gm", 0, 4),
    0x6B: _Form(imul, "gm", 0, 1),
    0x84: _Form(compare, "mg", 1),
    0x85: _Form(compare, "mg"),
    0x88: _Form(mov, "mg", 1),
    0x89: _Form(mov, "mg"),
    0x8A: _Form(mov, "gm", 1),
    0x8B: _Form(mov, "gm"),
    0x8D: _Form(lea, "gm"),
    0xA8: _Form(compare, "a", 1, 1),
    0xA9: _Form(compare, "a", 0, 4),
    **{0xB0 + n: _Form(mov, "o", 1, 1) for n in range(8)},
    **{0xB8 + n: _Form(mov, "o", 0, 8) for n in range(8)},
    0xC3: _Form(ret, "", 8),
    0xC600: _Form(mov, "m", 1, 1),
    0xC700: _Form(mov, "m", 0, 4),
    0xF600: _Form(compare, "m", 1, 1),
    0xF700: _Form(compare, "m", 0, 4),
    0xF603: _Form(neg, "m", 1),
    0xF703: _Form(neg, "m"),
    0xFE00: _Form(add, "m", 1, 0, 1),
    0xFE01: _Form(sub, "m", 1, 0, 1),
    0xFF00: _Form(add, "m", 0, 0, 1),
    0xFF01: _Form(sub, "m", 0, 0, 1),
    0xFF02: _Form(call, "m", 8),
    0xFF06: _Form(push, "m", 8),
    0x0F1F00: _Form(nop, "m"),
    0x0FAF: _Form(alu, "gm"),
    0x0FB6: _Form(extension("z", 1), "gm", byte=True),
    0x0FB7: _Form(extension("z", 2), "gm"),
    0x0FBE: _Form(extension("s", 1), "gm", byte=True),
    0x0FBF: _Form(extension("s", 2), "gm"),
}
# rows of table A-2
for _row, _means in ((0, add), (1, alu), (4, alu), (5, sub), (6, xor), (7, compare)):  # or is 1, and is 4
    _FORMS |= {
        _row << 3 | 0: _Form(_means, "mg", 1),
        _row << 3 | 1: _Form(_means, "mg"),
        _row << 3 | 2: _Form(_means, "gm", 1),
        _row << 3 | 3: _Form(_means, "gm"),
        _row << 3 | 4: _Form(_means, "a", 1, 1),
        _row << 3 | 5: _Form(_means, "a", 0, 4),
        0x8000 | _row: _Form(_means, "m", 1, 1),
        0x8100 | _row: _Form(_means, "m", 0, 4),
        0x8300 | _row: _Form(_means, "m", 0, 1),
    }
for _row in (0, 1, 4, 5, 7):  # rol, ror, shl, shr, sar
    _FORMS |= {
        0xC000 | _row: _Form(alu, "m", 1, 1),
        0xC100 | _row: _Form(alu, "m", 0, 1),
        0xD000 | _row: _Form(alu, "m", 1),
        0xD100 | _row: _Form(alu, "m"),
        0xD200 | _row: _Form(shift_by_cl, "m", 1),
        0xD300 | _row: _Form(shift_by_cl, "m"),
    }
