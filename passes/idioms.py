"""What programs write in one ISA's words though every ISA can do it becomes portable IR.

Waiting loops pause, accesses are fenced, clocks are read and processors asked for extensions by inline assembly or by
intrinsics of one ISA, often without a portable branch beside it. The tables are the ISAs' own (`Isa.idioms`). All
instructions of an assembly must be known, alone or as a phrase of several, and none may leave anything in memory; the
rest is for `popcc.passes.target` to refuse. A clock counts nanoseconds (`__popcorn_ticks`), so that it goes on evenly
after a move to a machine whose own counter ticks differently. A processor that is asked has no extension: the program
takes the branch that needs none. A template of comments alone is an empty one, which hides a value from the optimiser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from msgspec import Struct

from popcc.ir.calls import Call, parse_call
from popcc.ir.model import Function, Inst, Module
from popcc.ir.text import split_list
from popcc.isa import ISAS
from popcc.isa.base import Idiom, Isa
from popcc.passes.base import with_declarations

TICKS = "declare i64 @__popcorn_ticks() nounwind"
_CLOCKS = ("@llvm.readcyclecounter", "@llvm.readsteadycounter")  # of LLVM's own, by each ISA's counter
_NEEDLE = re.compile(r" asm |@llvm\.(?:readcyclecounter|readsteadycounter|x86\.)")
_ASSEMBLY = re.compile(r'asm (?:\w+ )*"([^"]*)", "([^"]*)"')
_INTEGERS = re.compile(r"i\d+|\{ i\d+(?:, i\d+)* \}")
_ESCAPE = re.compile(r"\\([0-9A-F]{2})")
# elsewhere in a line, # begins a number on some ISA
_COMMENT = re.compile(r"^\s*(?:#|//).*|/\*(?s:.*?)\*/", re.MULTILINE)
_COMMA = re.compile(r"\s*,\s*")
_DIALECTS = re.compile(r"\$\(([^$]*)(?:\$\|[^$]*)?\$\)")  # AT&T's word is first


class _Meaning(Struct, frozen=True):
    """What an assembly does, and of its results which part of a clock each is; None: the whole."""

    idioms: frozenset[Idiom]
    parts: tuple[tuple[int, int] | None, ...] = ()


class Idioms:
    """The pass."""

    name: str = "idioms"

    def apply(self, module: Module) -> Module:
        """Rewrites what is known of inline assembly and intrinsics."""
        items: list[str | Function] = []
        writer = _Writer()
        for item in module.items:
            if isinstance(item, Function):
                for block in item.blocks:
                    block.insts = [new for old in block.insts for new in writer.rewritten(old)]
            items.append(item)
        return with_declarations(module.with_items(items), [TICKS]) if writer.ticks else module.with_items(items)


class _Writer:
    """Writes what takes the place of calls."""

    def __init__(self) -> None:
        self.ticks = 0  # how many clocks were read so far

    def rewritten(self, inst: Inst) -> list[Inst]:
        if inst.opcode != "call" or not _NEEDLE.search(inst.rhs):
            return [inst]
        call = parse_call(inst)
        meaning = _assembly(call) if call.is_asm else _intrinsic(call)
        if meaning is None:
            return [_without_comments(inst) if call.is_asm else inst]
        if Idiom.PROBE in meaning.idioms:
            return [Inst(f"  {call.result} = freeze {call.ret} zeroinitializer{call.metadata}")]
        lines = [f"fence seq_cst{call.metadata}"] if Idiom.FENCE in meaning.idioms else []
        if meaning.idioms & {Idiom.CLOCK, Idiom.WHOLE_CLOCK}:
            lines += self._clock(call, meaning)
        elif not lines:
            lines = [f'call void asm sideeffect "", "~{{memory}}"(){call.metadata}']
        return [Inst(f"  {line}") for line in lines]

    def _clock(self, call: Call, meaning: _Meaning) -> Iterator[str]:
        """The ticks, or a structure of their parts, as the call's result."""
        stem = f"%popcorn.ticks.{self.ticks}"
        self.ticks += 1
        fields = split_list(call.ret.strip("{} ")) if call.ret.startswith("{") else []
        yield f"{stem} = call i64 @__popcorn_ticks(){call.metadata}"
        if not fields:
            yield from _part(f"{call.result}", stem, call.ret, meaning.parts[0], stem)
            return
        whole = "poison"
        for n, (type_, part) in enumerate(zip(fields, meaning.parts, strict=True)):
            yield from _part(f"{stem}.{n}", stem, type_, part, f"{stem}.{n}")
            result = call.result if n == len(fields) - 1 else f"{stem}.with.{n}"
            yield f"{result} = insertvalue {call.ret} {whole}, {type_} {stem}.{n}, {n}"
            whole = f"{result}"


def _part(result: str, ticks: str, type_: str, part: tuple[int, int] | None, stem: str) -> Iterator[str]:
    """`part` of the ticks as an integer of a type."""
    start, width = part or (0, 64)
    mask = (1 << min(width, int(type_[1:]))) - 1
    yield f"{stem}.shifted = lshr i64 {ticks}, {start}"
    if type_ == "i64":
        yield f"{result} = and i64 {stem}.shifted, {mask - (1 << 64) if mask >> 63 else mask}"
    else:
        yield f"{stem}.part = and i64 {stem}.shifted, {mask}"
        yield f"{result} = trunc i64 {stem}.part to {type_}"


def _assembly(call: Call) -> _Meaning | None:
    """What an inline assembly means; None if it is empty, or not wholly known."""
    m = _ASSEMBLY.match(call.callee)
    assert m is not None
    outputs = [o.lstrip("=&") for o in split_list(m.group(2)) if o.startswith("=")]
    if any(o.startswith("*") for o in outputs):
        return None
    instructions = _instructions(m.group(1))
    for isa in ISAS.values():
        known = [_known(isa.name, i) for i in _phrased(instructions, isa)]
        if known and all(known):
            return _fitting(_meaning(frozenset(i for i in known if i), outputs, isa), call)
    return None


def _without_comments(inst: Inst) -> Inst:
    """The call, whose template is empty if it has no instruction."""
    m = _ASSEMBLY.search(inst.text)
    assert m is not None
    if not m.group(1) or _instructions(m.group(1)):
        return inst
    return Inst(inst.text[: m.start(1)] + inst.text[m.end(1) :])


def _meaning(idioms: frozenset[Idiom], outputs: list[str], isa: Isa) -> _Meaning | None:
    parts = tuple(isa.clock_parts.get(o) for o in outputs)
    if Idiom.WHOLE_CLOCK not in idioms:
        return _Meaning(idioms, parts)
    lowest = len(parts) == 1 and parts[0] is not None and parts[0][0] == 0 and parts[0][1]
    return _Meaning(idioms, (None,)) if lowest else None


def _intrinsic(call: Call) -> _Meaning | None:
    if call.callee in _CLOCKS:
        return _Meaning(frozenset((Idiom.CLOCK,)), (None,))
    found = next((i for isa in ISAS.values() if (i := _known(isa.name, call.callee))), None)
    # a second result says which processor it was
    parts = (None, (0, 0)) if call.ret.startswith("{") else (None,)
    return _fitting(_Meaning(frozenset((found,)), parts), call) if found else None


def _fitting(meaning: _Meaning | None, call: Call) -> _Meaning | None:
    """The meaning, if the call has integers as results where it makes some, and none else, and no two meanings do."""
    if meaning is None:
        return None
    answers = meaning.idioms & {Idiom.CLOCK, Idiom.WHOLE_CLOCK, Idiom.PROBE}
    if len(answers) > 1 or (Idiom.PROBE in answers and len(meaning.idioms) > 1):
        return None
    return meaning if (_INTEGERS.fullmatch(call.ret) if answers else call.ret == "void") else None


def _instructions(template: str) -> list[str]:
    """The instructions of a template, in the notation that `Isa.idioms` has them in."""
    text = _ESCAPE.sub(lambda m: chr(int(m.group(1), 16)), _DIALECTS.sub(r"\1", template)).replace("$$", "$")
    return [words for part in re.split("[;\n]", _COMMENT.sub(" ", text)) if (words := " ".join(part.split()))]


def _phrased(instructions: list[str], isa: Isa) -> list[str]:
    """The instructions, with one in place of each phrase of the ISA's."""
    text = _COMMA.sub(", ", "; ".join(instructions))
    phrased = text
    for pattern, instruction in isa.phrases.items():
        phrased = re.sub(rf"(?<![^ ]){pattern}(?![^;])", instruction, phrased)
    return instructions if phrased == text else phrased.split("; ")


@cache
def _known(isa: str, instruction: str) -> Idiom | None:
    return next((i for pattern, i in _patterns(isa) if pattern.fullmatch(instruction)), None)


@cache
def _patterns(isa: str) -> tuple[tuple[re.Pattern[str], Idiom], ...]:
    return tuple((re.compile(text), idiom) for text, idiom in ISAS[isa].idioms.items())
