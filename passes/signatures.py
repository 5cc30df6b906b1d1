"""Vectors that functions take and return travel as doubles, bit for bit, where an ISA has no registers for them.

clang passes small aggregates of floats, and vectors, as x86_64 has them: by vectors of 8 and 16 bytes. An ISA without
vector registers returns two scalars at most, and passes integers of more than two registers by reference (RISC-V
psABI, "Calling Convention"): LLVM puts them on the caller's machine stack and hands out its address (law 3). So
results of more than two elements become one or two doubles, and vectors of more than two integers vectors of doubles.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from msgspec import Struct

from popcc.ir.calls import Argument, Call, parse_call
from popcc.ir.model import Function, Inst, Module, header_span
from popcc.ir.text import split_list, take_type

_RETURNED = re.compile(r"(\{[^@{}]*\}|<[^@<>]*>) (?=@)")
_VECTOR = re.compile(r"<(\d+) x (i(\d+)|ptr|float|double)>")
_BITS = {"ptr": 64, "float": 32, "double": 64}
_MOST = 2
_PAIR = "<2 x double>"


class Signatures(Struct, frozen=True):
    """The pass. `stem` is in the names that it makes: where it runs twice, it needs two."""

    stem: str = "signature"
    name: str = "signatures"

    def apply(self, module: Module) -> Module:
        """Rewrites headers, calls and returns."""
        rewriter = _Rewriter(self.stem)
        items: list[str | Function] = []
        for item in module.items:
            if isinstance(item, Function):
                items.append(rewriter.function(item))
            elif item.startswith("declare ") and "@llvm." not in item:
                items.append(rewriter.header(item))
            else:
                items.append(item)
        return module.with_items(items)


class _Result(Struct, frozen=True):
    """A result's type: the parts that it has, and the scalars that each becomes."""

    type: str
    parts: tuple[str, ...]
    scalars: tuple[tuple[str, ...], ...]

    @property
    def flat(self) -> tuple[str, ...]:
        """All of the scalars."""
        return tuple(s for group in self.scalars for s in group)

    @property
    def travels_as(self) -> str:
        """The type in its stead."""
        return self.flat[0] if len(self.flat) == 1 else f"{{ {', '.join(self.flat)} }}"


def _bytes(vector: str) -> int:
    """The size of a vector that can travel as doubles; 0 for other types."""
    m = _VECTOR.fullmatch(vector)
    bits = int(m.group(1)) * (int(m.group(3)) if m.group(3) else _BITS[m.group(2)]) if m else 0
    return bits // 8 if bits % 64 == 0 else 0


def _scalars(part: str) -> list[str]:
    """What a part of a result becomes; nothing, if it can't travel."""
    if part.startswith("<"):
        return ["double"] * (_bytes(part) // 8) if _bytes(part) in (8, 16) else []
    return [] if part[0] in "{[%" else [part]


def _argument(type_: str) -> str | None:
    """The type in an argument's stead; None if that stays."""
    m = _VECTOR.fullmatch(type_)
    if m is None or m.group(2) in ("float", "double") or int(m.group(1)) <= _MOST or not _bytes(type_):
        return None
    return "double" if _bytes(type_) == 8 else f"<{_bytes(type_) // 8} x double>"


def _kept(attributes: tuple[str, ...]) -> tuple[str, ...]:
    """Those that are true of other types as well."""
    return tuple(a for a in attributes if a == "noundef")


class _Rewriter:
    def __init__(self, stem: str) -> None:
        self.stem = stem
        self.fresh = itertools.count()

    def header(self, text: str) -> str:
        """A definition's or declaration's first line."""
        begin, end = header_span(text)
        if "<" in text[begin:end]:
            text = text[: begin + 1] + ", ".join(map(self._parameter, split_list(text[begin + 1 : end]))) + text[end:]
        m = _RETURNED.search(text, 0, header_span(text)[0])
        result = self._result(m.group(1)) if m else None
        return text if m is None or result is None else text[: m.start(1)] + result.travels_as + text[m.end(1) :]

    def _travelling(self, name: str) -> str:
        plain = f"popcorn.{self.stem}.argument.{name[1:].strip(chr(34))}"
        return f'%"{plain}"' if name[1] == '"' else f"%{plain}"

    def _parameter(self, text: str) -> str:
        """A parameter of a header, with or without a name."""
        type_, rest = take_type(text) if text.startswith("<") else ("", "")
        travels = _argument(type_)
        if travels is None:
            return text
        words = [travels, *(["noundef"] if "noundef" in rest.split() else [])]
        return " ".join([*words, *(self._travelling(w) for w in rest.split()[-1:] if w.startswith("%"))])

    def function(self, function: Function) -> Function:
        """A function with its calls and returns."""
        for block in function.blocks:
            block.insts = [new for inst in block.insts for new in self._rewritten(inst)]
        function.blocks[0].insts[:0] = [
            Inst(f"  {p.name} = bitcast {travels} {self._travelling(p.name)} to {p.type}")
            for p in function.parameters()[0]
            if (travels := _argument(p.type))
        ]
        return Function(self.header(function.header), function.blocks)

    def _result(self, type_: str) -> _Result | None:
        """How a type travels; None if it does as it is."""
        parts = split_list(type_[1:-1]) if type_.startswith("{") else [type_]
        lanes = [int(m.group(1)) if (m := _VECTOR.fullmatch(p)) else 1 for p in parts]
        scalars = tuple(tuple(_scalars(p)) for p in parts)
        if sum(lanes) <= _MOST or not all(scalars) or sum(map(len, scalars)) > _MOST:
            return None
        return _Result(type_, tuple(parts), scalars)

    def _rewritten(self, inst: Inst) -> list[Inst]:
        if inst.opcode == "ret" and inst.rhs[4] in "{<":
            type_, value = take_type(inst.rhs.removeprefix("ret "))
            result = self._result(type_)
            return [inst] if result is None else list(map(Inst, self._returned(result, value)))
        if inst.opcode == "call" and ("{" in inst.rhs or "<" in inst.rhs) and "@llvm." not in inst.rhs:
            return list(map(Inst, self._call(inst)))
        return [inst]

    def _call(self, inst: Inst) -> Iterator[str]:
        call = parse_call(inst)
        result = None if call.ret[0] not in "{<" else self._result(call.ret)
        travelling = [_argument(a.type) for a in call.arguments]
        if call.is_asm or (result is None and not any(travelling)):
            yield inst.text
            return
        arguments = []
        for a, travels in zip(call.arguments, travelling, strict=True):
            if travels is None:
                arguments.append(a)
                continue
            cast = self._name()
            yield f"  {cast} = bitcast {a.type} {a.value} to {travels}"
            arguments.append(Argument(travels, _kept(a.attributes), cast))
        call = call.but(arguments=tuple(arguments), kind=call.kind if call.kind != "musttail" else "tail")
        if result is None:
            yield str(call)
        else:
            yield from self._called(result, call)

    def _name(self) -> str:
        return f"%popcorn.{self.stem}.{next(self.fresh)}"

    def _returned(self, result: _Result, value: str) -> Iterator[str]:
        value, _, metadata = value.partition(", !")
        flat: list[str] = []
        for k, (part, scalars) in enumerate(zip(result.parts, result.scalars, strict=True)):
            one = value
            if result.type != part:
                one = self._name()
                yield f"  {one} = extractvalue {result.type} {value}, {k}"
            if scalars == (part,):
                flat.append(one)
            else:
                yield from self._taken_apart(part, one, len(scalars), flat)
        whole = flat[0]
        if len(flat) > 1:
            whole = "poison"
            for n, (type_, one) in enumerate(zip(result.flat, flat, strict=True)):
                name = self._name()
                yield f"  {name} = insertvalue {result.travels_as} {whole}, {type_} {one}, {n}"
                whole = name
        yield f"  ret {result.travels_as} {whole}" + (f", !{metadata}" if metadata else "")

    def _taken_apart(self, part: str, value: str, doubles: int, flat: list[str]) -> Iterator[str]:
        """A vector to one or two doubles, whose names are appended to `flat`."""
        cast = self._name()
        yield f"  {cast} = bitcast {part} {value} to {_PAIR if doubles == 2 else 'double'}"
        if doubles == 1:
            flat.append(cast)
            return
        for n in range(2):
            flat.append(self._name())
            yield f"  {flat[-1]} = extractelement {_PAIR} {cast}, i64 {n}"

    def _called(self, result: _Result, call: Call) -> Iterator[str]:
        travels = self._name() if call.result else None
        yield str(call.but(result=travels, ret=result.travels_as, ret_attributes=_kept(call.ret_attributes)))
        if call.result is None or travels is None:
            return
        flat = [travels]
        if len(result.flat) > 1:
            flat = [self._name() for _ in result.flat]
            for n, name in enumerate(flat):
                yield f"  {name} = extractvalue {result.travels_as} {travels}, {n}"
        whole, at = "poison", 0
        for k, (part, scalars) in enumerate(zip(result.parts, result.scalars, strict=True)):
            alone = result.type == part
            one = call.result if alone else self._name() if scalars != (part,) else flat[at]
            if scalars != (part,):
                yield from self._put_together(one, part, flat[at : at + len(scalars)])
            at += len(scalars)
            if not alone:
                name = call.result if k == len(result.parts) - 1 else self._name()
                yield f"  {name} = insertvalue {result.type} {whole}, {part} {one}, {k}"
                whole = name

    def _put_together(self, name: str, part: str, doubles: list[str]) -> Iterator[str]:
        """A vector out of one or two doubles."""
        if len(doubles) == 1:
            yield f"  {name} = bitcast double {doubles[0]} to {part}"
            return
        low, pair = self._name(), self._name()
        yield f"  {low} = insertelement {_PAIR} poison, double {doubles[0]}, i64 0"
        yield f"  {pair} = insertelement {_PAIR} {low}, double {doubles[1]}, i64 1"
        yield f"  {name} = bitcast {_PAIR} {pair} to {part}"
