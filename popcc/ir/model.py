"""Module, function, block and instruction: the line-level model that passes work on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from msgspec import Struct

from popcc.ir.text import GLOBAL, NAME, NAME_RE, closing, quote_free, split_list, take_attributes, take_type

T = TypeVar("T")

_DEFINITION = re.compile(r"\s+(" + NAME + r") = (.*)", re.S)
_LABEL = re.compile(r'("[^"]*"|[-a-zA-Z$._0-9]+):')
_CALLEE = re.compile(GLOBAL + r"\(")
_CALL_WORDS = ("tail", "musttail", "notail")
# what numbered locals are called from the first parse on, the second, and so on; C can't make such names
UNOPTIMISED, OPTIMISED, COMMON, NATIVE = "a..", "b..", "c..", "d.."
_NUMBERED = re.compile(r"%(\d+)\b")
_NUMBER = re.compile(r"%(?=\d+\b)")


def _opcode(rhs: str) -> str:
    end = rhs.find(" ")
    word = (rhs[:end] if end > 0 else rhs).rstrip(",")
    return "call" if word in _CALL_WORDS else word


class Inst:
    """One instruction: its text verbatim (without newline), and what every pass asks of it."""

    __slots__ = ("_names", "_parsed", "opcode", "result", "rhs", "text")

    def __init__(self, text: str, result: str | None = None, rhs: str = "") -> None:
        """Takes `text` apart, unless its parts are given."""
        self.text = text
        self._names: tuple[str, ...] | None = None
        self._parsed: dict[Callable[[Inst], Any], Any] | None = None
        if not rhs:
            rhs = text.lstrip()
            if rhs[0] == "%" and (m := _DEFINITION.match(text)):
                result, rhs = m.groups()
        self.result = result
        self.rhs = rhs
        self.opcode = _opcode(rhs)

    @classmethod
    def of(cls, result: str | None, rhs: str) -> Inst:
        """The instruction that is ``result = rhs``, or `rhs` alone."""
        return cls(f"  {result} = {rhs}" if result else f"  {rhs}", result, rhs)

    @property
    def names(self) -> tuple[str, ...]:
        """All ``%name`` tokens of the right-hand side, as often as they stand there; type names are among them."""
        if self._names is None:
            self._names = tuple(NAME_RE.findall(self.rhs)) if "%" in self.rhs else ()
        return self._names

    def parsed(self, how: Callable[[Inst], T]) -> T:
        """What `how` makes of this instruction, worked out once."""
        if self._parsed is None:
            self._parsed = {}
        if how not in self._parsed:
            self._parsed[how] = how(self)
        return self._parsed[how]  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return self.text

    def with_rhs(self, rhs: str) -> Inst:
        """The same instruction with another right-hand side."""
        return Inst.of(self.result, rhs)


class Block:
    """A basic block. `label` is the bare name as LLVM prints it before the colon; "" for an implicit entry."""

    def __init__(self, label: str, insts: list[Inst]) -> None:
        self.label = label
        self.insts = insts

    @property
    def name(self) -> str:
        """The label as operands write it."""
        return "%" + self.label


class Parameter(Struct, frozen=True):
    """A function's parameter: type, attributes, ``%name`` ("" for a declaration without one)."""

    type: str
    attributes: tuple[str, ...]
    name: str

    def __str__(self) -> str:
        return " ".join(p for p in (self.type, *self.attributes, self.name) if p)


class Function:
    """A definition: its ``define … {`` line and its blocks."""

    def __init__(self, header: str, blocks: list[Block]) -> None:
        self.header = header
        self.blocks = blocks

    @property
    def name(self) -> str:
        """The bare name."""
        return header_name(self.header)

    def parameters(self) -> tuple[list[Parameter], bool]:
        """(fixed parameters, is variadic)."""
        return header_parameters(self.header)

    def insts(self) -> Iterator[Inst]:
        """All instructions in order."""
        for b in self.blocks:
            yield from b.insts

    def copy(self) -> Function:
        """One that passes can rewrite without changing this one."""
        return Function(self.header, [Block(b.label, list(b.insts)) for b in self.blocks])

    def lines(self) -> Iterator[str]:
        """The function's text."""
        yield self.header
        for k, b in enumerate(self.blocks):
            if k:
                yield ""
            if b.label:
                yield b.label + ":"
            for i in b.insts:
                yield i.text
        yield "}"


class Module:
    """A module: lines outside functions kept verbatim, functions parsed, in order."""

    def __init__(self, items: list[str | Function]) -> None:
        self.items = items

    def functions(self) -> Iterator[Function]:
        """The definitions."""
        return (i for i in self.items if isinstance(i, Function))

    def lines(self) -> Iterator[str]:
        """Top-level lines that are not part of a definition."""
        return (i for i in self.items if isinstance(i, str))

    def source(self) -> str:
        """The source file, as the front end was given it."""
        line = next((i for i in self.lines() if i.startswith("source_filename")), 'source_filename = "?"')
        return line.split('"')[1]

    def text(self) -> str:
        """The module as LLVM reads it."""
        out: list[str] = []
        for i in self.items:
            if isinstance(i, str):
                out.append(i)
            else:
                out.extend(i.lines())
        return "\n".join(out) + "\n"

    def with_items(self, items: Iterable[str | Function]) -> Module:
        """A module of other items."""
        return Module(list(items))

    def struct_lines(self) -> list[str]:
        """The named type definitions."""
        return [i for i in self.lines() if i.startswith("%") and " = type " in i]

    def function_names(self) -> set[str]:
        """The functions that the module declares or defines, as LLVM writes them behind the ``@``."""
        headers = (i if isinstance(i, str) else i.header for i in self.items)
        return {m.group()[1:-1] for h in headers if h.startswith(("declare ", "define ")) and (m := _CALLEE.search(h))}


def header_name(header: str) -> str:
    """The bare name of the function a ``define`` or ``declare`` line is about."""
    m = _CALLEE.search(header)
    if not m:
        raise ValueError(f"no function name in {header!r}")
    return quote_free(m.group()[:-1])


def header_span(header: str) -> tuple[int, int]:
    """Indices of the parentheses around a header's parameters."""
    m = _CALLEE.search(header)
    if not m:
        raise ValueError(f"no function name in {header!r}")
    return m.end() - 1, closing(header, m.end() - 1)


def header_parameters(header: str) -> tuple[list[Parameter], bool]:
    """(fixed parameters, is variadic) of a ``define`` or ``declare`` line."""
    begin, end = header_span(header)
    out: list[Parameter] = []
    variadic = False
    for part in split_list(header[begin + 1 : end]):
        if part == "...":
            variadic = True
            continue
        type_, rest = take_type(part)
        # a declaration's last attribute has nothing behind it: give the scanner something to stop at
        attributes, name = take_attributes(rest + " %")
        out.append(Parameter(type_, tuple(attributes), name[:-1].strip() or ""))
    return out, variadic


def parse(text: str, numbered: str = UNOPTIMISED) -> Module:
    """Parses LLVM's printed IR. Debug records and comments are dropped; numbered locals get names.

    `numbered` is what such names begin with: a prefix that no earlier parse of the same IR has used.
    """
    items: list[str | Function] = []
    text = text if text.endswith("\n") else text + "\n"
    pos = 0
    while (begin := _definition(text, pos)) >= 0:
        items.extend(i for i in text[pos:begin].split("\n")[:-1] if not i.startswith(";"))
        end = text.index("\n}\n", begin)
        items.append(_parse_function(text[begin:end], numbered))
        pos = end + 3
    items.extend(i for i in text[pos:].split("\n") if not i.startswith(";"))
    while items and items[-1] == "":
        items.pop()
    return Module(items)


def _definition(text: str, pos: int) -> int:
    """Where the next definition begins from `pos`, the beginning of a line; -1 if there is none."""
    if text.startswith("define ", pos):
        return pos
    found = text.find("\ndefine ", pos)
    return found + 1 if found >= 0 else -1


def _parse_function(text: str, numbered: str) -> Function:
    """A definition from its header to the line before its closing brace."""
    parameters = len(_NUMBERED.findall(text, 0, text.index("\n")))
    header, *lines = _NUMBER.sub(f"%{numbered}", text).split("\n")
    blocks: list[Block] = []
    insts: list[Inst] = []
    pending = ""
    for line in lines:
        if not line:
            continue
        if line[0] != " ":
            m = _LABEL.match(line)
            if m:
                label = m.group(1)
                insts = []
                blocks.append(Block(numbered + label if label.isdigit() else label, insts))
            continue
        if line.startswith("    #dbg_"):
            continue
        if pending:
            pending += " " + line.strip()
            if line.startswith("  ]"):
                line, pending = pending, ""
            else:
                continue
        elif line.endswith("[") and line.startswith("  switch "):
            pending = line
            continue
        if not blocks:  # an unlabelled entry has the number after the numbered parameters
            blocks.append(Block(f"{numbered}{parameters}", insts))
        insts.append(Inst(line))
    return Function(header, blocks)
