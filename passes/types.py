"""Result types of instructions, read off their text."""

from __future__ import annotations

import re

from popcc.ir.calls import parse_call
from popcc.ir.model import Function, Inst
from popcc.ir.text import split_list, take_type

_CASTS = frozenset(
    """trunc zext sext fptrunc fpext fptosi fptoui sitofp uitofp ptrtoint ptrtoaddr inttoptr bitcast
    addrspacecast""".split()
)
_OF_FIRST_OPERAND = frozenset(
    """add sub mul udiv sdiv urem srem shl lshr ashr and or xor fadd fsub fmul fdiv frem fneg freeze phi load
    insertelement insertvalue va_arg""".split()
)
_FLAGS = re.compile(
    r"(?:nuw|nsw|exact|disjoint|fast|nnan|ninf|nsz|arcp|contract|afn|reassoc|nneg|samesign|inbounds|nusw|volatile|"
    r"atomic|inrange\([^)]*\)) "
)


def skip_flags(s: str) -> str:
    """`s` without the flags an instruction's opcode may be followed by."""
    s = s.lstrip()
    while m := _FLAGS.match(s):
        s = s[m.end() :]
    return s


def result_type(inst: Inst) -> str:
    """The type of an instruction's result. Raises `ValueError` for an opcode that C can't lead to."""
    return inst.parsed(_result_type)


def _result_type(inst: Inst) -> str:
    op, rhs = inst.opcode, inst.rhs
    if op == "call":
        return parse_call(inst).ret
    if op == "getelementptr":
        return _gep_type(rhs)
    if op in _CASTS:
        return take_type(rhs.rsplit(" to ", 1)[1])[0]
    body = skip_flags(rhs[len(op) :])
    if op in _OF_FIRST_OPERAND:
        return take_type(body)[0]
    if op == "alloca":
        return "ptr"
    if op in ("icmp", "fcmp"):
        type_ = take_type(body.split(" ", 1)[1])[0]
        return _with_element(type_, "i1")
    if op == "select":
        return take_type(split_list(body)[1])[0]
    if op == "extractelement":
        return take_type(body)[0][1:-1].split(" x ", 1)[1]
    if op == "shufflevector":
        first, _, mask = split_list(body)[:3]
        count = take_type(mask)[0][1:].split(" x ", 1)[0]
        return f"<{count} x {take_type(first)[0][1:-1].split(' x ', 1)[1]}>"
    if op == "extractvalue":
        return _member(take_type(body)[0], split_list(body)[1:])
    if op == "cmpxchg":
        return f"{{ {take_type(split_list(body)[1])[0]}, i1 }}"
    if op == "atomicrmw":
        return take_type(split_list(body)[1])[0]
    raise ValueError(f"unknown instruction {inst.text!r}")


def _gep_type(rhs: str) -> str:
    for operand in split_list(skip_flags(rhs[len("getelementptr") :]))[1:]:
        if operand.startswith("!"):
            break
        type_ = take_type(operand)[0]
        if type_.startswith("<"):
            return f"<{type_[1:].split(' x ', 1)[0]} x ptr>"
    return "ptr"


def _with_element(type_: str, element: str) -> str:
    return f"<{type_[1:].split(' x ', 1)[0]} x {element}>" if type_.startswith("<") else element


def _member(type_: str, indices: list[str]) -> str:
    for index in indices:
        if not index.strip().isdigit():
            break  # metadata
        if type_.startswith("{"):
            type_ = split_list(type_[1:-1])[int(index)]
        elif type_.startswith("["):
            type_ = type_[1:-1].split(" x ", 1)[1]
        else:
            raise ValueError(f"member of a named type {type_}")
    return type_.strip()


def value_types(function: Function) -> dict[str, str]:
    """Types of all parameters and results of a function, in order of definition."""
    types = {p.name: p.type for p in function.parameters()[0] if p.name}
    for inst in function.insts():
        if inst.result:
            types[inst.result] = result_type(inst)
    return types
