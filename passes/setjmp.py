"""Calls of setjmp and its kin go to the runtime's (design 7).

``sigsetjmp(env, mask)`` saves the mask by a plain call first. The call keeps ``returns_twice``, which the
optimiser must know of.
"""

from __future__ import annotations

import re

from popcc.ir.calls import Argument, parse_call
from popcc.ir.model import Function, Inst, Module, header_name
from popcc.passes.base import with_declarations

_NAMES = ("setjmp", "_setjmp", "sigsetjmp", "__sigsetjmp")
_NEEDLE = re.compile(r"@(?:_?setjmp|(?:__)?sigsetjmp)\(")


class SetJmp:
    """The pass."""

    name: str = "setjmp"

    def apply(self, module: Module) -> Module:
        """Rewrites the calls. A definition of setjmp (musl's own) is none of its business."""
        if not any(_NEEDLE.search(i) for i in module.lines() if i.startswith("declare ")):
            return module
        items: list[str | Function] = []
        for item in module.items:
            if isinstance(item, Function):
                for block in item.blocks:
                    block.insts = [new for old in block.insts for new in _rewritten(old)]
                items.append(item)
            elif not (item.startswith("declare ") and header_name(item) in _NAMES):
                items.append(item)
        return with_declarations(
            module.with_items(items),
            [
                "declare i32 @__popcorn_setjmp(ptr) returns_twice nounwind",
                "declare void @__popcorn_sigsave(ptr, i32) nounwind",
            ],
        )


def _rewritten(inst: Inst) -> list[Inst]:
    if inst.opcode != "call" or not _NEEDLE.search(inst.rhs):
        return [inst]
    call = parse_call(inst)
    buffer = Argument("ptr", (), call.arguments[0].value)
    jump = call.but(kind="", callee="@__popcorn_setjmp", arguments=(buffer,), parameter_types=None).inst()
    if len(call.arguments) == 1:
        return [jump]
    save = f"  call void @__popcorn_sigsave(ptr {buffer.value}, i32 {call.arguments[1].value}){call.metadata}"
    return [Inst(save), jump]
