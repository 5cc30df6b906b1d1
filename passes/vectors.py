"""Elements of vectors at an index that only the run knows go through the common stack.

Code generation would put the vector on the machine stack and index it there, which no site's map can describe (law 3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from popcc.ir.model import Function, Inst, Module
from popcc.ir.text import split_list
from popcc.passes.callgraph import call_graph

_VECTOR = re.compile(r"<(\d+) x (i8|i16|i32|i64|ptr|half|float|double)>")  # of whole bytes, as in memory
_OPCODES = ("extractelement", "insertelement")


@dataclass(frozen=True)
class VectorElements:
    """The pass."""

    name: str = "vector elements"

    def apply(self, module: Module) -> Module:
        """Rewrites extractelement and insertelement in functions with sites."""
        calls = call_graph(module)
        for function in module.functions():
            if function.name not in calls.site_free:
                _function(function)
        return module


def _function(function: Function) -> None:
    slots: dict[str, str] = {}
    count = 0
    for block in function.blocks:
        out: list[Inst] = []
        for inst in block.insts:
            if inst.opcode in _OPCODES and (lines := _through_memory(inst, slots, f"%popcorn.element.{count}")):
                out += map(Inst, lines)
                count += 1
            else:
                out.append(inst)
        block.insts = out
    function.blocks[0].insts[:0] = [Inst(f"  {name} = alloca {type_}, align 16") for type_, name in slots.items()]


def _through_memory(inst: Inst, slots: dict[str, str], stem: str) -> list[str]:
    """What computes the same; [] for a constant index."""
    vector, *element, index = split_list(inst.rhs[len(inst.opcode) + 1 :])[: 2 + (inst.opcode == _OPCODES[1])]
    index_type, number = index.split()
    m = _VECTOR.match(vector)
    if m is None or not number.startswith("%"):
        return []
    slot = slots.setdefault(m.group(), f"%popcorn.vector.{len(slots)}")
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
