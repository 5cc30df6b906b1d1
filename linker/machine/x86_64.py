"""Decoding x86_64 machine code into the neutral form.

Peculiarities: writes of 32 bits clear the upper half, of 8 and 16 bits keep the rest; `xor r, r` reads nothing.
capstone 5 is wrong on these, as execution shows (testsuite/unit/test_machine_execution.py): it calls `setcc` to memory
a read, and rotations of memory too, the destinations of `cmov`, `bsf`, `bsr` and of conversions to scalar floats
write-only, `cdq` and its kin writers of their source, and leaves out the register that `test` compares memory with and
the carry that `rcl` and `rcr` shift in.
Relocation types: System V psABI x86_64, table 4.9.
"""

from __future__ import annotations

import re
from typing import Any

from capstone import x86 as cx

from popcc.isa import ISAS
from popcc.linker.machine.base import FLAGS, Code, Expr, Insn, Machine, Mem, Relocation, Undecodable, handlers
from popcc.linker.machine.engine import Raw
from popcc.linker.machine.x86_64_branches import OPENINGS, direct_branch
from popcc.linker.machine.x86_64_common import ENGINE, common, relocated
from popcc.linker.machine.x86_64_jumps import jump_targets, linked_targets
from popcc.linker.machine.x86_64_meanings import Meaning, add, neg, sub

_FULL: dict[str, tuple[str, int]] = {}
for _q, _d, _w, _b in [
    ("rax", "eax", "ax", "al"), ("rbx", "ebx", "bx", "bl"), ("rcx", "ecx", "cx", "cl"), ("rdx", "edx", "dx", "dl"),
    ("rsi", "esi", "si", "sil"), ("rdi", "edi", "di", "dil"), ("rbp", "ebp", "bp", "bpl"), ("rsp", "esp", "sp", "spl"),
    *((f"r{n}", f"r{n}d", f"r{n}w", f"r{n}b") for n in range(8, 16)),
]:  # fmt: skip
    _FULL.update({_q: (_q, 8), _d: (_q, 4), _w: (_q, 2), _b: (_q, 1)})
for _h, _q in (("ah", "rax"), ("bh", "rbx"), ("ch", "rcx"), ("dh", "rdx")):
    _FULL[_h] = (_q, 2)
for _n in range(16):
    _FULL[f"xmm{_n}"] = (f"xmm{_n}", 16)
    _FULL[f"ymm{_n}"] = (f"xmm{_n}", 16)
_FULL["rflags"] = (FLAGS, 1)
_FULL["eflags"] = (FLAGS, 1)
_HIGH = frozenset(("ah", "bh", "ch", "dh"))

# memory at fs: counts as an object of its own; its first word is the thread pointer itself
_THREAD_BLOCK = ("abs", "fs:", 0)

_VECTOR_MOVES = {
    "movss": 4, "movsd": 8, "movaps": 16, "movups": 16, "movapd": 16, "movupd": 16, "movdqa": 16, "movdqu": 16,
    "movq": 8, "movd": 4, "movlps": 8, "movlpd": 8,
}  # fmt: skip
_ZEROING = frozenset(("xor", "sub", "xorps", "xorpd", "pxor"))
_MERGING = ("cmov", "bsf", "bsr", "cvtsi2s", "cvtss2sd", "cvtsd2ss", "sqrts")  # what these don't write they keep
_SIGN_WORDS = {"cwd": ("rax", "rdx", 2), "cdq": ("rax", "rdx", 4), "cqo": ("rax", "rdx", 8)}
_COMPARE = frozenset(("cmp", "test", "ucomisd", "ucomiss", "comisd", "comiss", "bt"))
_ROTATIONS = frozenset(("rol", "ror", "rcl", "rcr"))
_STRINGS = re.compile(r"\b(movs|stos|lods)[bwdq]$")
_TRAPS = frozenset(("ud2", "hlt", "int3"))
# kinds of instructions that may mean the same wherever they stand; by bytes, such (none is the beginning of another)
_ANYWHERE = frozenset(("", "ret", "trap", "call"))
_known: dict[bytes, Insn] = {}
# by the first bytes, their sizes: REX, opcode and ModRM tell it, as a rule
_OPENING = 3
_sizes: dict[bytes, tuple[int, ...]] = {}


def _decode(code: Code) -> list[Insn]:
    out: list[Insn] = []
    data, at = code.data, 0
    relocated_at = [*sorted(code.relocations), code.address + len(data)]
    following = 0  # index of the first relocation that is not behind us
    while at < len(data):
        address = code.address + at
        while relocated_at[following] < address:
            following += 1
        insn = direct_branch(code, at) if data[at] in OPENINGS else None
        if insn is None:
            room = relocated_at[following] - address
            for size in _sizes.get(data[at : at + _OPENING], ()):
                if size <= room and (known := _known.get(data[at : at + size])):
                    insn = known.moved(address)
                    break
            else:
                insn = common(code, at) or by_capstone(code, at)
                size = insn.end - address
                if size <= room and not insn.relative and insn.kind in _ANYWHERE:
                    insn = _remember(data[at : at + max(size, _OPENING)], size, insn)
        out.append(insn)
        at = insn.end - code.address
    return out


def _remember(data: bytes, size: int, insn: Insn) -> Insn:
    """Makes it the model of its equals, unless one of them is."""
    opening = data[:_OPENING]
    _sizes[opening] = (*_sizes.get(opening, ()), size)
    model = _known.setdefault(data[:size], insn)
    return insn if model is insn else model.moved(insn.address)


def by_capstone(code: Code, at: int) -> Insn:
    """The instruction at an offset of the code, which is no direct jump or call. Raises `Undecodable`."""
    raw = ENGINE.decode(code.data, at, code.address + at)
    if raw is None:
        raise Undecodable(f"bytes {code.data[at : at + 8].hex(' ')} at {code.section}+{at:#x}")
    return _Decoding(raw, code).run()


class _Decoding:
    """The decoding of one instruction."""

    def __init__(self, raw: Raw, code: Code) -> None:
        self.raw = raw
        self.code = code
        self.insn = Insn(raw.address, raw.address + raw.size, raw.text())
        self.insn.relative = "rip" in raw.op_str
        self.ops = raw.operands
        self.immediate: tuple[str, int] | None = None
        self.displacement: tuple[str, str, int] | None = None
        for at in range(raw.address, raw.address + raw.size):
            for r in code.relocations.get(at, ()):
                self._relocation(r, at)

    def _relocation(self, r: Relocation, at: int) -> None:
        kind, symbol, addend = relocated(r, at, self.insn.end)
        if self.raw.arch.encoding.imm_offset and at == self.raw.address + self.raw.arch.encoding.imm_offset:
            self.immediate = (symbol, addend)
        else:
            self.displacement = (kind, symbol, addend)

    def _reg(self, op: Any) -> tuple[str, int]:
        name = self.raw.reg_name(op.reg)
        if name not in _FULL:
            raise Undecodable(f"{self.insn.text}: register {name}")
        return _FULL[name]

    def _mem(self, op: Any) -> Mem:
        def name(reg: int) -> str | None:
            text = self.raw.reg_name(reg) if reg else ""
            return _FULL[text][0] if text in _FULL else None  # rip counts as none: its relocation names the symbol

        symbol = self.displacement
        if op.mem.segment and symbol is None:
            symbol = _THREAD_BLOCK
        disp = op.mem.disp + (self.insn.end if op.mem.base == cx.X86_REG_RIP else 0)
        return name(op.mem.base), name(op.mem.index), 0 if self.displacement else disp, symbol

    def _source(self, op: Any, width: int) -> Expr:
        """An operand's value as `width` bytes."""
        if op.type == cx.X86_OP_IMM:
            if self.immediate:
                return ("sym", *self.immediate)
            return ("c", op.imm & ((1 << 8 * width) - 1))
        if op.type == cx.X86_OP_MEM:
            return ("ld", self._mem(op), op.size, "z")
        reg, own = self._reg(op)
        if self.raw.reg_name(op.reg) in _HIGH:
            return ("op", ((reg, 2),), ())
        return ("r", reg, min(width, own), "" if min(width, own) == 8 else "z")

    def run(self) -> Insn:
        m = self.raw.mnemonic
        handler = _HANDLERS.get(m)
        if m in _ZEROING and self._same_registers():
            reg, width = self._reg(self.ops[0])
            self.insn.effects.append(("set", reg, width, ("c", 0)))
            if m in ("xor", "sub"):
                self._flags_from(())
        elif handler:
            handler(self)
        elif m in _TRAPS:
            self.insn.kind = "trap"
        elif m in ("nop", "endbr64", "pause", "lfence", "mfence", "sfence") or m.startswith("nop"):
            pass
        elif m in _SIGN_WORDS:
            source, reg, width = _SIGN_WORDS[m]
            self.insn.effects.append(("set", reg, width, ("op", ((source, width),), ())))
        elif m in _VECTOR_MOVES and len(self.ops) == 2 and self._vector_move(_VECTOR_MOVES[m]):
            pass
        else:
            self._generic()
        return self.insn

    def _same_registers(self) -> bool:
        a, b = self.ops[0], self.ops[1]
        return len(self.ops) == 2 and a.type == b.type == cx.X86_OP_REG and a.reg == b.reg

    def _flags_from(self, reads: tuple[tuple[str, int], ...]) -> None:
        self.insn.effects.append(("set", FLAGS, 8, ("op", reads, ())))

    def _do_call(self) -> None:
        self.insn.kind = "call"
        op = self.ops[0]
        self.insn.relative |= op.type == cx.X86_OP_IMM  # with a prefix that no compiler puts there
        if op.type == cx.X86_OP_REG:
            self.insn.reads.append(self._reg(op))
        elif op.type == cx.X86_OP_MEM:
            base, index, _, _ = self._mem(op)
            self.insn.reads += [(r, 8) for r in (base, index) if r]

    def _do_ret(self) -> None:
        self.insn.kind = "ret"

    def _do_jmp(self) -> None:
        op = self.ops[0]
        if op.type == cx.X86_OP_IMM:  # with a prefix that no compiler puts there
            raise Undecodable(f"{self.insn.text}: where control goes from here is not known")
        self.insn.kind = "indirect"
        regs = [self._reg(op)[0]] if op.type == cx.X86_OP_REG else list(self._mem(op)[:2])
        self.insn.reads += [(r, 8) for r in regs if r]

    def _do_push(self) -> None:
        source = self._source(self.ops[0], 8)
        if source[0] == "c" and self.ops[0].imm < 0:
            source = ("c", self.ops[0].imm & (1 << 64) - 1)
        self.insn.effects += [
            ("store", ("rsp", None, -8, None), 8, source),
            ("set", "rsp", 8, ("lea", ("rsp", None, -8, None))),
        ]

    def _do_pop(self) -> None:
        self.insn.effects += [
            ("set", self._reg(self.ops[0])[0], 8, ("ld", ("rsp", None, 0, None), 8, "")),
            ("set", "rsp", 8, ("lea", ("rsp", None, 8, None))),
        ]

    def _do_lea(self) -> None:
        reg, width = self._reg(self.ops[0])
        mem = self._mem(self.ops[1])
        if mem[1] is None and width == 8:
            self.insn.effects.append(("set", reg, 8, ("lea", mem)))
        elif width == 8 and all(mem[:2]) and not any(mem[2:]) and self.ops[1].mem.scale == 1:  # a sum
            self.insn.effects.append(("set", reg, 8, ("alu", "add", *(("r", r, 8, "") for r in mem[:2]))))
        else:
            reads = tuple((r, width) for r in mem[:2] if r)
            self.insn.effects.append(("set", reg, width, ("op", reads, ())))

    def _do_mov(self) -> None:
        dst, src = self.ops
        if dst.type == cx.X86_OP_MEM:
            self.insn.effects.append(("store", self._mem(dst), dst.size, self._source(src, dst.size)))
            return
        reg, width = self._reg(dst)
        if (
            src.type == cx.X86_OP_MEM
            and src.mem.segment
            and self._mem(src) == (None, None, 0, _THREAD_BLOCK)
            and width == 8
        ):
            self.insn.effects.append(("set", reg, 8, ("tp",)))
        elif self.raw.reg_name(dst.reg) in _HIGH:
            self._generic()
        else:
            self.insn.effects.append(("set", reg, width, self._source(src, width)))

    def _extension(self, extend: str) -> None:
        dst, src = self.ops
        reg, width = self._reg(dst)
        if src.type == cx.X86_OP_MEM:
            value: Expr = ("ld", self._mem(src), src.size, extend)
        elif self.raw.reg_name(src.reg) in _HIGH:
            value = ("op", ((self._reg(src)[0], 2),), ())
        else:
            source, own = self._reg(src)
            # sign extension to 32 bits is not one to 64
            value = ("r", source, own, extend) if extend == "z" or width == 8 else ("op", ((source, own),), ())
        if extend == "s" and width < 8 and value[0] == "ld":
            value = ("op", (), ((value[1], value[2]),))
        self.insn.effects.append(("set", reg, width, value))

    def _do_movzx(self) -> None:
        self._extension("z")

    def _do_movsx(self) -> None:
        self._extension("s")

    def _adjust(self, meaning: Meaning) -> None:
        dst, src = self.ops[0], self.ops[1] if len(self.ops) > 1 else None
        amount = 1 if src is None else src.imm if src.type == cx.X86_OP_IMM and not self.immediate else None
        whole = dst.type == cx.X86_OP_REG and self._reg(dst)[1] == 8
        if dst.type == cx.X86_OP_MEM and amount is not None:
            meaning(self.insn, dst.size, self._mem(dst), None, amount)
        elif whole and amount is not None:
            meaning(self.insn, 8, self._reg(dst)[0], None, amount)
        elif whole and src is not None and src.type == cx.X86_OP_REG:
            meaning(self.insn, 8, self._reg(dst)[0], self._reg(src)[0], None)
        else:
            self._generic()

    def _do_add(self) -> None:
        self._adjust(add)

    def _do_sub(self) -> None:
        self._adjust(sub)

    def _do_neg(self) -> None:
        if self.ops[0].type == cx.X86_OP_REG and self._reg(self.ops[0])[1] == 8:
            neg(self.insn, 8, self._reg(self.ops[0])[0], None, None)
        else:
            self._generic()

    def _vector_move(self, size: int) -> bool:
        dst, src = self.ops
        if dst.type == cx.X86_OP_MEM:
            if src.type != cx.X86_OP_REG:
                return False
            reg = self._reg(src)[0]
            self.insn.effects.append(("store", self._mem(dst), size, ("r", reg, size, "" if size >= 8 else "z")))
            return True
        if self.raw.mnemonic in ("movlps", "movlpd"):
            return False
        reg = self._reg(dst)[0]
        if src.type == cx.X86_OP_MEM:
            self.insn.effects.append(("set", reg, 16, ("ld", self._mem(src), size, "z")))
            return True
        if self.raw.mnemonic in ("movss", "movsd"):
            return False  # keeps the destination's upper part
        self.insn.effects.append(("set", reg, 16, ("r", self._reg(src)[0], size, "" if size >= 8 else "z")))
        return True

    def _generic(self) -> None:
        """Anything else, by capstone's word on what is read and written."""
        if self.raw.moves_control() or self.raw.mnemonic.startswith("loop"):
            raise Undecodable(f"{self.insn.text}: where control goes from here is not known")
        m = self.raw.mnemonic
        read, written = self.raw.regs_access()
        names = [self.raw.reg_name(r) for r in read]
        reads = tuple(_FULL[n] for n in names if n in _FULL)
        writes = [self.raw.reg_name(r) for r in written]
        if m.startswith(("cmov", "set", "rc")):
            reads += ((FLAGS, 1),)
        elif _STRINGS.search(m):  # they go by the direction flag, which is clear wherever C code runs
            reads = tuple(r for r in reads if r[0] != FLAGS)
        if m.startswith(_MERGING):
            reg, width = self._reg(self.ops[0])
            # of nothing `bsf` finds nothing and leaves all 8 bytes
            reads += ((reg, 8 if m.startswith("bs") else width),)
        mems: list[tuple[Mem, int]] = []
        stores: list[tuple[Mem, int]] = []
        for op in self.ops:
            if op.type != cx.X86_OP_MEM:
                continue
            access = 2 if m.startswith("set") else 3 if m in _ROTATIONS else (op.access or 3)
            mem = self._mem(op)
            reads += tuple((r, 8) for r in mem[:2] if r)
            if access & 1:
                mems.append((mem, op.size))
            if access & 2:
                stores.append((mem, op.size))
        if m in _COMPARE:
            reads += tuple(self._reg(op) for op in self.ops if op.type == cx.X86_OP_REG)
        if stores and not mems and not writes:  # what is stored does not depend on where
            operands = {self._reg(op)[0] for op in self.ops if op.type == cx.X86_OP_REG}
            address = {r for mem, _ in stores for r in mem[:2]} - operands
            reads = tuple(r for r in reads if r[0] not in address)
        value = ("op", tuple(dict.fromkeys(reads)), tuple(mems))
        if m in _COMPARE:
            self.insn.effects.append(("set", FLAGS, 8, value))
            return
        for mem, size in stores:
            self.insn.effects.append(("store", mem, size, value))
        for name in writes:
            if name not in _FULL:
                continue
            reg, width = _FULL[name]
            # a write of bits 8 to 15 counts as one of the low 16 that keeps the lowest 8
            result = ("op", (*value[1], (reg, 1)), value[2]) if name in _HIGH else value
            self.insn.effects.append(("set", reg, 8 if reg == FLAGS else width, result))
        if not self.insn.effects and not m.startswith(("prefetch", "rep", "cld", "wait", "emms")):
            self.insn.reads += reads


_HANDLERS = handlers(_Decoding, {"movabs": "mov", "movsxd": "movsx", "inc": "add", "dec": "sub"})

_REGISTERS = tuple(dict.fromkeys(full for full, _ in _FULL.values() if full != FLAGS))

X86_64_MACHINE = Machine(
    isa=ISAS["x86_64"],
    registers=_REGISTERS,
    vectors=frozenset(r for r in _REGISTERS if r.startswith("xmm")),
    callee_saved=("rbx", "rbp", "r12", "r13", "r14", "r15"),
    stack_pointer="rsp",
    link_register=None,
    entry_sp=-8,
    dwarf=ISAS["x86_64"].registers,
    # without rax and r10: no call is variadic (passes/varargs.py), and C has no nested functions
    arguments=("rdi", "rsi", "rdx", "rcx", "r8", "r9", *(f"xmm{n}" for n in range(8))),
    results=("rax", "rdx", "xmm0", "xmm1"),
    undefined_at_entry=frozenset(("rax", "r10", "r11")),
    page_rounding=0,
    decode=_decode,
    jump_targets=jump_targets,
    linked_targets=linked_targets,
)
