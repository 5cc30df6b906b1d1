"""Moving SSA values to memory: a store where one is defined, a load where it is used."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from popcc.ir.model import Function, Inst
from popcc.ir.text import INCOMING, substitute


class Demotion(Struct, frozen=True):
    """How to get at values that no longer live in SSA."""

    values: frozenset[str]
    """Names whose definitions are stored and whose uses are loaded."""
    load: Callable[[str, list[Inst]], str]
    """``load(name, out)`` appends instructions to `out` and returns the name that holds the value there."""
    store: Callable[[str, list[Inst]], None]
    """``store(name, out)`` appends what keeps the value just defined."""


def demote(function: Function, d: Demotion) -> None:
    """Rewrites `function` in place.

    Phis stay: incoming values are loaded at the end of the incoming block, results stored behind the last
    phi. Parameters are the caller's affair.
    """
    at_end = _load_incoming(function, d)
    for block in function.blocks:
        out: list[Inst] = []
        waiting: list[Inst] = []
        for k, inst in enumerate(block.insts):
            if inst.opcode == "phi":
                out.append(inst)
                if inst.result in d.values:
                    d.store(inst.result, waiting)
                continue
            out.extend(waiting)
            waiting = []
            inst = _with_operands_loaded(inst, d, out)
            if k == len(block.insts) - 1:
                out.extend(at_end.get(block.name, ()))
            out.append(inst)
            if inst.result in d.values:
                d.store(inst.result, out)
        block.insts = out


def _load_incoming(function: Function, d: Demotion) -> dict[str, list[Inst]]:
    """Rewrites phis; returns what each block must load before it ends."""
    at_end: dict[str, list[Inst]] = {}
    loaded: dict[tuple[str, str], str] = {}

    def incoming(m: re.Match[str]) -> str:
        value, source = m.groups()
        if value not in d.values:
            return m.group()
        if (source, value) not in loaded:
            loaded[source, value] = d.load(value, at_end.setdefault(source, []))
        return f"[ {loaded[source, value]}, {source} ]"

    for block in function.blocks:
        block.insts = [
            inst.with_rhs(INCOMING.sub(incoming, inst.rhs)) if inst.opcode == "phi" else inst for inst in block.insts
        ]
    return at_end


def _with_operands_loaded(inst: Inst, d: Demotion, out: list[Inst]) -> Inst:
    names = {n: d.load(n, out) for n in dict.fromkeys(inst.names) if n in d.values}
    return inst.with_rhs(substitute(inst.rhs, names)) if names else inst
