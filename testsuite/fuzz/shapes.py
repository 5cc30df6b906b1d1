"""The types of a generated program: scalars, vectors, and structures of every shape."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Integer:
    """An integer type of the prelude."""

    name: str
    bits: int
    signed: bool = False


@dataclass(frozen=True)
class Floating:
    """float or double; popcc's long double is another type than the host's."""

    name: str
    bits: int


@dataclass(frozen=True)
class Complex:
    """A complex type."""

    name: str
    part: Floating


@dataclass(frozen=True)
class Vector:
    """A vector type of the prelude."""

    name: str
    element: Integer | Floating
    count: int


@dataclass(frozen=True)
class Cell:
    """A pointer to one of the prelude's cells."""

    name: str = "u64 *"


@dataclass(frozen=True)
class Field:
    """A member: a bit-field if it has a `width`, an array if it has a `length`."""

    name: str
    type: Type
    width: int = 0
    length: int = 0


@dataclass(frozen=True)
class Struct:
    """A structure, or a union of which only the first member is used."""

    name: str
    fields: tuple[Field, ...]
    attributes: str = ""

    @property
    def tag(self) -> str:
        """The name without its keyword."""
        return self.name.split()[1]

    @property
    def overaligned(self) -> bool:
        """Whether some alignment is over 8, which popcc refuses among variable arguments."""
        return "aligned" in self.attributes or any(
            (isinstance(f.type, Vector) and f.type.count * f.type.element.bits > 64)
            or (isinstance(f.type, Integer) and f.type.bits > 64)
            or (isinstance(f.type, Struct) and f.type.overaligned)
            for f in self.fields
        )

    def definition(self) -> str:
        """The C text, with the function that mixes a value into the checksum."""
        members = "".join(f"\t{_member(f)};\n" for f in self.fields)
        mixes = "".join(f"\t{mix(leaf)}\n" for leaf in leaves(self, "(*p)"))
        return (
            f"{self.name} {{\n{members}}}{self.attributes};\n"
            f"static void mix_{self.tag}(const {self.name} *p)\n{{\n{mixes}}}\n"
        )


Type = Integer | Floating | Complex | Vector | Cell | Struct
Scalar = Integer | Floating | Cell

U32, U64 = Integer("u32", 32), Integer("u64", 64)
INTEGERS = (
    Integer("u8", 8), Integer("u16", 16), U32, U64, Integer("i8", 8, True), Integer("i16", 16, True),
    Integer("i32", 32, True), Integer("i64", 64, True), Integer("u128", 128),
)  # fmt: skip
FLOAT, DOUBLE = Floating("float", 32), Floating("double", 64)
COMPLEX = (Complex("_Complex float", FLOAT), Complex("_Complex double", DOUBLE))
VECTORS = (
    Vector("v2u", U32, 2), Vector("v4u", U32, 4), Vector("v8u", U32, 8), Vector("v2q", U64, 2),
    Vector("v8h", INTEGERS[1], 8), Vector("v16b", INTEGERS[0], 16), Vector("v2f", FLOAT, 2), Vector("v4f", FLOAT, 4),
    Vector("v2d", DOUBLE, 2), Vector("v4d", DOUBLE, 4), Vector("v8q", U64, 8), Vector("v16f", FLOAT, 16),
)  # fmt: skip
CELL = Cell()


@dataclass(frozen=True)
class Leaf:
    """A scalar that can be read and assigned: `text` is its lvalue."""

    text: str
    type: Scalar


def leaves(type_: Type, text: str) -> Iterator[Leaf]:
    """The scalars that a value is made of."""
    if isinstance(type_, Complex):
        yield Leaf(f"__real__ {text}", type_.part)
        yield Leaf(f"__imag__ {text}", type_.part)
    elif isinstance(type_, Vector):
        yield from (Leaf(f"{text}[{k}]", type_.element) for k in range(type_.count))
    elif isinstance(type_, Struct):
        for f in type_.fields[:1] if type_.name.startswith("union") else type_.fields:
            if f.length:
                for k in range(f.length):
                    yield from leaves(f.type, f"{text}.{f.name}[{k}]")
            else:
                yield from leaves(f.type, f"{text}.{f.name}")
    else:
        yield Leaf(text, type_)


def mix(leaf: Leaf) -> str:
    """The statement that puts a scalar into the checksum."""
    if isinstance(leaf.type, Floating):
        return f"mix(bits({leaf.text}));"
    if isinstance(leaf.type, Cell):
        return f"mix((u64)({leaf.text} - cells));"
    if leaf.type.bits > 64:
        return f"mix((u64){leaf.text}); mix((u64)({leaf.text} >> 64));"
    return f"mix((u64){leaf.text});"


def mixed(type_: Type, text: str) -> str:
    """As `mix` for any type; `text` must have an address if it is a structure."""
    if isinstance(type_, Struct):
        return f"mix_{type_.tag}(&{text});"
    return " ".join(mix(leaf) for leaf in leaves(type_, text))


def declared(type_: Type, name: str) -> str:
    """``TYPE NAME``."""
    return f"{type_.name}{'' if type_.name.endswith('*') else ' '}{name}"


def _member(field: Field) -> str:
    width = f" : {field.width}" if field.width else ""
    length = f"[{field.length}]" if field.length else ""
    return declared(field.type, field.name) + width + length


def random_structs(rng: random.Random) -> list[Struct]:
    """A few structures, from one byte to a hundred, that the ABI classes in all its ways."""
    out: list[Struct] = []
    for k in range(rng.randint(2, 6)):
        style = rng.choice(("mixed", "mixed", "integers", "floats", "bits", "nested", "union", "vectors", "big"))
        fields = tuple(_fields(rng, style, out))
        attributes = rng.choices(("", " __attribute__((packed))", " __attribute__((aligned(32)))"), (20, 1, 1))[0]
        if style in ("bits", "vectors", "nested"):
            attributes = ""
        out.append(Struct(f"{'union' if style == 'union' else 'struct'} s{k}", fields, attributes))
    return out


def _fields(rng: random.Random, style: str, earlier: list[Struct]) -> Iterator[Field]:
    small = [t for t in INTEGERS if t.bits <= 64]
    floats: list[Type] = [FLOAT, DOUBLE]
    anything: list[Type] = [*small, *floats, *floats, CELL]
    count = rng.randint(6, 12) if style == "big" else rng.randint(1, 5)
    for k in range(count):
        name = f"f{k}"
        length = rng.randint(2, 4) if rng.random() < 0.15 else 0
        if style == "bits" and rng.random() < 0.7:
            base = rng.choice([t for t in small if t.bits >= 32])
            yield Field(name, base, rng.randint(1, base.bits - 1))
        elif style == "floats":
            yield Field(name, rng.choice([*floats, *floats, *COMPLEX]), 0, length)
        elif style == "vectors" and k == 0:
            yield Field(name, rng.choice(VECTORS))
        elif style == "nested" and earlier and k < 2:
            yield Field(name, rng.choice(earlier))
        elif style == "integers":
            yield Field(name, rng.choice(small), 0, length)
        else:
            yield Field(name, rng.choice([*anything, INTEGERS[8] if k == 0 else U32]), 0, length)
