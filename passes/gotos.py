"""Computed gotos become switches.

The address of a label is an address inside a function, which differs between ISAs, yet C may store it
anywhere (laws 2 and 3). So the labels of a function are numbered from 1, ``blockaddress`` becomes the number,
and ``indirectbr`` a switch over it. Differences of labels work as well, being differences of numbers.
"""

from __future__ import annotations

import re

from popcc.ir.model import UNOPTIMISED, Block, Function, Inst, Module
from popcc.ir.text import GLOBAL, NAME

_ADDRESS = re.compile(rf"blockaddress\(({GLOBAL}), ({NAME})\)")
_NUMBERED_LABEL = re.compile(r"^%\d+$")
_LABEL = re.compile(rf"label ({NAME})")
_UNREACHABLE = "popcorn.nolabel"


class ComputedGotos:
    """The pass."""

    name: str = "computed gotos"

    def apply(self, module: Module) -> Module:
        """Rewrites all label addresses and indirect branches."""
        numbers: dict[tuple[str, str], int] = {}
        counts: dict[str, int] = {}

        def number(m: re.Match[str]) -> str:
            function, label = m.group(1), m.group(2)
            if _NUMBERED_LABEL.match(label):
                label = f"%{UNOPTIMISED}{label[1:]}"
            if (function, label) not in numbers:
                counts[function] = counts.get(function, 0) + 1
                numbers[function, label] = counts[function]
            return f"inttoptr (i64 {numbers[function, label]} to ptr)"

        if not any("blockaddress(" in line for line in _all_lines(module)):
            return module
        items: list[str | Function] = []
        for item in module.items:
            if isinstance(item, Function):
                for block in item.blocks:
                    block.insts = [
                        Inst(_ADDRESS.sub(number, i.text)) if "blockaddress(" in i.text else i for i in block.insts
                    ]
                items.append(item)
            else:
                items.append(_ADDRESS.sub(number, item) if "blockaddress(" in item else item)
        return module.with_items(_switches(i, numbers) if isinstance(i, Function) else i for i in items)


def _all_lines(module: Module) -> list[str]:
    return [i.text for f in module.functions() for i in f.insts()] + list(module.lines())


def _switches(function: Function, numbers: dict[tuple[str, str], int]) -> Function:
    me = "@" + function.name
    blocks: list[Block] = []
    replaced = False
    for block in function.blocks:
        last = block.insts[-1]
        if last.opcode == "indirectbr":
            replaced = True
            value = last.rhs.split("ptr ", 1)[1].split(",", 1)[0]
            cases = " ".join(
                f"i64 {numbers[me, label]}, label {label}"
                for label in dict.fromkeys(_LABEL.findall(last.rhs))
                if (me, label) in numbers
            )
            metadata = last.rhs[last.rhs.index("]") + 1 :]
            index = f"%popcorn.label.{len(blocks)}"
            block.insts[-1:] = [
                Inst(f"  {index} = ptrtoint ptr {value} to i64"),
                Inst(f"  switch i64 {index}, label %{_UNREACHABLE} [ {cases} ]{metadata}"),
            ]
        blocks.append(block)
    if replaced:
        blocks.append(Block(_UNREACHABLE, [Inst("  unreachable")]))
    return Function(function.header, blocks)
