"""What the instructions of x86_64_common do, in the neutral form, as `_Decoding` of x86_64 has it of capstone's word.

Each takes the instruction that gets the effects, the operands' width, the first operand, the second, and the immediate:
an integer, or the expression that its relocation makes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from popcc.linker.machine.base import FLAGS, Expr, Insn, Mem

Place = str | Mem  # a register, or memory
Meaning = Callable[[Insn, int, Any, Any, Any], None]


def _source(operand: Any, width: int, value: Any) -> Expr:
    """The value of the second operand, or the immediate if there is none."""
    if operand is None:
        return ("c", value & ((1 << 8 * width) - 1)) if isinstance(value, int) else tuple(value)
    if isinstance(operand, str):
        return ("r", operand, width, "" if width == 8 else "z")
    return ("ld", operand, width, "z")


def mov(insn: Insn, width: int, to: Place, of: Place | None, value: Any) -> None:
    kind = "set" if isinstance(to, str) else "store"
    insn.effects.append((kind, to, width, _source(of, width, value)))


def extension(how: str, own: int) -> Meaning:
    """movzx ("z") or movsx ("s") of an operand of `own` bytes."""

    def extend(insn: Insn, width: int, to: str, of: Place, _: Any) -> None:
        narrow = how == "s" and width < 8  # sign extension to 32 bits is not one to 64
        if isinstance(of, str):
            value: Expr = ("op", ((of, own),), ()) if narrow else ("r", of, own, how)
        else:
            value = ("op", (), ((of, own),)) if narrow else ("ld", of, own, how)
        insn.effects.append(("set", to, width, value))

    return extend


def lea(insn: Insn, width: int, to: str, of: Mem, scale: int) -> None:
    base, index, disp, symbol = of
    value: Expr
    if width == 8 and index is None:
        value = ("lea", of)
    elif width == 8 and base and scale == 1 and not disp and not symbol:
        value = ("alu", "add", ("r", base, 8, ""), ("r", index, 8, ""))
    else:
        value = ("op", tuple((r, width) for r in (base, index) if r), ())
    insn.effects.append(("set", to, width, value))


def _reads(width: int, first: Place, second: Place | None = None) -> Expr:
    """Some function of the operands."""
    reads: list[tuple[str, int]] = []
    mems: tuple[tuple[Mem, int], ...] = ()
    for operand in (first, second):
        if isinstance(operand, str):
            reads.append((operand, width))
        elif operand is not None:
            mems = ((operand, width),)
            reads += [(r, 8) for r in operand[:2] if r]
    return ("op", tuple(dict.fromkeys(reads)), mems)


def _changes(insn: Insn, to: Place, width: int, value: Expr) -> None:
    """Sets the flags and the first operand."""
    flags = ("set", FLAGS, 8, value)
    if isinstance(to, str):
        insn.effects += (flags, ("set", to, width, value))
    else:
        insn.effects += (("store", to, width, value), flags)


def alu(insn: Insn, width: int, to: Place, of: Place | None, _: Any) -> None:
    _changes(insn, to, width, _reads(width, to, of))


def imul(insn: Insn, width: int, to: str, of: Place, _: Any) -> None:
    _changes(insn, to, width, _reads(width, of))


def shift_by_cl(insn: Insn, width: int, to: Place, _: Any, __: Any) -> None:
    _, reads, mems = _reads(width, to)
    _changes(insn, to, width, ("op", tuple(dict.fromkeys((("rcx", 1), *reads))), mems))


def xor(insn: Insn, width: int, to: Place, of: Place | None, _: Any) -> None:
    if to == of:
        insn.effects += (("set", to, width, ("c", 0)), ("set", FLAGS, 8, ("op", (), ())))
    else:
        alu(insn, width, to, of, None)


def _sum(insn: Insn, width: int, to: Place, of: Place | None, value: Any, name: str) -> None:
    """Of a whole register and a number or register what comes out is known."""
    if width == 8 and isinstance(to, str) and isinstance(of, str):
        result: Expr = ("alu", name, ("r", to, 8, ""), ("r", of, 8, ""))
        insn.effects += (("set", to, 8, result), ("set", FLAGS, 8, ("op", ((to, 8), (of, 8)), ())))
    elif width == 8 and isinstance(to, str) and of is None and isinstance(value, int):
        result = ("lea", (to, None, value if name == "add" else -value, None))
        insn.effects += (("set", to, 8, result), ("set", FLAGS, 8, ("op", ((to, 8),), ())))
    elif width >= 4 and not isinstance(to, str) and of is None and isinstance(value, int):
        _sum_in_memory(insn, width, to, value, name)
    else:
        alu(insn, width, to, of, None)


def _sum_in_memory(insn: Insn, width: int, to: Mem, value: int, name: str) -> None:
    """A number added to memory: a slot may hold a constant of which LLVM makes another there."""
    result = ("alu", name, ("ld", to, width, "z"), ("c", value & (1 << 8 * width) - 1))
    insn.effects += (("store", to, width, result), ("set", FLAGS, 8, _reads(width, to)))


def add(insn: Insn, width: int, to: Place, of: Place | None, value: Any) -> None:
    _sum(insn, width, to, of, value, "add")


def sub(insn: Insn, width: int, to: Place, of: Place | None, value: Any) -> None:
    if to == of:
        xor(insn, width, to, of, None)
    else:
        _sum(insn, width, to, of, value, "sub")


def neg(insn: Insn, width: int, to: Place, _: Any, __: Any) -> None:
    if width == 8 and isinstance(to, str):
        insn.effects += (
            ("set", to, 8, ("alu", "sub", ("c", 0), ("r", to, 8, ""))),
            ("set", FLAGS, 8, ("op", ((to, 8),), ())),
        )
    else:
        alu(insn, width, to, None, None)


def compare(insn: Insn, width: int, first: Place, second: Place | None, _: Any) -> None:
    insn.effects.append(("set", FLAGS, 8, _reads(width, first, second)))


def push(insn: Insn, _: int, of: Place, __: Any, ___: Any) -> None:
    below = ("rsp", None, -8, None)
    insn.effects += (("store", below, 8, _source(of, 8, None)), ("set", "rsp", 8, ("lea", below)))


def pop(insn: Insn, _: int, to: str, __: Any, ___: Any) -> None:
    insn.effects += (
        ("set", to, 8, ("ld", ("rsp", None, 0, None), 8, "")),
        ("set", "rsp", 8, ("lea", ("rsp", None, 8, None))),
    )


def call(insn: Insn, _: int, to: Place, __: Any, ___: Any) -> None:
    insn.kind = "call"
    insn.reads += [(r, 8) for r in ((to,) if isinstance(to, str) else to[:2]) if r]


def ret(insn: Insn, *_: Any) -> None:
    insn.kind = "ret"


def nop(*_: Any) -> None:
    pass
