"""The aarch64 instructions that make up most of all code, decoded from their bits; capstone takes ten times as long.

Loads and stores of registers and pairs, arithmetic without condition codes, constants, pages: what `_Decoding`
(popcc.linker.machine.aarch64) makes of them, as testsuite/unit/test_machine_common.py holds. Encodings: Arm ARM, C4.1.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import capstone

from popcc.linker.machine.base import FLAGS, M64, Code, Effect, Expr, Insn, Mem, Relocation, signed
from popcc.linker.machine.engine import Engine

GOT_PAGE, GOT_LO12 = 311, 312
LO12 = frozenset((277, 278, 284, 285, 286, 299))

ENGINE = Engine(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM, "arm64")
_STACK = (*(f"x{n}" for n in range(31)), "sp")  # by number, where 31 is the stack pointer
_FLOAT = tuple(f"v{n}" for n in range(32))
_LOGIC = ("and", "or", "xor")
_Effects = list[Effect] | None


def common(code: Code, at: int) -> Insn | None:
    """The instruction at an offset of the code; None of one that is not among these."""
    data = code.data[at : at + 4]
    if len(data) < 4 or (form := _FORMS[data[3]]) is None:
        return None
    address = code.address + at
    relocations = code.relocations.get(address)
    if relocations and form not in _RELOCATED:
        return None
    insn = Insn(address, address + 4, partial(ENGINE.text, data, address))
    relocation = relocations[0] if relocations else None
    effects = form(int.from_bytes(data, "little"), insn, relocation, bool(code.address))
    if effects is None:
        return None
    insn.effects = effects
    return insn


def _value(number: int, width: int) -> Expr:
    """The low bytes of a general register; number 31 is the zero register."""
    if number == 31:
        return ("c", 0)
    return ("r", f"x{number}", width, "" if width == 8 else "z")


def _access(word: int, insn: Insn, r: Relocation | None, _: bool) -> _Effects:
    """Load or store of one register (C4.1.94)."""
    size, opc = word >> 30, word >> 22 & 3
    float_ = bool(word >> 26 & 1)
    if float_:
        if opc > 1 and size:
            return None
        bytes_ = 16 if opc > 1 else 1 << size
        load, wide, extends = bool(opc & 1), bytes_, False
    else:
        if size + opc > 4 and opc > 1:  # prefetches, and what there is not
            return None
        bytes_, load, extends = 1 << size, opc > 0, opc > 1
        wide = 8 if size == 3 or opc == 2 else 4
    base = _STACK[word >> 5 & 31]
    index, disp, moved = None, 0, None
    if word >> 24 & 1:
        disp = (word >> 10 & 0xFFF) * bytes_
    elif word >> 21 & 1:
        if word >> 10 & 3 != 2 or not word >> 14 & 1:
            return None
        index = f"x{word >> 16 & 31}" if word >> 16 & 31 != 31 else None
    else:
        disp, how = signed(word >> 12, 9), word >> 10 & 3
        if how == 2:
            return None
        if how and not float_ and word & 31 == word >> 5 & 31 != 31:
            return None  # what then happens is not defined
        moved = disp if how else None
        disp = 0 if how == 1 else disp
    if r is not None:
        if not word >> 24 & 1:
            return None
        mem: Mem = (base, index, 0, ("got" if r.type == GOT_LO12 else "lo12", r.symbol, r.addend))
    else:
        mem = (base, index, disp, None)
    effects = [_moved(word & 31, float_, load, mem, bytes_, wide, extends)]
    return _finished(insn, effects, mem, moved)


def _pair(word: int, insn: Insn, _r: Relocation | None, _: bool) -> _Effects:
    """Load or store of two registers (C4.1.94)."""
    opc, how = word >> 30, word >> 23 & 3
    float_, load = bool(word >> 26 & 1), bool(word >> 22 & 1)
    if not how or opc == 3 or (opc == 1 and not float_ and not load):
        return None
    if float_:
        bytes_ = wide = 4 << opc
    else:
        bytes_, wide = 8 if opc == 2 else 4, 8 if opc else 4
    first, second, base = word & 31, word >> 10 & 31, word >> 5 & 31
    if (load and first == second) or (how != 2 and not float_ and base in (first, second) and base != 31):
        return None  # what then happens is not defined
    disp = signed(word >> 15, 7) * bytes_
    mem: Mem = (_STACK[base], None, 0 if how == 1 else disp, None)
    next_: Mem = (_STACK[base], None, mem[2] + bytes_, None)
    extends = opc == 1 and not float_
    effects = [
        _moved(first, float_, load, mem, bytes_, wide, extends),
        _moved(second, float_, load, next_, bytes_, wide, extends),
    ]
    return _finished(insn, effects, mem, None if how == 2 else disp)


def _moved(number: int, float_: bool, load: bool, mem: Mem, size: int, wide: int, extends: bool) -> Effect | None:
    """One register's part of a load or store of `size` bytes, of a register of `wide`; None for one into nothing."""
    if not load:
        if float_:
            return ("store", mem, size, ("r", _FLOAT[number], size, "z" if size < 8 else ""))
        return ("store", mem, size, _value(number, size))
    if not float_ and number == 31:
        return None
    value: Expr = ("ld", mem, size, "s" if extends else "z")
    if extends and wide < 8:
        value = ("op", tuple((r, 8) for r in mem[:2] if r), ((mem, size),))
    return ("set", _FLOAT[number] if float_ else f"x{number}", max(wide, 4), value)


def _finished(insn: Insn, effects: list[Effect | None], mem: Mem, moved: int | None) -> _Effects:
    """With what becomes of the base. A load into the zero register still takes the address."""
    done = [e for e in effects if e is not None]
    if not done:
        insn.reads += [(r, 8) for r in mem[:2] if r]
    if moved is not None:
        base = mem[0]
        done.append(("set", base, 8, ("lea", (base, None, moved, None))))
    return done


def _add_constant(word: int, _insn: Insn, r: Relocation | None, _: bool) -> _Effects:
    """Addition of an immediate (C4.1.92)."""
    if word >> 23 & 1:
        return None
    wide = 8 if word >> 31 else 4
    to, source = word & 31, _STACK[word >> 5 & 31]
    amount, subtracts, shifted = word >> 10 & 0xFFF, bool(word >> 30 & 1), bool(word >> 22 & 1)
    if word >> 29 & 1:  # a comparison
        return None if r or to != 31 else _compared(to, wide, ((source, wide),))
    if r is not None:
        if r.type not in LO12 or wide < 8 or "sp" in (source, _STACK[to]) or amount:
            return None
        return [("set", _STACK[to], 8, ("lo12", source, r.symbol, r.addend))]
    if not amount and not subtracts and not shifted and "sp" in (source, _STACK[to]):  # a copy
        return [("set", _STACK[to], wide, ("r", source, wide, "" if wide == 8 else "z"))]
    if wide == 8:
        distance = (-amount if subtracts else amount) << (12 if shifted else 0)
        return [("set", _STACK[to], 8, ("lea", (source, None, distance, None)))]
    second: Expr = ("alu", "shl", ("c", amount), ("c", 12)) if shifted else ("c", amount)
    return [("set", _STACK[to], 4, ("alu", "sub" if subtracts else "add", ("r", source, 4, "z"), second))]


def _compared(to: int, wide: int, reads: tuple[tuple[str, int], ...]) -> _Effects:
    """An operation that sets the condition codes, and a register if it is not the zero register."""
    value = ("op", tuple(dict.fromkeys(reads)), ())
    effects: list[Effect] = [("set", FLAGS, 8, value)]
    return effects if to == 31 else [*effects, ("set", f"x{to}", wide, value)]


def _add(word: int, _insn: Insn, _r: Relocation | None, _: bool) -> _Effects:
    """Addition of a register, shifted or extended (C4.1.95)."""
    if word >> 21 & 1:
        return _add_extended(word)
    wide = 8 if word >> 31 else 4
    to, first, second = word & 31, word >> 5 & 31, word >> 16 & 31
    if word >> 29 & 1:
        if 31 in (first, second) or word >> 22 & 3 == 3 or word >> 10 & 63 >= 8 * wide:
            return None
        return _compared(to, wide, ((f"x{first}", wide), (f"x{second}", wide)))
    return _combined(word, "sub" if word >> 30 & 1 else "add")


def _add_extended(word: int) -> _Effects:
    wide, to, first, second = 8 if word >> 31 else 4, word & 31, word >> 5 & 31, word >> 16 & 31
    if word >> 22 & 3 or word >> 10 & 7 > 4 or second == 31 or word >> 29 & 1:
        return None
    option = word >> 13 & 7
    if 31 in (to, first) and option in (2, 3):  # in some of these capstone sees a shift
        return None
    narrow = 8 if option & 3 == 3 else 4
    if narrow > wide:
        return None
    value = ("op", tuple(dict.fromkeys(((_STACK[first], wide), (f"x{second}", narrow)))), ())
    return [("set", _STACK[to], wide, value)]


def _logic(word: int, _insn: Insn, _r: Relocation | None, _: bool) -> _Effects:
    """Logical operation of registers (C4.1.95)."""
    wide, opc = 8 if word >> 31 else 4, word >> 29 & 3
    to, first, second = word & 31, word >> 5 & 31, word >> 16 & 31
    if word >> 21 & 1:  # of a complement
        return None
    if opc == 3:
        if 31 in (first, second) or word >> 10 & 63 >= 8 * wide:
            return None
        return _compared(to, wide, ((f"x{first}", wide), (f"x{second}", wide)))
    if opc == 1 and first == 31 and not word & 0xC0FC00:  # a copy
        return None if to == 31 else [("set", f"x{to}", wide, _value(second, wide))]
    return _combined(word, _LOGIC[opc])


def _combined(word: int, name: str) -> _Effects:
    """Two registers, of which the second may be shifted to the left; in 32 bits only by less than that."""
    wide, amount = 8 if word >> 31 else 4, word >> 10 & 63
    to, first, second = word & 31, word >> 5 & 31, _value(word >> 16 & 31, wide)
    if 31 in (to, first) or word >> 22 & 3 or amount >= 8 * wide:
        return None
    if amount:
        second = ("alu", "shl", second, ("c", amount))
    return [("set", f"x{to}", wide, ("alu", name, _value(first, wide), second))]


def _constant(word: int, insn: Insn, r: Relocation | None, linked: bool) -> _Effects:
    """A register's 16 bits, or a logical operation with a constant (C4.1.92)."""
    if not word >> 23 & 1:
        return _logic_constant(word)
    wide, opc, to = 8 if word >> 31 else 4, word >> 29 & 3, word & 31
    value, shift = word >> 5 & 0xFFFF, word >> 17 & 0x30
    if to == 31 or opc == 1 or (wide == 4 and shift > 16):
        return None
    if opc == 3:
        return [("set", f"x{to}", wide, ("ins", f"x{to}", value, shift))]
    value <<= shift
    return [("set", f"x{to}", wide, ("c", (value if opc else ~value) & (M64 if wide == 8 else 0xFFFFFFFF)))]


def _logic_constant(word: int) -> _Effects:
    wide, opc, to, first = 8 if word >> 31 else 4, word >> 29 & 3, word & 31, word >> 5 & 31
    value = _bitmask(word >> 22 & 1, word >> 16 & 63, word >> 10 & 63, wide)
    if value is None or first == 31:
        return None
    if opc == 3:
        return _compared(to, wide, ((f"x{first}", wide),))
    return None if to == 31 else [("set", f"x{to}", wide, ("alu", _LOGIC[opc], _value(first, wide), ("c", value)))]


def _bitmask(n: int, rotation: int, ones: int, wide: int) -> int | None:
    """The constant of a logical operation (Arm ARM, DecodeBitMasks): a run of ones, rotated, repeated."""
    length = (n << 6 | ones ^ 0x3F).bit_length() - 1
    if length < 1 or (wide == 4 and n):
        return None
    size = 1 << length
    count, rotation = (ones & size - 1) + 1, rotation & size - 1
    if count == size:
        return None
    run = (1 << count) - 1
    element = (run >> rotation | run << size - rotation) & (1 << size) - 1
    return sum(element << k for k in range(0, 8 * wide, size))


def _page(word: int, insn: Insn, r: Relocation | None, linked: bool) -> _Effects:
    """`adrp` (C4.1.92)."""
    to = word & 31
    if to == 31 or not (r or linked):
        return None
    if r is not None:
        return [("set", f"x{to}", 8, ("page", ("got:" if r.type == GOT_PAGE else "") + r.symbol, r.addend))]
    pages = signed((word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3, 21)
    return [("set", f"x{to}", 8, ("c", (insn.address & ~0xFFF) + (pages << 12)))]


def _field(word: int, _insn: Insn, _r: Relocation | None, _: bool) -> _Effects:
    """Shifts by a constant and bit fields, but for mere extensions and what keeps some of the destination (C4.1.92)."""
    wide, opc = 8 if word >> 31 else 4, word >> 29 & 3
    rotation, last = word >> 16 & 63, word >> 10 & 63
    if word >> 23 & 1 or opc not in (0, 2) or word >> 22 & 1 != word >> 31 or max(rotation, last) >= 8 * wide:
        return None
    return None if not rotation and last in (7, 15, 31) else _computed(word, wide, (word >> 5,))


def _two_sources(word: int, _insn: Insn, _r: Relocation | None, _: bool) -> _Effects:
    """Division, shifts by a register, selection by a condition (C4.1.95)."""
    wide, operands = 8 if word >> 31 else 4, (word >> 5, word >> 16)
    if word >> 21 & 0x3FF == 0xD6:
        return _computed(word, wide, operands) if word >> 10 & 63 in (2, 3, 8, 9, 10, 11) else None
    if word >> 21 & 0x3FF != 0xD4 or word >> 10 & 3 or word >> 12 & 15 > 13:
        return None
    return _computed(word, wide, operands, ((FLAGS, 1),))


def _three_sources(word: int, _insn: Insn, _r: Relocation | None, _: bool) -> _Effects:
    """Multiplication and addition (C4.1.95)."""
    wide, form = 8 if word >> 31 else 4, word >> 21 & 7
    if form == 0 and word >> 10 & 63 == 31:  # a product
        return _computed(word, wide, (word >> 5, word >> 16))
    if form == 0:
        return _computed(word, wide, (word >> 5, word >> 16, word >> 10))
    factors = [n & 31 for n in (word >> 5, word >> 16)]
    if form not in (1, 5) or wide == 4 or 31 in factors:
        return None
    return _computed(word, 8, (word >> 10,), tuple((f"x{n}", 4) for n in factors))


def _computed(word: int, wide: int, operands: tuple[int, ...], more: tuple[tuple[str, int], ...] = ()) -> _Effects:
    """A result of registers, given in the low 5 bits of `operands`."""
    numbers = [o & 31 for o in operands]
    if word & 31 == 31 or 31 in numbers:
        return None
    reads = tuple(dict.fromkeys([*((f"x{n}", wide) for n in numbers), *more]))
    return [("set", f"x{word & 31}", wide, ("op", reads, ()))]


_Form = Callable[[int, Insn, Relocation | None, bool], _Effects]
_RELOCATED: tuple[_Form, ...] = (_access, _add_constant, _page)  # what reads what a relocation says


def _form(top: int) -> _Form | None:
    """The instructions with these upper 8 bits."""
    for mask, value, form in (
        (0x3A, 0x38, _access),
        (0x3A, 0x28, _pair),
        (0x1F, 0x11, _add_constant),
        (0x1F, 0x0B, _add),
        (0x1F, 0x0A, _logic),
        (0x1F, 0x12, _constant),
        (0x9F, 0x90, _page),
        (0x1F, 0x13, _field),
        (0x7F, 0x1A, _two_sources),
        (0x7F, 0x1B, _three_sources),
    ):
        if top & mask == value:
            return form
    return None


_FORMS = tuple(map(_form, range(256)))
