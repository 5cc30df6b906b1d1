"""What belongs to one target goes, or is refused with file and line (design 4.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from popcc.errors import ErrorGroup, PlacedError, PopccError
from popcc.ir.calls import Call, parse_call
from popcc.ir.model import Function, Inst, Module
from popcc.ir.text import split_list, take_type
from popcc.passes.base import DebugLines
from popcc.passes.sizes import TypeSizes

_TARGET_WORDS = re.compile(
    r' ?"(?:target-cpu|target-features|tune-cpu|min-legal-vector-width|stack-protector-buffer-size|frame-pointer|'
    r'probe-stack|stack-probe-size|no-jump-tables|prefer-vector-width)"(?:="[^"]*")?'
)
_OF_ONE_TARGET = re.compile(r"@llvm\.(x86|aarch64|arm|riscv|ppc|mips|s390)\.")
_REGISTER = re.compile(r"@llvm\.(?:read|write)_(?:volatile_)?register\.")
_AGGREGATE = re.compile(r"<?\{(.*)\}>?")
_ARRAY = re.compile(r"\[(\d+) x (.*)\]")
_FLOATING = re.compile(r"<|half|float|double|bfloat")
_EMPTY_TEMPLATE = re.compile(r'asm (?:\w+ )*""')


class TargetWords:
    """The pass. Empty inline assembly (compiler barriers) stays; anything else of one ISA is an error."""

    name: str = "target words"

    def apply(self, module: Module) -> Module:
        """Drops target attributes. Raises `ErrorGroup` naming every use of inline assembly or intrinsics of an ISA."""
        lines = DebugLines(module)
        sizes = TypeSizes(module)
        errors: list[PopccError] = []
        items: list[str | Function] = []
        for item in module.items:
            if isinstance(item, Function):
                for inst in item.insts():
                    if inst.opcode in ("call", "callbr") and (error := _refused(inst, item.name, lines)):
                        errors.append(error)
                    type_ = take_type(inst.rhs.removeprefix("ret "))[0] if inst.opcode == "ret" else "void"
                    if type_ != "void" and not _fits_two_registers(type_, sizes):
                        errors.append(_too_large(type_, inst, item.name, lines))
                items.append(item)
            elif item.startswith("module asm "):
                errors.append(PopccError(f"{module.source()}: assembly outside a function; popcc needs C for all ISAs"))
            elif item.startswith("attributes #"):
                items.append(_TARGET_WORDS.sub("", item))
            else:
                items.append(item)
        if errors:
            raise ErrorGroup(errors)
        return module.with_items(items)


def _refused(inst: Inst, function: str, lines: DebugLines) -> PopccError | None:
    if inst.opcode == "callbr":
        what = "asm goto"
    elif " asm " in inst.rhs and not _EMPTY_TEMPLATE.search(inst.rhs):
        what = "inline assembly " + _template(parse_call(inst))
    elif m := _OF_ONE_TARGET.search(inst.rhs):
        what = f"an intrinsic of one ISA ({inst.rhs[m.start() :].split('(')[0]})"
    elif "@llvm.eh.sjlj." in inst.rhs:
        what = "__builtin_setjmp or __builtin_longjmp, unlike setjmp and longjmp,"
    elif _REGISTER.search(inst.rhs):
        what = "a variable in a register of one ISA"
    else:
        return None
    return PlacedError(
        lines.place_of(inst, function),
        f"{what} can't run on every ISA; use portable C or leave it out under __popcorn__",
    )


def _fits_two_registers(type_: str, sizes: TypeSizes) -> bool:
    """What a return may leave in registers on any ISA, as maps take it: two general ones and two of 16 bytes.

    C returns all else through memory.
    """
    parts = list(_parts(type_))
    wide = [p for p in parts if _FLOATING.match(p)]
    return (
        not any(p.startswith("%") for p in parts)  # clang names no type of a result that registers hold
        and sum(-(-sizes.size(p) // 16) for p in wide) <= 2
        and sum(-(-sizes.size(p) // 8) for p in parts if p not in wide) <= 2
        and all(sizes.size(p) in (8, 16, 32) for p in wide if p.startswith("<"))
    )


def _parts(type_: str) -> Iterator[str]:
    """The scalars and vectors that make a type."""
    if m := _AGGREGATE.fullmatch(type_):
        for part in split_list(m.group(1)):
            yield from _parts(part.strip())
    elif m := _ARRAY.fullmatch(type_):
        for part in _parts(m.group(2)):
            yield from (part for _ in range(int(m.group(1))))
    else:
        yield type_


def _too_large(type_: str, inst: Inst, function: str, lines: DebugLines) -> PopccError:
    return PlacedError(
        lines.place_of(inst, function),
        f"returns {type_}, more than two registers hold; return it through a pointer",
    )


def _template(call: Call) -> str:
    return '"' + call.callee.split('"')[1] + '"'
