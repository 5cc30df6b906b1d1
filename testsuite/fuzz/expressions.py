"""Pure expressions of every type, defined behaviour only.

Arithmetic is done in unsigned types at least as wide as int, shifts are masked, divisors are never 0, floats stay
finite. No expression has a side effect, so that no order of evaluation can be seen.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from fuzz.shapes import (
    CELL,
    DOUBLE,
    U32,
    Cell,
    Complex,
    Floating,
    Integer,
    Leaf,
    Scalar,
    Struct,
    Type,
    Vector,
    leaves,
)  # fmt: skip

_INTERESTING = (0, 1, 2, 3, 7, 8, 15, 31, 32, 63, 64, 100, 127, 128, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**31,
                2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip


@dataclass(frozen=True)
class Variable:
    """Something that can be named. `length`, a power of two, makes it an array."""

    text: str
    type: Type
    length: int = 0
    writable: bool = True
    local: bool = False  # an automatic object of the function at hand
    volatile: bool = False
    constant: bool = False  # no call can change it

    @property
    def addressable(self) -> bool:
        """Whether a pointer to it may be passed to a function that writes through it."""
        return self.writable and not self.volatile and not self.constant


class Expressions:
    """Makes expressions out of what is in scope."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.scope: list[Variable] = []

    @contextmanager
    def inner(self, variables: Iterable[Variable] = ()) -> Iterator[None]:
        """A block, at whose end the variables declared in it are gone."""
        before = list(self.scope)
        self.scope += variables
        try:
            yield
        finally:
            self.scope[:] = before

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """A block in which the function's own objects must not change, but for volatile ones (C11 7.13.2.1)."""
        before = list(self.scope)
        self.scope[:] = [replace(v, writable=False) if v.local and not v.volatile else v for v in self.scope]
        try:
            yield
        finally:
            self.scope[:] = before

    def index(self, length: int) -> str:
        """An expression below `length`, a power of two."""
        if self.rng.random() < 0.4:
            return str(self.rng.randrange(length))
        with self.inner():
            # an array's index would have an index of its own, and that another: some seeds never end
            self.scope[:] = [v for v in self.scope if not v.length]
            return f"({self.value(U32, 1)}) & {length - 1}"

    def place(self, v: Variable) -> str:
        """The variable, or an element of the array."""
        return f"{v.text}[{self.index(v.length)}]" if v.length else v.text

    def leaf(self, kinds: tuple[type, ...], writable: bool = False) -> Leaf | None:
        """A scalar in scope."""
        candidates = [v for v in self.scope if v.writable or not writable]
        for _ in range(6):
            if not candidates:
                return None
            v = self.rng.choice(candidates)
            found = [leaf for leaf in leaves(v.type, self.place(v)) if isinstance(leaf.type, kinds)]
            if found:
                return self.rng.choice(found)
        return None

    def of_type(self, type_: Type, writable: bool = False) -> str | None:
        """A variable of exactly this type."""
        found = [v for v in self.scope if v.type == type_ and (v.writable or not writable)]
        return self.place(self.rng.choice(found)) if found else None

    def address(self, type_: Type, frozen: bool) -> str | None:
        """A pointer to an object of this type that may be written through."""
        found = [v for v in self.scope if v.type == type_ and v.addressable and not (frozen and v.local)]
        return f"&{self.place(self.rng.choice(found))}" if found else None

    def condition(self, depth: int = 2) -> str:
        """Something to branch on, true about half of the time."""
        a = self.value(U32, depth)
        if self.rng.random() < 0.3 and (leaf := self.leaf((Floating,))):
            return f"{leaf.text} {self.rng.choice('<>')} {self.floating(DOUBLE, min(depth, 1))}"
        return f"({a}) {self.rng.choice(('& 1', '& 2', '% 3 == 0', '> 0x7fffffffu', '< 1000u', '& 12'))}"

    def value(self, type_: Type, depth: int = 2) -> str:
        """An expression of any type."""
        if isinstance(type_, Integer):
            return self.integer(type_, depth)
        if isinstance(type_, Floating):
            return self.floating(type_, depth)
        if isinstance(type_, Cell):
            leaf = self.leaf((Cell,)) if self.rng.random() < 0.5 else None
            return leaf.text if leaf else f"&cells[{self.index(16)}]"
        if isinstance(type_, Vector):
            return self._vector(type_, depth)
        if isinstance(type_, Complex):
            return self._complex(type_, depth)
        return self._struct(type_, depth)

    def integer(self, t: Integer, depth: int) -> str:
        """An integer expression, parenthesised or atomic."""
        roll = self.rng.random()
        if depth <= 0 or roll < 0.2:
            leaf = self.leaf((Integer,)) if self.rng.random() < 0.75 else None
            if leaf is None:
                return self.literal(t)
            # cast always: a wide bit-field is of a type of its own to gcc
            return f"({t.name}){leaf.text}"
        if roll < 0.7:
            return self._binary(t, depth)
        if roll < 0.78:
            yes, no = self.integer(t, depth - 1), self.integer(t, depth - 1)
            return f"({self.condition(depth - 1)} ? {yes} : {no})"
        if roll < 0.84 and (floating := self.leaf((Floating,))):
            return f"({t.name})(i64)fin({floating.text})"
        if roll < 0.9 and (cell := self.leaf((Cell,))):
            return f"({t.name})*{cell.text}"
        if roll < 0.95:
            a, b = self.integer(t, depth - 1), self.integer(t, depth - 1)
            return f"({t.name})({a} {self.rng.choice(('<', '>', '==', '!=', '<=', '>='))} {b})"
        return f"({t.name})~{self.integer(t, depth - 1)}" if roll < 0.98 else f"({t.name})!{self.integer(t, depth - 1)}"

    def _binary(self, t: Integer, depth: int) -> str:
        wide = max(32, t.bits)
        unsigned = f"u{wide}"
        a, b = self.integer(t, depth - 1), self.integer(t, depth - 1)
        op = self.rng.choice("+ - * ^ & | << >> / % sdiv smod sar".split())
        if op in ("<<", ">>"):
            return f"({t.name})(({unsigned}){a} {op} (({unsigned}){b} & {wide - 1}))"
        if op in ("/", "%"):
            return f"({t.name})(({unsigned}){a} {op} (({unsigned}){b} | 1))"
        if op == "sar":
            width = min(wide, 64)
            return f"({t.name})((i{width}){a} >> ((u{width}){b} & {width - 1}))"
        if op in ("sdiv", "smod"):
            return f"({t.name}){op}{min(wide, 64)}({a}, {b})"
        return f"({t.name})(({unsigned}){a} {op} ({unsigned}){b})"

    def literal(self, t: Integer) -> str:
        """A constant; of 128 bits two halves."""
        n = self.rng.choice((self.rng.choice(_INTERESTING), self.rng.getrandbits(self.rng.choice((4, 8, 32, 64)))))
        if t.bits > 64:
            return f"((u128){n}u << 64 | {self.rng.getrandbits(64)}u)" if self.rng.random() < 0.5 else f"(u128){n}u"
        n &= 2**t.bits - 1
        return f"({t.name}){n}u" if t.bits != 32 or t.signed else f"{n}u"

    def floating(self, t: Floating, depth: int) -> str:
        """A finite floating expression."""
        double = t.bits == 64
        roll = self.rng.random()
        if depth <= 0 or roll < 0.25:
            leaf = self.leaf((Floating,)) if self.rng.random() < 0.75 else None
            if leaf is None:
                text = f"{self.rng.choice((1, 3, 5, 7, 11, 1000, 12345)) / self.rng.choice((1, 2, 3, 8, 10, 64))!r}"
                return text if double else text + "f"
            return leaf.text if leaf.type == t and not leaf.text.startswith("__") else f"({t.name}){leaf.text}"
        a = self.floating(t, depth - 1)
        if roll < 0.75:
            op = self.rng.choice("+-*/")
            b = self.floating(t, depth - 1)
            b = f"({b} == 0 ? ({t.name})3 : {b})" if op == "/" else b
            return f"{'fin' if double else 'finf'}({a} {op} {b})"
        if roll < 0.85:
            return f"({t.name})({'i32' if double else 'i16'}){self.integer(U32, depth - 1)}"
        if roll < 0.9:
            return f"({t.name}){self.rng.choice(('sqrt(fabs(', 'floor((', 'fabs((', 'trunc((', 'rint(('))}{a}))"
        if roll < 0.95:
            return f"-{a}" if not a.startswith("-") else a
        return f"({self.condition(depth - 1)} ? {a} : {self.floating(t, depth - 1)})"

    def _vector(self, t: Vector, depth: int) -> str:
        found = self.of_type(t) if self.rng.random() < 0.7 or depth <= 0 else None
        if found and (depth <= 0 or self.rng.random() < 0.4):
            return found
        if depth > 0 and self.rng.random() < 0.6:
            a, b = self._vector(t, depth - 1), self._vector(t, depth - 1)
            if isinstance(t.element, Floating):
                return f"fin_{t.name}({a} {self.rng.choice('+-*')} {b})"
            return f"({a} {self.rng.choice('+-*^&|')} {b})"
        return f"({t.name}){{{', '.join(self.value(t.element, 0) for _ in range(t.count))}}}"

    def _complex(self, t: Complex, depth: int) -> str:
        found = self.of_type(t)
        if found and self.rng.random() < 0.6:
            return found
        real, imaginary = self.floating(t.part, depth - 1), self.floating(t.part, depth - 1)
        return f"__builtin_complex(({t.part.name}){real}, ({t.part.name}){imaginary})"

    def _struct(self, t: Struct, depth: int) -> str:
        found = self.of_type(t)
        if found and self.rng.random() < 0.7:
            return found
        return f"({t.name}){self.initialiser(t, depth - 1)}"

    def initialiser(self, t: Struct, depth: int, constant: bool = False) -> str:
        """A braced list for a structure; of constants only, for what is initialised before the program starts."""

        def one(type_: Type) -> str:
            if isinstance(type_, Struct):
                return self.initialiser(type_, depth, constant)
            return self.constant(type_) if constant else self.value(type_, depth)

        parts = []
        for f in t.fields[:1] if t.name.startswith("union") else t.fields:
            text = "{" + ", ".join(one(f.type) for _ in range(f.length)) + "}" if f.length else one(f.type)
            parts.append(f".{f.name} = {text}")
        return "{" + ", ".join(parts) + "}"

    def constant(self, t: Type) -> str:
        """A constant expression of any type but a structure's, without the variables in scope."""
        scope, self.scope = self.scope, []
        try:
            if isinstance(t, Integer):
                return self.literal(t)
            if isinstance(t, Cell):
                return f"&cells[{self.rng.randrange(16)}]"
            if isinstance(t, Vector):
                return "{" + ", ".join(self.constant(t.element) for _ in range(t.count)) + "}"
            if isinstance(t, Complex):
                return self.floating(t.part, 0)
            assert isinstance(t, Floating)
            return self.floating(t, 0)
        finally:
            self.scope = scope


def scalar_types(types: Sequence[Type]) -> list[Scalar]:
    """Those of `types` that are scalars."""
    return [t for t in types if isinstance(t, (Integer, Floating)) or t == CELL]
