"""Vectors that code generation would put on the machine stack, where no site's map can describe them (law 3).

An element at an index that only the run knows is read and written in the common frame. In functions of the memory tier
vector constants are loaded from there, too: kept in a register across a site they would be spilled 16 bytes at a time,
and many instructions make them, for which there is no recipe.
"""

from __future__ import annotations

import itertools
import re

from msgspec import Struct

from popcc.ir.model import Function, Inst, Module
from popcc.ir.text import split_list
from popcc.passes.callgraph import CallGraph, call_graph

_TYPE = r"<(\d+) x (i8|i16|i32|i64|ptr|half|float|double)>"  # of whole bytes, as in memory
_VECTOR = re.compile(_TYPE)
_VALUE = r"(?:<[^<>]*>|splat \([^()]*\))"
_CONSTANT = re.compile(rf"({_TYPE}) (noundef |)({_VALUE})(?=,|\)|$)")
_OPERAND = re.compile(rf"({_TYPE}) [^,]+, ({_VALUE})(?=,|$)")
_SCALAR = re.compile(rf"(insertelement {_TYPE} [^,<]+, )(i8|i16|i32|i64|float|double) ((?!%|poison|undef)[^ ,]+),")
# a constant amount to shift by is cheap, one from memory dear; the second operand has its type in front of the first
_BINARY = frozenset("add sub mul udiv sdiv urem srem and or xor fadd fsub fmul fdiv frem icmp fcmp".split())
_KEPT = frozenset("phi shl lshr ashr shufflevector".split())
_ELEMENT = ("extractelement", "insertelement")


class Vectors(Struct, frozen=True):
    """The pass. `memory_tier` are the functions of the memory tier; `calls` the whole module's, if it gets a part."""

    memory_tier: frozenset[str] = frozenset()
    calls: CallGraph | None = None
    name: str = "vectors"

    def apply(self, module: Module) -> Module:
        """Rewrites functions with sites."""
        calls = self.calls or call_graph(module)
        for function in module.functions():
            if function.name not in calls.site_free:
                _elements(function)
                if function.name in self.memory_tier:
                    _constants(function)
        return module


def _elements(function: Function) -> None:
    slots: dict[str, str] = {}
    count = itertools.count()
    for block in function.blocks:
        out: list[Inst] = []
        for inst in block.insts:
            if inst.opcode in _ELEMENT and (lines := _through_memory(inst, slots, count)):
                out += map(Inst, lines)
            else:
                out.append(inst)
        block.insts = out
    function.blocks[0].insts[:0] = [Inst(f"  {name} = alloca {type_}, align 16") for type_, name in slots.items()]


def _through_memory(inst: Inst, slots: dict[str, str], count: itertools.count[int]) -> list[str]:
    """What computes the same; [] for a constant index."""
    vector, *element, index = split_list(inst.rhs[len(inst.opcode) + 1 :])[: 2 + (inst.opcode == _ELEMENT[1])]
    index_type, number = index.split()
    m = _VECTOR.match(vector)
    if m is None or not number.startswith("%"):
        return []
    slot = slots.setdefault(m.group(), f"%popcorn.vector.{len(slots)}")
    stem = f"%popcorn.element.{next(count)}"
    wide = number if index_type == "i64" else f"{stem}.wide"
    return [
        f"  store {vector}, ptr {slot}, align 16",
        *([] if wide == number else [f"  {wide} = zext {index_type} {number} to i64"]),
        # beyond the end there is no value to speak of, but neither may other memory be touched
        f"  {stem}.index = urem i64 {wide}, {m.group(1)}",
        f"  {stem}.place = getelementptr inbounds {m.group(2)}, ptr {slot}, i64 {stem}.index",
        *(
            [f"  store {element[0]}, ptr {stem}.place", f"  {inst.result} = load {m.group()}, ptr {slot}, align 16"]
            if element
            else [f"  {inst.result} = load {m.group(2)}, ptr {stem}.place"]
        ),
    ]


def _constants(function: Function) -> None:
    """Constants are stored at entry and loaded where they are used: what is in memory, calls may change."""
    slots: dict[tuple[str, str], str] = {}
    count = itertools.count()
    for block in function.blocks:
        out: list[Inst] = []
        for inst in block.insts:
            out.append(inst if inst.opcode in _KEPT else _loading(inst, slots, count, out))
        block.insts = out
    entry: list[str] = []
    for (type_, value), name in slots.items():
        entry += [f"  {name} = alloca {type_}, align 16", f"  store {type_} {value}, ptr {name}, align 16"]
    function.blocks[0].insts[:0] = map(Inst, entry)


def _loading(inst: Inst, slots: dict[tuple[str, str], str], count: itertools.count[int], out: list[Inst]) -> Inst:
    """The instruction with loaded values for constants. Appends the loads to `out`."""

    def load(type_: str, value: str) -> str:
        slot = slots.setdefault((type_, value), f"%popcorn.constant.{len(slots)}")
        name = f"%popcorn.loaded.{next(count)}"
        out.append(Inst(f"  {name} = load {type_}, ptr {slot}, align 16"))
        return name

    text = _CONSTANT.sub(lambda m: f"{m.group(1)} {m.group(4)}{load(m.group(1), m.group(5))}", inst.text)
    if inst.opcode == _ELEMENT[1]:  # a constant put into a vector is made to a vector as well
        text = _SCALAR.sub(lambda m: f"{m.group(1)}{m.group(4)} {load(m.group(4), m.group(5))},", text)
    if inst.opcode in _BINARY and (m := _OPERAND.search(text)):
        text = text[: m.start(4)] + load(m.group(1), m.group(4)) + text[m.end(4) :]
    return Inst(text) if text != inst.text else inst
