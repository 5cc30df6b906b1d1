"""By-value aggregates become a copy made by the caller and passed by pointer (design 4.2).

``sret`` goes as well: the hidden pointer is an ordinary first argument on every ISA.
"""

from __future__ import annotations

import re

from popcc.ir.calls import Argument, parse_call
from popcc.ir.model import Function, Inst, Module, header_span
from popcc.ir.text import closing
from popcc.passes.base import with_declarations
from popcc.passes.sizes import TypeSizes

_MEMCPY = "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"
_BY_MEMORY = re.compile(r" (?:byval|sret)\(")


class ByVal:
    """The pass."""

    name: str = "by-value"

    def apply(self, module: Module) -> Module:
        """Rewrites headers and calls."""
        sizes = TypeSizes(module)
        items: list[str | Function] = []
        for item in module.items:
            if isinstance(item, Function):
                items.append(_function(item, sizes))
            elif item.startswith("declare ") and _BY_MEMORY.search(item):
                items.append(_plain_header(item))
            else:
                items.append(item)
        return with_declarations(module.with_items(items), [_MEMCPY])


def _plain_header(header: str) -> str:
    begin, end = header_span(header)
    return header[:begin] + _without(header[begin:end], ("byval", "sret")) + header[end:]


def _without(text: str, names: tuple[str, ...]) -> str:
    """`text` without the type attributes called `names`, whatever their bracketed types."""
    while m := re.search(rf" (?:{'|'.join(names)})\(", text):
        text = text[: m.start()] + text[closing(text, m.end() - 1) + 1 :]
    return text


def _function(function: Function, sizes: TypeSizes) -> Function:
    allocas: list[Inst] = []
    for block in function.blocks:
        out: list[Inst] = []
        for inst in block.insts:
            if inst.opcode != "call" or not _BY_MEMORY.search(inst.rhs):
                out.append(inst)
                continue
            call = parse_call(inst)
            arguments = []
            for argument in call.arguments:
                attributes = tuple(a for a in argument.attributes if not a.startswith(("byval(", "sret(")))
                byval = next((a for a in argument.attributes if a.startswith("byval(")), None)
                value = argument.value
                if byval:
                    value = _copy(byval[6:-1], argument, sizes, len(allocas), allocas, out)
                arguments.append(Argument(argument.type, attributes, value))
            # a tail call may not pass the address of the caller's own stack
            kind = "" if allocas else call.kind
            out.append(call.but(kind=kind, arguments=tuple(arguments)).inst())
        block.insts = out
    function.blocks[0].insts[:0] = allocas
    header = _plain_header(function.header) if _BY_MEMORY.search(function.header) else function.header
    return Function(header, function.blocks)


def _copy(type_: str, argument: Argument, sizes: TypeSizes, k: int, allocas: list[Inst], out: list[Inst]) -> str:
    align = next((int(a[6:]) for a in argument.attributes if a.startswith("align ")), 8)
    name = f"%popcorn.byval.{k}"
    allocas.append(Inst(f"  {name} = alloca {type_}, align {align}"))
    out.append(
        Inst(
            f"  call void @llvm.memcpy.p0.p0.i64(ptr align {align} {name}, ptr align {align} {argument.value}, "
            f"i64 {sizes.size(type_)}, i1 false)"
        )
    )
    return name
