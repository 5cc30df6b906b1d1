"""Call instructions, parsed far enough to be rewritten."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from popcc.ir.model import Inst
from popcc.ir.text import GLOBAL, NAME, closing, split_list, take_attributes, take_type

_HEAD = re.compile(r"(?:(tail|musttail|notail) )?call ")
_FLAGS = re.compile(r"(?:fast|nnan|ninf|nsz|arcp|contract|afn|reassoc) ")
_CONVENTION = re.compile(r"(?:ccc|fastcc|coldcc|tailcc|preserve_(?:most|all|none)cc|x86_\w+cc|cc \d+) ")
_CALLEE = re.compile(GLOBAL + "|" + NAME)
_SIMPLE_ARGUMENT = re.compile(  # the most frequent forms
    r"(ptr|i\d+|double|float)((?: (?:noundef|nonnull|signext|zeroext|immarg))*) "
    rf"({NAME}|{GLOBAL}|-?\d+|null|true|false|undef|poison)"
)
_GROUP = re.compile(r" ?(#\d+)")


class Argument(NamedTuple):
    """One argument of a call: type, attributes, value."""

    type: str
    attributes: tuple[str, ...]
    value: str

    def __str__(self) -> str:
        return " ".join((self.type, *self.attributes, self.value))


class Call(NamedTuple):
    """A call instruction.

    `callee` is ``@name``, ``%name``, ``asm …`` or a constant expression; `rest` is what follows the arguments.
    """

    result: str | None
    kind: str  # "", "tail", "musttail", "notail"
    flags: str
    convention: str
    ret_attributes: tuple[str, ...]
    ret: str
    parameter_types: tuple[str, ...] | None  # written out for variadic callees only
    callee: str
    arguments: tuple[Argument, ...]
    rest: str

    @property
    def is_asm(self) -> bool:
        """Inline assembly."""
        return self.callee.startswith("asm ")

    @property
    def is_intrinsic(self) -> bool:
        """A call of an ``@llvm.*`` function."""
        return self.callee.startswith("@llvm.")

    @property
    def is_variadic(self) -> bool:
        """The written function type ends in ``...``."""
        return self.parameter_types is not None and self.parameter_types[-1:] == ("...",)

    @property
    def group(self) -> str:
        """The attribute group, as ``#3``; "" for none."""
        m = _GROUP.match(self.rest)
        return m.group(1) if m else ""

    @property
    def metadata(self) -> str:
        """What follows the attribute group, from the first comma on."""
        m = _GROUP.match(self.rest)
        tail = self.rest[m.end() :] if m else self.rest
        comma = tail.find(", !")
        return tail[comma:] if comma >= 0 else ""

    def __str__(self) -> str:
        words = [self.kind, "call", self.flags, self.convention, *self.ret_attributes, self.ret]
        if self.parameter_types is not None:
            words.append(f"({', '.join(self.parameter_types)})")
        head = " ".join(w for w in words if w)
        text = f"{head} {self.callee}({', '.join(map(str, self.arguments))}){self.rest}"
        return f"  {self.result} = {text}" if self.result else f"  {text}"

    def inst(self) -> Inst:
        """The instruction this call stands for."""
        return Inst(str(self))

    def but(self, **changes: Any) -> Call:
        """A copy with some fields changed."""
        return self._replace(**changes)


def parse_call(inst: Inst) -> Call:
    """Parses a call instruction, once. Raises `ValueError` on anything else."""
    return inst.parsed(_parse_call)


def _parse_call(inst: Inst) -> Call:
    s = inst.rhs
    m = _HEAD.match(s)
    if not m:
        raise ValueError(f"not a call: {inst.text!r}")
    kind = m.group(1) or ""
    pos = m.end()
    flags_end = pos
    while f := _FLAGS.match(s, flags_end):
        flags_end = f.end()
    flags = s[pos:flags_end].strip()
    c = _CONVENTION.match(s, flags_end)
    convention = c.group().strip() if c else ""
    attributes, rest = take_attributes(s[c.end() if c else flags_end :])
    ret, rest = take_type(rest)
    parameter_types: tuple[str, ...] | None = None
    if rest[0] == "(":
        end = closing(rest, 0)
        parameter_types = tuple(split_list(rest[1:end]))
        rest = rest[end + 1 :].lstrip()
    end = _callee_end(rest)
    callee, rest = rest[:end], rest[end:]
    close = closing(rest, 0)
    arguments = tuple(parse_argument(a) for a in split_list(rest[1:close]))
    return Call(
        inst.result,
        kind,
        flags,
        convention,
        tuple(attributes),
        ret,
        parameter_types,
        callee,
        arguments,
        rest[close + 1 :],
    )


def parse_argument(part: str) -> Argument:
    """Parses ``type attributes value``."""
    if m := _SIMPLE_ARGUMENT.fullmatch(part):
        return Argument(m.group(1), tuple(m.group(2).split()), m.group(3))
    type_, rest = take_type(part)
    if type_ == "metadata":
        return Argument(type_, (), rest)
    attributes, value = take_attributes(rest)
    return Argument(type_, tuple(attributes), value)


def _callee_end(s: str) -> int:
    if s.startswith("asm "):
        pos = s.index('"')
        pos = s.index('"', pos + 1)  # end of the template
        pos = s.index('"', pos + 1)
        return s.index('"', pos + 1) + 1
    m = _CALLEE.match(s)
    if m:
        return m.end()
    return closing(s, s.index("(")) + 1  # constant expression
