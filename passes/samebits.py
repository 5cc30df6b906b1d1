"""What each ISA would compute in its own way is spelled out (law 6).

``llvm.fmuladd`` (``#pragma STDC FP_CONTRACT ON``) and fast-math flags (``#pragma clang fp``) allow one rounding where
an ISA has an instruction for it; ``llvm.minnum`` and ``maxnum`` leave open which of two zeros they return. So products
and sums are two roundings everywhere, flags go, and fmin and fmax are libm's. Runs before the optimiser and again
behind it, since it makes such calls out of libm's.
"""

from __future__ import annotations

import re

from popcc.ir.calls import Call, parse_call
from popcc.ir.model import Function, Inst, Module
from popcc.passes.base import with_declarations

_FLAGGED = re.compile(
    r"((?:(?:tail|musttail|notail) )?(?:call|fadd|fsub|fmul|fdiv|frem|fneg|fcmp|fpext|fptrunc|select|phi)) "
    r"(?:(?:fast|nnan|ninf|nsz|arcp|contract|afn|reassoc) )+"
)
_ATTRIBUTES = re.compile(r' ?"(?:unsafe-fp-math|approx-func-fp-math|no-(?:infs|nans|signed-zeros)-fp-math)"="[^"]*"')
_LIBM = {
    "@llvm.minnum.f64": ("@fmin", "double"),
    "@llvm.maxnum.f64": ("@fmax", "double"),
    "@llvm.minnum.f32": ("@fminf", "float"),
    "@llvm.maxnum.f32": ("@fmaxf", "float"),
}


class SameBits:
    """The pass."""

    name: str = "same bits"

    def apply(self, module: Module) -> Module:
        """Rewrites instructions and attributes."""
        called: set[str] = set()
        items: list[str | Function] = []
        for item in module.items:
            if isinstance(item, Function):
                for block in item.blocks:
                    block.insts = [new for old in block.insts for new in _rewritten(old, called)]
                items.append(item)
            else:
                items.append(_ATTRIBUTES.sub("", item) if item.startswith("attributes #") else item)
        declarations = [f"declare {t} {name}({t}, {t}) nounwind" for name, t in _LIBM.values() if name in called]
        return with_declarations(module.with_items(items), declarations)


def _rewritten(inst: Inst, called: set[str]) -> list[Inst]:
    if _FLAGGED.match(inst.rhs):
        inst = inst.with_rhs(_FLAGGED.sub(r"\1 ", inst.rhs, count=1))
    if inst.opcode != "call" or "@llvm." not in inst.rhs:
        return [inst]
    if "@llvm.fmuladd." in inst.rhs:
        return _two_roundings(parse_call(inst))
    if "@llvm.minnum." in inst.rhs or "@llvm.maxnum." in inst.rhs:
        call = parse_call(inst)
        if call.callee in _LIBM:
            callee = _LIBM[call.callee][0]
            called.add(callee)
            return [call.but(callee=callee).inst()]
    return [inst]


def _two_roundings(call: Call) -> list[Inst]:
    assert call.result is not None
    a, b, c = (argument.value for argument in call.arguments)
    product = f'%"popcorn.product.{call.result[1:].strip(chr(34))}"'
    return [
        Inst(f"  {product} = fmul {call.ret} {a}, {b}{call.metadata}"),
        Inst(f"  {call.result} = fadd {call.ret} {product}, {c}{call.metadata}"),
    ]
