"""Decoding aarch64 machine code into the neutral form.

Peculiarities: addresses of symbols are made of a page (`adrp`) and its low 12 bits, either of which LLVM may
keep across a call; constants of 64 bits are built by `movk`. capstone 5 is wrong on these, as execution shows
(testsuite/unit/test_machine_execution.py): it lists the destination of the aliases `ubfx`, `lsl`, `sxtw`… as read, the
first operand of `cmp`, `cmn`, `tst` as written and not read, that of `adds` with an immediate not at all, and not what
`umov` reads. Relocation types: ELF for the Arm 64-bit Architecture, section 5.7.
"""

from __future__ import annotations

import re
import struct
from typing import Any

from capstone import arm64 as ca

from popcc.isa import ISAS
from popcc.linker.machine.aarch64_branches import direct_branch
from popcc.linker.machine.aarch64_common import ENGINE, GOT_LO12, GOT_PAGE, LO12, common
from popcc.linker.machine.aarch64_jumps import jump_targets, linked_targets
from popcc.linker.machine.base import FLAGS, M64, Code, Effect, Expr, Insn, Machine, Mem, Undecodable, handlers
from popcc.linker.machine.engine import Raw

_FULL: dict[str, tuple[str, int]] = {
    "sp": ("sp", 8),
    "wsp": ("sp", 4),
    "fp": ("x29", 8),
    "lr": ("x30", 8),
    "nzcv": (FLAGS, 1),
}
for _n in range(31):
    _FULL[f"x{_n}"] = (f"x{_n}", 8)
    _FULL[f"w{_n}"] = (f"x{_n}", 4)
for _n in range(32):
    for _c, _w in (("b", 1), ("h", 2), ("s", 4), ("d", 8), ("q", 16), ("v", 16)):
        _FULL[f"{_c}{_n}"] = (f"v{_n}", _w)
_ZERO = frozenset(("xzr", "wzr"))

_SIMPLE_ACCESS = re.compile(r"(ld|st)(?:u?r|p)(s?)(b|h|w)?$")
_WHOLE_LOAD = re.compile(r"ld[1-4]r?|lda?x?[rp][bh]?")  # but of one element, which keeps the others
_ACCESS_SIZE = {"b": 1, "h": 2, "w": 4}
_READ_ONLY_DESTINATION = frozenset(
    "ubfx sbfx ubfiz sbfiz lsl lsr asr ror sxtw sxtb sxth uxtb uxth uxtw mul neg mvn cset csetm cinc cneg cinv".split()
)
_COMPARE = frozenset("cmp cmn tst ccmp ccmn fcmp fcmpe fccmp fccmpe".split())
_CONDITIONAL = ("cs", "cin", "cset", "cneg", "cinv", "fcsel", "adc", "sbc", "ngc", "ccm", "fccm")
_EXTENSIONS = {
    f"{how}xt{size}": (n, "z" if how == "u" else "s") for how in "su" for size, n in (("w", 4), ("h", 2), ("b", 1))
}
# what keeps part of its destination, besides the forms that write an upper half ("xtn2")
_MERGING = ("ins", "bfi", "bfxil", "bsl", "bit", "bif", "mla", "mls", "fmla", "fmls", "tbx")
# arrangements of 8 bytes
_HALVES = frozenset((ca.ARM64_VAS_8B, ca.ARM64_VAS_4H, ca.ARM64_VAS_2S, ca.ARM64_VAS_1D))
_TRAPS = frozenset(("brk", "udf", "hlt"))

# (mask, value): adr and adrp, loads of a literal (Arm ARM, C4.1)
_PC_RELATIVE = ((0x1F000000, 0x10000000), (0x3B000000, 0x18000000))
# by their word, instructions that mean the same wherever they stand
_known: dict[bytes, Insn] = {}


def _decode(code: Code) -> list[Insn]:
    out: list[Insn] = []
    data, relocations = code.data, code.relocations
    for at in range(0, len(data), 4):
        address = code.address + at
        word = data[at : at + 4]
        if address not in relocations and (known := _known.get(word)):
            out.append(known.moved(address))
            continue
        if insn := direct_branch(code, at):
            out.append(insn)
            continue
        insn = common(code, at) or by_capstone(code, at)
        number = int.from_bytes(word, "little")
        if address not in relocations and not any(number & mask == value for mask, value in _PC_RELATIVE):
            _known[word] = insn
        out.append(insn)
    return out


def by_capstone(code: Code, at: int) -> Insn:
    """The instruction at an offset of the code, which is no direct jump or call. Raises `Undecodable`."""
    raw = ENGINE.decode(code.data, at, code.address + at)
    if raw is None:
        raise Undecodable(f"bytes {code.data[at : at + 4].hex(' ')} at {code.section}+{at:#x}")
    return _Decoding(raw, code).run()


class _Decoding:
    """The decoding of one instruction."""

    def __init__(self, raw: Raw, code: Code) -> None:
        self.raw = raw
        self.code = code
        self.insn = Insn(raw.address, raw.address + 4, raw.text())
        self.ops = raw.operands
        relocations = code.relocations.get(raw.address, ())
        self.relocation = relocations[0] if relocations else None

    def _name(self, op: Any) -> str:
        return self.raw.reg_name(op.reg)

    def _reg(self, op: Any) -> tuple[str, int]:
        name = self._name(op)
        if name not in _FULL:
            raise Undecodable(f"{self.insn.text}: register {name}")
        return _FULL[name]

    def _value(self, op: Any, width: int) -> Expr:
        """A register operand's low `width` bytes; the zero register is a constant."""
        if self._name(op) in _ZERO:
            return ("c", 0)
        reg, own = self._reg(op)
        width = min(width, own)
        return ("r", reg, width, "" if width >= 8 else "z")

    def run(self) -> Insn:
        m = self.raw.mnemonic
        handler = _HANDLERS.get(m)
        if handler:
            handler(self)
        elif m in _TRAPS:
            self.insn.kind = "trap"
        elif m[:2] in ("ld", "st") and any(o.type == ca.ARM64_OP_MEM for o in self.ops):
            self._access()
        elif m in ("nop", "hint", "dmb", "dsb", "isb", "yield", "prfm", "clrex"):
            pass
        elif m in _EXTENSIONS:
            width, extend = _EXTENSIONS[m]
            self._extension(width, extend)
        else:
            self._generic()
        return self.insn

    def _do_blr(self) -> None:
        self.insn.kind = "call"
        self.insn.reads.append(self._reg(self.ops[0]))

    def _do_ret(self) -> None:
        self.insn.kind = "ret"
        self.insn.reads.append(("x30", 8))

    def _do_br(self) -> None:
        self.insn.kind = "indirect"
        self.insn.reads.append(self._reg(self.ops[0]))

    def _set(self, op: Any, value: Expr) -> None:
        if self._name(op) not in _ZERO:
            reg, width = self._reg(op)
            # narrower writes clear the rest of the register
            self.insn.effects.append(("set", reg, max(width, 4), value))

    def _do_adrp(self) -> None:
        r = self.relocation
        if r is None:
            if not self.code.address:
                raise Undecodable(f"{self.insn.text}: no relocation")
            self._set(self.ops[0], ("c", self.ops[1].imm))
            return
        self._set(self.ops[0], ("page", ("got:" if r.type == GOT_PAGE else "") + r.symbol, r.addend))

    def _do_adr(self) -> None:
        r = self.relocation
        # without a relocation it is an address in this function: the base of a jump table
        own: Expr = ("c", self.ops[1].imm) if self.code.address else ("op", (), ())
        self._set(self.ops[0], ("sym", r.symbol, r.addend) if r else own)

    def _do_mrs(self) -> None:
        if "tpidr_el0" in self.raw.op_str.lower():
            self._set(self.ops[0], ("tp",))
        else:
            self._set(self.ops[0], ("op", ((FLAGS, 1),), ()))

    def _extension(self, width: int, extend: str) -> None:
        value = self._value(self.ops[1], width)
        own = self._reg(self.ops[0])[1] if self._name(self.ops[0]) not in _ZERO else 8
        if value[0] == "r":
            signed_short = extend == "s" and own < 8
            value = ("op", ((value[1], width),), ()) if signed_short else ("r", value[1], width, extend)
        self._set(self.ops[0], value)

    def _do_mov(self) -> None:
        dst, src = self.ops[0], self.ops[1]
        if len(self.ops) != 2 or dst.vector_index >= 0 or (src.type == ca.ARM64_OP_REG and src.vector_index >= 0):
            self._generic(merge=dst.vector_index >= 0)
        elif src.type == ca.ARM64_OP_IMM:
            self._constant(src.imm << (src.shift.value if src.shift.type else 0))
        elif src.type == ca.ARM64_OP_REG:
            self._set(dst, self._value(src, self._reg(dst)[1]))
        else:
            self._generic(merge=True)

    def _do_movn(self) -> None:
        src = self.ops[1]
        self._constant(~(src.imm << (src.shift.value if src.shift.type else 0)))

    def _do_movk(self) -> None:
        reg, _ = self._reg(self.ops[0])
        src = self.ops[1]
        shift = src.shift.value if src.shift.type else 0
        self._set(self.ops[0], ("ins", reg, src.imm, shift))

    def _do_movi(self) -> None:
        if len(self.ops) == 2 and self.ops[1].type == ca.ARM64_OP_IMM and self.ops[1].imm == 0:
            self._set(self.ops[0], ("c", 0))
        elif len(self.ops) == 2 and self._name(self.ops[0])[0] == "d":
            self._constant(self.ops[1].imm)
        else:
            self._generic()

    def _do_fmov(self) -> None:
        dst, src = self.ops
        if src.type == ca.ARM64_OP_FP and self._name(dst)[0] in "ds":
            form = "<d" if self._name(dst)[0] == "d" else "<f"
            self._constant(int.from_bytes(struct.pack(form, src.fp), "little"))
        elif (
            src.type == ca.ARM64_OP_REG and dst.vector_index < 0 and src.vector_index < 0 and self._name(dst)[0] != "v"
        ):
            self._set(dst, self._value(src, self._reg(dst)[1]))
        else:
            self._generic(merge=dst.vector_index >= 0)

    def _constant(self, value: int) -> None:
        width = self._reg(self.ops[0])[1]
        self._set(self.ops[0], ("c", value & (M64 if width >= 8 else 0xFFFFFFFF)))

    def _add(self, sign: int) -> None:
        if len(self.ops) == 3 and self.ops[2].type == ca.ARM64_OP_IMM and self._reg(self.ops[0])[1] == 8:
            source = self._reg(self.ops[1])[0]
            r = self.relocation
            if r and r.type in LO12:
                self._set(self.ops[0], ("lo12", source, r.symbol, r.addend))
                return
            amount = self.ops[2].imm << (self.ops[2].shift.value if self.ops[2].shift.type else 0)
            self._set(self.ops[0], ("lea", (source, None, sign * amount, None)))
            return
        self._alu("add" if sign > 0 else "sub")

    def _do_add(self) -> None:
        self._add(1)

    def _do_sub(self) -> None:
        self._add(-1)

    def _alu(self, name: str) -> None:
        """Constants that no single move can make are put together by these; otherwise they count as any operation."""
        shape = [(_FULL[n][1] if (n := self._name(o)) in _FULL else 0) for o in self.ops[:2]]
        if len(self.ops) != 3 or not all(width in (4, 8) for width in shape):
            self._generic()
            return
        last = self.ops[2]
        second: Expr = ("c", last.imm & M64) if last.type == ca.ARM64_OP_IMM else self._value(last, shape[1])
        if last.ext or last.shift.type not in (0, ca.ARM64_SFT_LSL):
            self._generic()
            return
        if last.shift.type:
            second = ("alu", "shl", second, ("c", last.shift.value))
        self._set(self.ops[0], ("alu", name, self._value(self.ops[1], shape[1]), second))

    def _do_eor(self) -> None:
        self._alu("xor")

    def _do_orr(self) -> None:
        self._alu("or")

    def _do_and(self) -> None:
        self._alu("and")

    def _access(self) -> None:
        m = self.raw.mnemonic
        at = next(k for k, o in enumerate(self.ops) if o.type == ca.ARM64_OP_MEM)
        op = self.ops[at]
        base, _ = _FULL[self.raw.reg_name(op.mem.base)]
        index = self.raw.reg_name(op.mem.index) if op.mem.index else None
        disp, symbol = op.mem.disp, None
        if r := self.relocation:
            symbol = ("got" if r.type == GOT_LO12 else "lo12", r.symbol, r.addend)
            disp = 0
        post = at + 1 < len(self.ops) and self.ops[at + 1].type == ca.ARM64_OP_IMM
        mem: Mem = (base, _FULL[index][0] if index and index not in _ZERO else None, 0 if post else disp, symbol)
        simple = _SIMPLE_ACCESS.fullmatch(m.replace("ldur", "ldr").replace("stur", "str"))
        if simple:
            self._simple_access(mem, self.ops[:at], simple)
        else:
            self._odd_access(mem, self.ops[:at])
        if not self.insn.effects:  # a load into the zero register, of a volatile object say, still takes the address
            self.insn.reads += [(r, 8) for r in mem[:2] if r]
        if post or self.raw.op_str.endswith("!"):
            amount = self.ops[at + 1].imm if post else disp
            self.insn.effects.append(("set", base, 8, ("lea", (base, None, amount, None))))
        elif self.raw.arch.writeback:  # by a register, or by what capstone leaves out of structure accesses
            by = tuple((self._reg(o)[0], 8) for o in self.ops[at + 1 :])
            self.insn.effects.append(("set", base, 8, ("op", ((base, 8), *by), ())))

    def _simple_access(self, mem: Mem, regs: list[Any], form: re.Match[str]) -> None:
        base, index, disp, symbol = mem
        signed, suffix = bool(form.group(2)), form.group(3)
        for op in regs:
            name = self._name(op)
            width = (8 if name == "xzr" else 4) if name in _ZERO else _FULL[name][1]
            size = _ACCESS_SIZE[suffix] if suffix else width
            here: Mem = (base, index, disp, symbol)
            disp += size
            if form.group(1) == "st":
                value = self._value(op, size) if size <= 8 or name in _ZERO else ("r", _FULL[name][0], size, "")
                self.insn.effects.append(("store", here, size, value))
            elif name not in _ZERO:
                value = ("ld", here, size, "s" if signed else "z")
                if signed and width < 8:
                    value = ("op", tuple((r, 8) for r in (base, index) if r), ((here, size),))
                self._set(op, value)

    def _odd_access(self, mem: Mem, regs: list[Any]) -> None:
        """Structure and exclusive accesses: whatever they do, they do to 16 bytes per register."""
        size = 16 * max(1, len(regs))
        named = tuple(self._reg(o) for o in regs if self._name(o) not in _ZERO)
        overwritten = _WHOLE_LOAD.fullmatch(self.raw.mnemonic) and all(o.vector_index < 0 for o in regs)
        reads = (*(() if overwritten else named), *((r, 8) for r in mem[:2] if r))
        value = ("op", reads, ((mem, size),))
        if self.raw.mnemonic.startswith("st"):
            self.insn.effects.append(("store", mem, size, value))
            # an exclusive store tells in its first register whether it succeeded
            named = named[:1] if re.match(r"stl?x", self.raw.mnemonic) else ()
        for reg, _ in dict.fromkeys(named):
            self.insn.effects.append(("set", reg, 16 if reg[0] == "v" else 8, value))

    def _generic(self, merge: bool = False) -> None:
        """Anything else, by capstone's word on what is read and written."""
        if self.raw.moves_control() or not self.ops:
            raise Undecodable(f"{self.insn.text}: where control goes from here is not known")
        m = self.raw.mnemonic
        read, written = self.raw.regs_access()
        sources = [self._name(o) for o in self.ops[1:] if o.type == ca.ARM64_OP_REG]
        names = [*(self.raw.reg_name(r) for r in read), *sources]
        if m in _READ_ONLY_DESTINATION:
            names = sources
        if m in _COMPARE:
            names = [self._name(o) for o in self.ops if o.type == ca.ARM64_OP_REG]
        registers = [o for o in self.ops if o.type == ca.ARM64_OP_REG]
        whole = {self._name(o) for o in registers if o.vas not in _HALVES or o.vector_index >= 0}
        halves = {self._name(o) for o in registers} - whole
        reads = [(_FULL[n][0], 8 if n in halves else _FULL[n][1]) for n in names if n in _FULL]
        if m.startswith(_CONDITIONAL):
            reads.append((FLAGS, 1))
        writes = list(dict.fromkeys([self._name(self.ops[0]), *(self.raw.reg_name(r) for r in written)]))
        if merge or m.startswith(_MERGING) or m.endswith("2") or (m in ("orr", "bic") and len(self.ops) == 2):
            reads += [self._reg(self.ops[0])]
        value = ("op", tuple(dict.fromkeys(reads)), ())
        if m in _COMPARE or self.raw.arch.update_flags:
            self.insn.effects.append(("set", FLAGS, 8, value))
        if m in _COMPARE:
            return
        for name in writes:
            if name in _FULL and name != "nzcv":
                reg, width = _FULL[name]
                effect: Effect = ("set", reg, max(width, 4) if reg[0] != "v" else 16, value)
                self.insn.effects.append(effect)
        if not self.insn.effects:
            self.insn.reads += reads


_HANDLERS = handlers(_Decoding, {"movz": "mov"})

_REGISTERS = tuple(dict.fromkeys(full for full, _ in _FULL.values() if full != FLAGS))

AARCH64_MACHINE = Machine(
    isa=ISAS["aarch64"],
    registers=_REGISTERS,
    vectors=frozenset(r for r in _REGISTERS if r.startswith("v")),
    callee_saved=(*(f"x{n}" for n in range(19, 30)), *(f"v{n}" for n in range(8, 16))),
    stack_pointer="sp",
    link_register="x30",
    entry_sp=0,
    dwarf=ISAS["aarch64"].registers,
    # without x8: no result is returned in memory that the caller's machine stack holds (passes/byval.py)
    arguments=(*(f"x{n}" for n in range(8)), *(f"v{n}" for n in range(8))),
    results=("x0", "x1", "v0", "v1"),
    undefined_at_entry=frozenset(f"x{n}" for n in range(9, 19)),
    page_rounding=0,
    decode=_decode,
    jump_targets=jump_targets,
    linked_targets=linked_targets,
)
