"""What code generation would leave undefined is defined: machine code reads leftovers, and no map could say of what.

Undefined values that flow together with defined ones become zero. Small integers are returned from a register all of
which was written: x86_64 would take any register whose lowest byte is right, and keep a byte's constant there across
sites. Functions that return nothing in a general register return a zero there, at which no caller looks: else x86_64,
which aligns the stack by pushing whatever rax holds, pops that into rax, from where it might be a result.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from popcc.ir.text import take_type
from popcc.passes.types import skip_flags

_WITH_SITES = ' gc "statepoint-example"'
_PHI = re.compile(r"^  %\S+ = phi (.*\[ (?:undef|poison), .*)$", re.MULTILINE)
# these begin with a text of their own, for which re.sub looks much faster than for beginnings of lines
_RETURN = re.compile(r"\n  ret (i1|i8|i16) (%\S+?)(,.*)?$", re.MULTILINE)
_NO_WORD = re.compile(r"([^@\n]*?)\b(void|float|double) @")
_OF_FLOATS = re.compile(r"\bnofpclass\([^)]*\) ")  # an attribute that no pair may have
_RETURN_VOID = re.compile(r"\n  ret void(,.*)?$", re.MULTILINE)
_RETURN_FLOAT = re.compile(r"\n  ret (float|double) ([^,\n]+)(,.*)?$", re.MULTILINE)
_UNDEFINED = re.compile(r"\[ (?:undef|poison), ")


def defined(text: str) -> str:
    """IR in which no phi has an undefined operand, and functions with sites return whole registers."""
    return "\ndefine ".join(map(_defined, text.split("\ndefine ")))


def _defined(function: str) -> str:
    if _UNDEFINED.search(function):
        function = _PHI.sub(_with_zeros, function)
    return _returning(function) if _WITH_SITES in function.split("\n", 1)[0] else function


def _returning(function: str) -> str:
    if m := _NO_WORD.match(function):
        type_ = m.group(2)
        if type_ == "void":
            return _RETURN_VOID.sub(r"\n  ret i64 0\1", f"{m.group(1)}i64{function[m.end(2) :]}")
        pair = f"{{ {type_}, i64 }}"
        return _RETURN_FLOAT.sub(_with_word(pair), f"{_OF_FLOATS.sub('', m.group(1))}{pair}{function[m.end(2) :]}")
    return _RETURN.sub(_Widened(), function)


def _with_word(pair: str) -> Callable[[re.Match[str]], str]:
    fresh = itertools.count()

    def returned(line: re.Match[str]) -> str:
        type_, value, rest = line.groups()
        filled = f"%popcorn.ret.{next(fresh)}"
        return (
            f"\n  {filled} = insertvalue {pair} zeroinitializer, {type_} {value}, 0\n  ret {pair} {filled}{rest or ''}"
        )

    return returned


class _Widened:
    """Replaces the returns of one function; the empty assembly hides from LLVM that nothing was gained."""

    def __init__(self) -> None:
        self.fresh = itertools.count()

    def __call__(self, line: re.Match[str]) -> str:
        type_, value, rest = line.groups()
        wide, opaque, narrow = (f"%popcorn.ret.{next(self.fresh)}" for _ in range(3))
        return (
            f"\n  {wide} = zext {type_} {value} to i32\n"
            f'  {opaque} = call i32 asm "", "=r,0"(i32 {wide})\n'
            f"  {narrow} = trunc i32 {opaque} to {type_}\n"
            f"  ret {type_} {narrow}{rest or ''}"
        )


def _with_zeros(line: re.Match[str]) -> str:
    zero = _zero(take_type(skip_flags(line.group(1)))[0])
    return _UNDEFINED.sub(f"[ {zero}, ", line.group())


def _zero(type_: str) -> str:
    if type_.startswith("ptr"):
        return "null"
    if type_ in ("float", "double", "half"):
        return "0.0"
    return "0" if re.fullmatch(r"i\d+", type_) else "zeroinitializer"
