"""Builtins that look at the machine get an answer that is the same on every ISA, or none.

`__builtin_frame_address(0)` is an address in the common stack: it goes down as calls nest, and stays good over a move,
which is what measuring how deep the stack is wants. Callers' frames and return addresses lie in the machine stack:
null, as the compiler's manual lets them be, with a warning. Clearing the instruction cache does nothing: no code that
a program writes for itself could run on every ISA.
"""

from __future__ import annotations

import re

from msgspec import Struct

from popcc.errors import PlacedError
from popcc.ir.calls import parse_call
from popcc.ir.model import Function, Inst, Module
from popcc.passes.base import DebugLines, entry_allocas

_NEEDLE = re.compile(r"@llvm\.(frameaddress|returnaddress|clear_cache)[.(]")
_HERE = "%popcorn.here"


class Builtins(Struct, frozen=True):
    """The pass. `warnings` are added to, as `popcc: warning:` puts them."""

    warnings: list[str] = []
    name: str = "builtins"

    def apply(self, module: Module) -> Module:
        """Rewrites the calls."""
        if not any(_NEEDLE.search(i) for i in module.lines() if i.startswith("declare ")):
            return module
        lines = DebugLines(module)
        for function in module.functions():
            self._function(function, lines)
        return module

    def _function(self, function: Function, lines: DebugLines) -> None:
        here = False
        for block in function.blocks:
            out: list[Inst] = []
            for inst in block.insts:
                m = _NEEDLE.search(inst.rhs) if inst.opcode == "call" else None
                if m is None:
                    out.append(inst)
                elif m.group(1) == "frameaddress" and parse_call(inst).arguments[0].value == "0":
                    here = True
                    out.append(inst.with_rhs(f"getelementptr i8, ptr {_HERE}, i64 0"))
                elif m.group(1) != "clear_cache":
                    out.append(inst.with_rhs("freeze ptr null"))
                    what = "a caller's frame" if m.group(1) == "frameaddress" else "a return address"
                    warning = PlacedError(
                        lines.place_of(inst, function.name),
                        f"{what} lies in a stack of one ISA, which a program that migrates leaves; it is null here",
                    )
                    self.warnings.append(str(warning))
            block.insts = out
        if here:
            entry = function.blocks[0]
            entry.insts = entry_allocas(entry.insts, [f"  {_HERE} = alloca i8, align 16"])
