"""Variable arguments become an ordinary pointer argument (design 4.1).

A variadic call stores its variable arguments in an area on its own stack: 8-byte slots, 16-aligned where
the type asks, the overflow area of System V psABI x86_64 section 3.5.7. The area's address is one more
argument, and no function type is variadic any more, so that every ISA passes arguments alike. ``va_start``
fills in a va_list whose register areas are used up, which sends clang's x86_64 ``va_arg`` to the area.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from popcc.errors import Place, PlacedError
from popcc.ir.calls import Argument, Call, parse_call
from popcc.ir.model import Function, Inst, Module, header_span
from popcc.ir.text import closing
from popcc.passes.base import DebugLines, with_declarations
from popcc.passes.sizes import TypeSizes

_AREA_PARAMETER = "%popcorn.va"
_AREA = "%popcorn.area"
_MINIMUM_AREA = 64  # musl's fcntl, ioctl and syscall read arguments that were not passed
_NARROW = ("i1", "i8", "i16", "i32")
_GP_USED_UP, _FP_USED_UP = 48, 176
_MEMCPY = "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"
_FIRST_FIELD = re.compile(r"getelementptr inbounds (?:nuw )?\{ i64, i64 \}, ptr (%[^ ,]+), i32 0, i32 0\b")
_LOAD_I64 = re.compile(r"load i64, ptr (%[^ ,]+),")
_OBSOLETE = re.compile(r"declare .*@llvm\.va_(start|end|copy)")


class VarArgs:
    """The pass."""

    name: str = "varargs"

    def apply(self, module: Module) -> Module:
        """Rewrites definitions, declarations, calls and va_* intrinsics."""
        sizes = TypeSizes(module)
        lines = DebugLines(module)
        items: list[str | Function] = []
        for item in module.items:
            if isinstance(item, Function):
                items.append(_function(item, sizes, lines))
            elif item.startswith("declare ") and "...)" in item:
                items.append(_header(item, ""))
            elif not _OBSOLETE.match(item):
                items.append(item)
        return with_declarations(module.with_items(items), [_MEMCPY])


def _header(header: str, parameter: str) -> str:
    """A variadic header with the area's pointer in place of ``...``; an unprototyped one loses its ``...``."""
    begin, end = header_span(header)
    parameters = header[begin + 1 : end]
    if not parameters.endswith("..."):
        return header
    fixed = parameters[:-3]
    area = f"ptr {parameter}".rstrip() if fixed else ""
    return header[: begin + 1] + fixed + area + header[end:]


def _function(function: Function, sizes: TypeSizes, lines: DebugLines) -> Function:
    biggest = 0
    fresh = itertools.count()
    variadic = function.parameters()[1]
    halves = _first_halves(function)
    for block in function.blocks:
        out: list[Inst] = []
        for inst in block.insts:
            if inst.opcode != "call" or ("..." not in inst.rhs and "@llvm.va_" not in inst.rhs):
                out.append(inst)
                continue
            call = parse_call(inst)
            if call.callee.startswith("@llvm.va_"):
                out.extend(_intrinsic(call, next(fresh)))
            elif call.parameter_types == ("...",):
                types = tuple(a.type for a in call.arguments)
                out.append(call.but(parameter_types=types).inst())
            elif call.is_variadic:
                place = lines.place_of(inst, function.name)
                biggest = max(biggest, _pack(call, sizes, place, halves, fresh, out))
            else:
                out.append(inst)
        block.insts = out
    if biggest:
        size = max(_MINIMUM_AREA, (biggest + 15) & -16)
        function.blocks[0].insts.insert(0, Inst(f"  {_AREA} = alloca [{size} x i8], align 16"))
    header = _header(function.header, _AREA_PARAMETER) if variadic else function.header
    return Function(header, function.blocks)


def _intrinsic(call: Call, k: int) -> list[Inst]:
    list_ = call.arguments[0].value
    stem = f"%popcorn.va.{k}"
    if call.callee.startswith("@llvm.va_start"):
        text = f"""
  store i32 {_GP_USED_UP}, ptr {list_}, align 8
  {stem}.fp = getelementptr inbounds i8, ptr {list_}, i64 4
  store i32 {_FP_USED_UP}, ptr {stem}.fp, align 4
  {stem}.area = getelementptr inbounds i8, ptr {list_}, i64 8
  store ptr {_AREA_PARAMETER}, ptr {stem}.area, align 8
  {stem}.regs = getelementptr inbounds i8, ptr {list_}, i64 16
  store ptr null, ptr {stem}.regs, align 8"""
    elif call.callee.startswith("@llvm.va_copy"):
        source = call.arguments[1].value
        text = f"\n  call void @llvm.memcpy.p0.p0.i64(ptr align 8 {list_}, ptr align 8 {source}, i64 24, i1 false)"
    else:
        return []
    return [Inst(line) for line in text.split("\n")[1:]]


def _first_halves(function: Function) -> set[str]:
    """Values that are the low halves of 128-bit integers, which clang passes as two i64 but reads 16-aligned."""
    wide = {i.result for i in function.blocks[0].insts if i.rhs.startswith("alloca i128")}
    if not wide:
        return set()
    fields = {i.result for i in function.insts() if (m := _FIRST_FIELD.match(i.rhs)) and m.group(1) in wide}
    return {i.result for i in function.insts() if i.result and (m := _LOAD_I64.match(i.rhs)) and m.group(1) in fields}


def _pack(call: Call, sizes: TypeSizes, place: Place, halves: set[str], fresh: Iterator[int], out: list[Inst]) -> int:
    """Appends the stores into the area and the plain call to `out`; returns the bytes used."""
    assert call.parameter_types is not None
    fixed = len(call.parameter_types) - 1
    offset = 0
    for argument in call.arguments[fixed:]:
        byval, align = _byval(argument)
        size = sizes.size(byval or argument.type)
        if byval and align > 8:
            raise PlacedError(
                place,
                f"a structure aligned to {align} bytes is passed as a variable argument, where its alignment would be "
                "lost; pass its address",
            )
        if (size >= 16 and not byval) or argument.value in halves:
            offset = (offset + 15) & -16
        number = next(fresh)
        slot = f"%popcorn.slot.{number}"
        out.append(Inst(f"  {slot} = getelementptr inbounds i8, ptr {_AREA}, i64 {offset}"))
        if byval:
            out.append(
                Inst(
                    f"  call void @llvm.memcpy.p0.p0.i64(ptr align 8 {slot}, "
                    f"ptr align {min(align, 8)} {argument.value}, i64 {size}, i1 false)"
                )
            )
        elif argument.type in _NARROW:
            # callees read a long where an int was passed, the null at the end of execl's arguments first of all
            out.append(Inst(f"  %popcorn.word.{number} = zext {argument.type} {argument.value} to i64"))
            out.append(Inst(f"  store i64 %popcorn.word.{number}, ptr {slot}, align 8"))
        else:
            out.append(Inst(f"  store {argument.type} {argument.value}, ptr {slot}, align {16 if size >= 16 else 8}"))
        offset += (size + 7) & -8
    area = Argument("ptr", (), _AREA)
    plain = call.but(kind="", parameter_types=None, arguments=(*call.arguments[:fixed], area))
    out.append(plain.inst())
    return max(offset, 1)


def _byval(argument: Argument) -> tuple[str, int]:
    """(type, alignment) of an argument passed by value in memory, else ("", 0)."""
    type_, align = "", 8
    for a in argument.attributes:
        if a.startswith("byval("):
            type_ = a[6 : closing(a, 5)]
        elif a.startswith("align "):
            align = int(a[6:])
    return (type_, align) if type_ else ("", 0)
