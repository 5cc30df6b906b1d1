"""Which functions a module defines and calls with variable arguments.

On a processor of its own a variable argument travels like any other, and a call that doesn't know of the ``...`` works
more often than not. Ours travel in an area (`popcc.passes.varargs`), so the link compares both ends of every call.
"""

from __future__ import annotations

import re

from popcc.ir.calls import parse_call
from popcc.ir.model import Module, header_name, header_span
from popcc.ir.text import quote_free
from popcc.passes.base import DebugLines
from popcc.unit import Prototypes

_ALIAS = re.compile(r"(@\S+) = .*\balias [^@]*\.\.\.\),")


def prototypes(module: Module) -> Prototypes:
    """Of a module as the front end made it."""
    declared: dict[str, bool] = {}  # functions of other units with `...`: whether that is all
    for line in module.lines():
        if line.startswith("declare ") and "...)" in line and "@llvm." not in line:
            begin, end = header_span(line)
            declared[header_name(line)] = line[begin:end] == "(..."
    defined = [f.name for f in module.functions() if f.parameters()[1]]
    aliases = [quote_free(m.group(1)) for line in module.lines() if (m := _ALIAS.match(line))]
    variadic: dict[str, str] = {}
    without: dict[str, str] = {}
    lines = DebugLines(module)
    for function in module.functions() if declared else ():
        for inst in function.insts():
            if inst.opcode != "call" or "..." not in inst.rhs:
                continue
            call = parse_call(inst)
            name = quote_free(call.callee) if call.callee.startswith("@") else ""
            if name in declared and (call.arguments or not declared[name]):
                found = without if declared[name] else variadic
                found.setdefault(name, str(lines.place_of(inst, function.name)))
    return Prototypes((*defined, *aliases), variadic, without)
