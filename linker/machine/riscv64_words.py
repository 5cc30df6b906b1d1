"""riscv64 instructions of 32 bits taken apart: mnemonic, registers, immediate (unprivileged specification, RV64GC)."""

from __future__ import annotations

from msgspec import Struct

from popcc.isa.riscv64 import FLOATING, GENERAL
from popcc.linker.machine.base import signed

_LOADS = dict(enumerate("lb lh lw ld lbu lhu lwu".split()))
_STORES = dict(enumerate("sb sh sw sd".split()))
_IN_MEMORY = frozenset((*_LOADS.values(), *_STORES.values(), "flw", "fld", "fsw", "fsd"))
_BRANCHES = {0: "beq", 1: "bne", 4: "blt", 5: "bge", 6: "bltu", 7: "bgeu"}
_IMMEDIATES = {0: "addi", 2: "slti", 3: "sltiu", 4: "xori", 6: "ori", 7: "andi"}
_REGISTERS = {  # by funct7 and funct3
    0x00: "add sll slt sltu xor srl or and".split(),
    0x01: "mul mulh mulhsu mulhu div divu rem remu".split(),
    0x20: ["sub", "", "", "", "", "sra", "", ""],
}
_REGISTERS32 = {
    0x00: ["addw", "sllw", "", "", "", "srlw", "", ""],
    0x01: ["mulw", "", "", "", "divw", "divuw", "remw", "remuw"],
    0x20: ["subw", "", "", "", "", "sraw", "", ""],
}
_ATOMICS = {
    0x00: "amoadd", 0x01: "amoswap", 0x02: "lr", 0x03: "sc", 0x04: "amoxor", 0x08: "amoor", 0x0C: "amoand",
    0x10: "amomin", 0x14: "amomax", 0x18: "amominu", 0x1C: "amomaxu",
}  # fmt: skip
_CONTROL = {1: "csrrw", 2: "csrrs", 3: "csrrc", 5: "csrrwi", 6: "csrrsi", 7: "csrrci"}
_FUSED = {0x43: "fmadd", 0x47: "fmsub", 0x4B: "fnmsub", 0x4F: "fnmadd"}
_WIDTHS = {0: "s", 1: "d"}
_INTEGERS = ("w", "wu", "l", "lu")
_ROUNDED = {0x00: "fadd", 0x04: "fsub", 0x08: "fmul", 0x0C: "fdiv"}
_BY_FUNCT3 = {
    0x10: ("fsgnj", "fsgnjn", "fsgnjx"),
    0x14: ("fmin", "fmax"),
    0x50: ("fle", "flt", "feq"),
}


class Word(Struct, frozen=True):
    """One instruction: registers by name, "" where it has none; offsets of jumps and branches count from it."""

    name: str
    rd: str = ""
    rs1: str = ""
    rs2: str = ""
    rs3: str = ""
    imm: int = 0

    def __str__(self) -> str:
        operands = [r for r in (self.rd, self.rs1, self.rs2, self.rs3) if r]
        if self.name in _IN_MEMORY:
            operands = [self.rd or self.rs2, f"{self.imm}({self.rs1})"]
        elif self.name in ("lui", "auipc"):
            operands.append(hex(self.imm >> 12 & 0xFFFFF))
        elif self.imm:
            operands.append(str(self.imm))
        return f"{self.name} {', '.join(operands)}".rstrip()


def take_apart(word: int) -> Word | None:
    """The instruction; None for what is none of RV64GC."""
    form = _FORMS.get(word & 127)
    return form(word) if form else None


def _rd(word: int) -> str:
    return GENERAL[word >> 7 & 31]


def _rs1(word: int) -> str:
    return GENERAL[word >> 15 & 31]


def _rs2(word: int) -> str:
    return GENERAL[word >> 20 & 31]


def _fd(word: int) -> str:
    return FLOATING[word >> 7 & 31]


def _fs1(word: int) -> str:
    return FLOATING[word >> 15 & 31]


def _fs2(word: int) -> str:
    return FLOATING[word >> 20 & 31]


def _funct3(word: int) -> int:
    return word >> 12 & 7


def _imm_i(word: int) -> int:
    return signed(word >> 20, 12)


def _imm_s(word: int) -> int:
    return signed(word >> 25 << 5 | (word >> 7 & 31), 12)


def _load(word: int) -> Word | None:
    name = _LOADS.get(_funct3(word))
    return Word(name, _rd(word), _rs1(word), imm=_imm_i(word)) if name else None


def _load_fp(word: int) -> Word | None:
    name = {2: "flw", 3: "fld"}.get(_funct3(word))
    return Word(name, _fd(word), _rs1(word), imm=_imm_i(word)) if name else None


def _store(word: int) -> Word | None:
    name = _STORES.get(_funct3(word))
    return Word(name, "", _rs1(word), _rs2(word), imm=_imm_s(word)) if name else None


def _store_fp(word: int) -> Word | None:
    name = {2: "fsw", 3: "fsd"}.get(_funct3(word))
    return Word(name, "", _rs1(word), _fs2(word), imm=_imm_s(word)) if name else None


def _fence(word: int) -> Word | None:
    return Word(("fence", "fence.i")[_funct3(word)]) if _funct3(word) < 2 else None


def _immediate(word: int) -> Word | None:
    name = _IMMEDIATES.get(_funct3(word))
    if name:
        return Word(name, _rd(word), _rs1(word), imm=_imm_i(word))
    return _shift(word, {(1, 0): "slli", (5, 0): "srli", (5, 0x10): "srai"}.get((_funct3(word), word >> 26)), 63)


def _immediate32(word: int) -> Word | None:
    if _funct3(word) == 0:
        return Word("addiw", _rd(word), _rs1(word), imm=_imm_i(word))
    return _shift(word, {(1, 0): "slliw", (5, 0): "srliw", (5, 0x20): "sraiw"}.get((_funct3(word), word >> 25)), 31)


def _shift(word: int, name: str | None, most: int) -> Word | None:
    return Word(name, _rd(word), _rs1(word), imm=word >> 20 & most) if name else None


def _register(word: int) -> Word | None:
    return _three(word, _REGISTERS.get(word >> 25))


def _register32(word: int) -> Word | None:
    return _three(word, _REGISTERS32.get(word >> 25))


def _three(word: int, names: list[str] | None) -> Word | None:
    name = names[_funct3(word)] if names else ""
    return Word(name, _rd(word), _rs1(word), _rs2(word)) if name else None


def _upper(word: int) -> Word | None:
    return Word("lui" if word & 127 == 0x37 else "auipc", _rd(word), imm=signed(word & 0xFFFFF000, 32))


def _jump(word: int) -> Word | None:
    high = (word >> 31) << 20 | (word >> 12 & 0xFF) << 12
    return Word("jal", _rd(word), imm=signed(high | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1, 21))


def _jump_register(word: int) -> Word | None:
    return Word("jalr", _rd(word), _rs1(word), imm=_imm_i(word)) if _funct3(word) == 0 else None


def _branch(word: int) -> Word | None:
    name = _BRANCHES.get(_funct3(word))
    high = (word >> 31) << 12 | (word >> 7 & 1) << 11
    offset = signed(high | (word >> 25 & 63) << 5 | (word >> 8 & 15) << 1, 13)
    return Word(name, "", _rs1(word), _rs2(word), imm=offset) if name else None


def _atomic(word: int) -> Word | None:
    name, width = _ATOMICS.get(word >> 27), {2: ".w", 3: ".d"}.get(_funct3(word))
    if not name or not width:
        return None
    return Word(name + width, _rd(word), _rs1(word), "" if name == "lr" else _rs2(word))


def _system(word: int) -> Word | None:
    if _funct3(word) == 0:
        name = {0: "ecall", 1: "ebreak"}.get(word >> 20)
        return Word(name) if name and not word & 0xF8F80 else None
    name = _CONTROL.get(_funct3(word))
    # with a number instead of a register in the second half of the forms
    return Word(name, _rd(word), "" if name.endswith("i") else _rs1(word), imm=word >> 20) if name else None


def _fused(word: int) -> Word | None:
    width = _WIDTHS.get(word >> 25 & 3)
    if not width:
        return None
    return Word(f"{_FUSED[word & 127]}.{width}", _fd(word), _fs1(word), _fs2(word), FLOATING[word >> 27])


def _floating(word: int) -> Word | None:
    kind, width = word >> 25 & 0x7C, _WIDTHS.get(word >> 25 & 3)
    if not width:
        return None
    if kind in _ROUNDED:
        return Word(f"{_ROUNDED[kind]}.{width}", _fd(word), _fs1(word), _fs2(word))
    if kind in _BY_FUNCT3:
        names = _BY_FUNCT3[kind]
        if _funct3(word) >= len(names):
            return None
        rd = _rd(word) if kind == 0x50 else _fd(word)
        return Word(f"{names[_funct3(word)]}.{width}", rd, _fs1(word), _fs2(word))
    return _unary(word, kind, width)


def _unary(word: int, kind: int, width: str) -> Word | None:
    number = word >> 20 & 31  # where the others have a second operand: which form it is
    integer = _INTEGERS[number] if number < 4 else ""
    if kind == 0x2C and number == 0:
        return Word(f"fsqrt.{width}", _fd(word), _fs1(word))
    if kind == 0x20 and number in _WIDTHS and _WIDTHS[number] != width:
        return Word(f"fcvt.{width}.{_WIDTHS[number]}", _fd(word), _fs1(word))
    if kind == 0x60 and integer:
        return Word(f"fcvt.{integer}.{width}", _rd(word), _fs1(word))
    if kind == 0x68 and integer:
        return Word(f"fcvt.{width}.{integer}", _fd(word), _rs1(word))
    size = "w" if width == "s" else "d"
    if kind == 0x70 and number == 0 and _funct3(word) < 2:
        name = f"fclass.{width}" if _funct3(word) else f"fmv.x.{size}"
        return Word(name, _rd(word), _fs1(word))
    if kind == 0x78 and number == _funct3(word) == 0:
        return Word(f"fmv.{size}.x", _fd(word), _rs1(word))
    return None


_FORMS = {
    0x03: _load, 0x07: _load_fp, 0x0F: _fence, 0x13: _immediate, 0x17: _upper, 0x1B: _immediate32, 0x23: _store,
    0x27: _store_fp, 0x2F: _atomic, 0x33: _register, 0x37: _upper, 0x3B: _register32, 0x43: _fused, 0x47: _fused,
    0x4B: _fused, 0x4F: _fused, 0x53: _floating, 0x63: _branch, 0x67: _jump_register, 0x6F: _jump, 0x73: _system,
}  # fmt: skip
