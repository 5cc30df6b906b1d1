"""Vectors of more than 16 bytes come back through a hidden pointer, as aggregates of that size do.

Left to itself, code generation does so on an ISA with too few registers for them, and only there: a signature per ISA.
Its place would be on the caller's machine stack, whose address may not travel (law 3).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from msgspec import Struct

from popcc.ir.calls import Argument, parse_call
from popcc.ir.model import Function, Inst, Module, header_span
from popcc.ir.text import take_type
from popcc.passes.base import entry_allocas

_VECTOR = re.compile(r"<(\d+) x (i(\d+)|ptr|half|bfloat|float|double)>")
_BITS = {"ptr": 64, "half": 16, "bfloat": 16, "float": 32, "double": 64}
_MOST = 128
_RETURNED = re.compile(r"(<[^@<>]*>) (?=@)")
_OF_A_VALUE = re.compile(r" (?:noundef|nofpclass\([^()]*\))(?= )")
_GROUP = re.compile(r"attributes #(\d+) = \{ (.*) \}")
_GROUP_OF = re.compile(r" #(\d+)\b")
_MEMORY = re.compile(r"\bmemory\([^()]*\) ?")
_HIDDEN = "%popcorn.result"


class WideResults:
    """The pass."""

    name: str = "wide results"

    def apply(self, module: Module) -> Module:
        """Rewrites headers, calls and returns."""
        groups = {m.group(1): m.group(2) for line in module.lines() if (m := _GROUP.match(line))}
        fresh = itertools.count(1 + max(map(int, groups), default=0))
        pure = {number: str(next(fresh)) for number, words in groups.items() if _MEMORY.search(words)}
        rewriter = _Rewriter(pure)
        items: list[str | Function] = []
        for item in module.items:
            if isinstance(item, Function):
                items.append(rewriter.function(item))
            elif item.startswith("declare ") and "@llvm." not in item:
                items.append(rewriter.header(item, ""))
            else:
                items.append(item)
        items += [
            f"attributes #{new} = {{ {_MEMORY.sub('', groups[old])} }}"
            for old, new in pure.items()
            if old in rewriter.used
        ]
        return module.with_items(items)


def _is_wide(type_: str) -> bool:
    m = _VECTOR.fullmatch(type_)
    return m is not None and int(m.group(1)) * int(m.group(3) or _BITS[m.group(2)]) > _MOST


class _Rewriter(Struct, frozen=True):
    """`pure`: attribute groups that say what memory is left alone, and what they become where a result is written.

    `used` receives those that come into use.
    """

    pure: Mapping[str, str]
    used: set[str] = set()

    def header(self, text: str, hidden: str) -> str:
        """A definition's or declaration's first line; `hidden` is the new parameter's name, if it has one."""
        begin = header_span(text)[0]
        m = _RETURNED.search(text, 0, begin)
        if m is None or not _is_wide(m.group(1)):
            return text
        head = _OF_A_VALUE.sub("", text[: m.start()])
        parameter = " ".join(("ptr noalias noundef", hidden)).rstrip()
        separator = "" if text[begin + 1] == ")" else ", "
        rest = self._impure(text[begin + 1 :])
        return f"{head}void {text[m.end() : begin]}({parameter}{separator}{rest}"

    def _impure(self, text: str) -> str:
        m = _GROUP_OF.search(text)
        if m is None or m.group(1) not in self.pure:
            return text
        self.used.add(m.group(1))
        return text[: m.start(1)] + self.pure[m.group(1)] + text[m.end(1) :]

    def function(self, function: Function) -> Function:
        """A function with its calls and returns."""
        slots: dict[str, str] = {}
        names = itertools.count()
        for block in function.blocks:
            block.insts = [new for inst in block.insts for new in self._rewritten(inst, slots, names)]
        entry = function.blocks[0]
        entry.insts = entry_allocas(entry.insts, [f"  {s} = alloca {t}, align 16" for t, s in slots.items()])
        return Function(self.header(function.header, _HIDDEN), function.blocks)

    def _rewritten(self, inst: Inst, slots: dict[str, str], names: itertools.count[int]) -> list[Inst]:
        if inst.opcode == "ret" and inst.rhs.startswith("ret <"):
            return _returned(inst)
        if inst.opcode == "call" and "<" in inst.rhs:
            return self._called(inst, slots, names)
        return [inst]

    def _called(self, inst: Inst, slots: dict[str, str], names: itertools.count[int]) -> list[Inst]:
        call = parse_call(inst)
        if call.is_asm or call.is_intrinsic or not _is_wide(call.ret):
            return [inst]
        slot = slots.setdefault(call.ret, f"{_HIDDEN}.{len(slots)}")
        types = None if call.parameter_types is None else ("ptr", *call.parameter_types)
        call = call.but(
            result=None, kind="", flags="", ret_attributes=(), ret="void", parameter_types=types,
            arguments=(Argument("ptr", ("noalias", "noundef"), slot), *call.arguments), rest=self._impure(call.rest),
        )  # fmt: skip
        result = inst.result or f"{_HIDDEN}.unused.{next(names)}"
        return [call.inst(), Inst(f"  {result} = load {parse_call(inst).ret}, ptr {slot}, align 16")]


def _returned(inst: Inst) -> list[Inst]:
    type_, rest = take_type(inst.rhs.removeprefix("ret "))
    if not _is_wide(type_):
        return [inst]
    value, comma, metadata = rest.partition(", !")
    return [Inst(f"  store {type_} {value}, ptr {_HIDDEN}, align 16"), Inst(f"  ret void{comma}{metadata}")]
