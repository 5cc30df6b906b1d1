"""Thread-locals become ordinary objects addressed from the thread pointer (design 4.3).

Every ISA uses the x86_64 layout, the block just below the thread pointer, without linker support: the
variables lie in sections ``.ptls.*`` (a ``.tdata`` name would make LLVM set SHF_TLS), the linker gathers them
up to `__popcorn_tls_end`, and a variable is at thread pointer + (its address - `__popcorn_tls_end`).
"""

from __future__ import annotations

import re

from popcc.ir.calls import parse_call
from popcc.ir.model import Function, Inst, Module
from popcc.ir.text import GLOBAL, quote_free
from popcc.passes.base import with_declarations

TLS_END = "@__popcorn_tls_end = external dso_local global i8"
THREAD_POINTER = "declare ptr @llvm.thread.pointer.p0()"
# only words before the type are looked at, and behind the initialiser: its text may be anything
_THREAD_LOCAL = re.compile(rf"^({GLOBAL} = (?:[a-z_]+ )*?)thread_local(?:\([a-z]+\))? ((?:[a-z_]+ )*)")
_TAIL = re.compile(r"(?:, align \d+)?(?:, ![a-z]+ ![0-9]+)*$")


class ThreadLocals:
    """The pass."""

    name: str = "thread-locals"

    def apply(self, module: Module) -> Module:
        """Rewrites variables and their uses."""
        if not any(_THREAD_LOCAL.match(i) for i in module.lines()):
            return module
        items: list[str | Function] = []
        for item in module.items:
            if isinstance(item, Function):
                items.append(_function(item))
            elif _THREAD_LOCAL.match(item):
                items.append(_variable(item))
            elif "@llvm.threadlocal.address" not in item:
                items.append(item)
        return with_declarations(module.with_items(items), [TLS_END, THREAD_POINTER])


def _variable(line: str) -> str:
    m = _THREAD_LOCAL.match(line)
    assert m is not None
    words = m.group(1) + m.group(2)
    rest = line[m.end() :]
    if " external " in words or " extern_weak " in words:
        return words + rest
    tail = _TAIL.search(rest)
    assert tail is not None
    name = quote_free(words.split(" = ", 1)[0])
    return f'{words}{rest[: tail.start()]}, section ".ptls.{name}"{rest[tail.start() :]}'


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
