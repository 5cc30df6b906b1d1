"""Thread-locals become ordinary objects addressed from the thread pointer (design 4.3).

Every ISA uses the x86_64 layout, the block just below the thread pointer, without linker support: the
variables lie in sections ``.ptls.*`` (a ``.tdata`` name would make LLVM set SHF_TLS), the linker gathers them
up to `__popcorn_tls_end`, and a variable is at thread pointer + (its address - `__popcorn_tls_end`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from popcc.ir.calls import parse_call
from popcc.ir.model import Function, Inst, Module
from popcc.ir.text import quote_free
from popcc.passes.base import with_declarations

TLS_END = "@__popcorn_tls_end = external dso_local global i8"
THREAD_POINTER = "declare ptr @llvm.thread.pointer.p0()"
_THREAD_LOCAL = re.compile(r"thread_local(?:\([a-z]+\))? ")
_ALIGN = re.compile(r", align \d+")


@dataclass(frozen=True)
class ThreadLocals:
    """The pass."""

    name: str = "thread-locals"

    def apply(self, module: Module) -> Module:
        """Rewrites variables and their uses."""
        if not any(i.startswith("@") and "thread_local" in i for i in module.lines()):
            return module
        items: list[str | Function] = []
        for item in module.items:
            if isinstance(item, Function):
                items.append(_function(item))
            elif item.startswith("@") and _THREAD_LOCAL.search(item):
                items.append(_variable(item))
            elif "@llvm.threadlocal.address" not in item:
                items.append(item)
        return with_declarations(module.with_items(items), [TLS_END, THREAD_POINTER])


def _variable(line: str) -> str:
    name = quote_free(line.split(" = ", 1)[0])
    line = _THREAD_LOCAL.sub("", line, count=1)
    if " external " in line or " extern_weak " in line:
        return line
    section = f', section ".ptls.{name}"'
    m = _ALIGN.search(line)
    return line[: m.start()] + section + line[m.start() :] if m else line + section


def _function(function: Function) -> Function:
    for block in function.blocks:
        out: list[Inst] = []
        for inst in block.insts:
            if inst.opcode != "call" or "@llvm.threadlocal.address" not in inst.rhs:
                out.append(inst)
                continue
            call = parse_call(inst)
            assert call.result is not None
            variable = call.arguments[0].value
            pointer = f"%popcorn.tp.{quote_free(call.result)}"
            offset = f"sub (i64 ptrtoint (ptr {variable} to i64), i64 ptrtoint (ptr @__popcorn_tls_end to i64))"
            out.append(Inst(f"  {pointer} = call ptr @llvm.thread.pointer.p0()"))
            out.append(Inst(f"  {call.result} = getelementptr i8, ptr {pointer}, i64 {offset}"))
        block.insts = out
    return function
