"""Statements: a function's body, out of whatever is in scope and whatever can be called."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fuzz.expressions import Expressions, Variable
from fuzz.library import LIBRARY
from fuzz.shapes import (
    COMPLEX,
    DOUBLE,
    INTEGERS,
    U32,
    U64,
    VECTORS,
    Cell,
    Floating,
    Integer,
    Struct,
    Type,
    declared,
    mix,
    mixed,
)  # fmt: skip

_LETTERS = "abcdefghijklmnop"


@dataclass(frozen=True)
class Parameter:
    """A parameter, or what one points to."""

    name: str
    type: Type
    pointer: bool = False

    def declaration(self) -> str:
        """As it stands in a list of parameters."""
        return declared(self.type, f"*{self.name}" if self.pointer else self.name)


@dataclass(frozen=True)
class Function:
    """A function of the program. `variadic` are the types its variable arguments may have, by letter."""

    name: str
    result: Type | None
    parameters: tuple[Parameter, ...]
    linkage: str = ""
    variadic: tuple[Type, ...] = ()
    table: str = ""  # the array of pointers through which it is called, if it is
    table_size: int = 0

    def header(self) -> str:
        """The declaration without its end."""
        parts = [p.declaration() for p in self.parameters]
        if self.variadic:
            parts += ["const char *format", "..."]
        return f"{self.linkage}{declared(self.result, self.name) if self.result else f'void {self.name}'}" + (
            f"({', '.join(parts) or 'void'})"
        )


@dataclass
class Body:
    """Writes one function's statements."""

    rng: random.Random
    ex: Expressions
    function: Function
    callable: Sequence[Function]
    types: Sequence[Type]
    weights: dict[str, float]
    lines: list[str] = field(default_factory=list)
    indent: int = 1
    loops: int = 0
    frozen: bool = False
    names: int = 0
    left: int = 14  # statements

    def say(self, text: str) -> None:
        """One line."""
        self.lines.append("\t" * self.indent + text)

    def fresh(self, stem: str) -> str:
        """A name that is new in this function."""
        self.names += 1
        return f"{stem}{self.names}"

    def declare(self, type_: Type, stem: str = "v", volatile: bool = False) -> Variable:
        """A new local variable with a value."""
        v = Variable(self.fresh(stem), type_, local=True, volatile=volatile)
        self.say(f"{'volatile ' if volatile else ''}{declared(type_, v.text)} = {self.ex.value(type_)};")
        self.ex.scope.append(v)
        return v

    def open(self, text: str) -> None:
        """Begins a block."""
        self.say(text + " {" if text else "{")
        self.indent += 1

    def close(self, text: str = "}") -> None:
        """Ends a block."""
        self.indent -= 1
        self.say(text)

    def block(self, count: int, variables: Sequence[Variable] = ()) -> None:
        """Statements with a scope of their own."""
        with self.ex.inner(variables):
            for _ in range(count):
                self.statement()

    def statement(self) -> None:
        """One statement of a random kind; a simple one when the function has become long."""
        self.left -= 1
        kinds: dict[str, Callable[[], None]] = {
            "assign": self.assign, "mix": self.mix, "local": self.local, "call": self.call, "if": self.branch,
            "for": self.count, "while": self.loop, "switch": self.switch, "vla": self.vla, "alloca": self.alloca,
            "throw": self.throw, "catch": self.catch, "library": self.library, "goto": self.jump, "leave": self.leave,
            "copy": self.copy,
        }  # fmt: skip
        if self.left <= 0 or self.indent > 5:
            kinds = {k: kinds[k] for k in ("assign", "mix", "call")}
        names = list(kinds)
        kinds[self.rng.choices(names, [self.weights[n] for n in names])[0]]()

    def assign(self) -> None:
        """A scalar, or a whole variable, gets another value."""
        whole = [v for v in self.ex.scope if v.writable and not v.length]
        if whole and self.rng.random() < 0.35:
            v = self.rng.choice(whole)
            self.say(f"{v.text} = {self.ex.value(v.type)};")
        elif leaf := self.ex.leaf((Integer, Floating, Cell), writable=True):
            self.say(f"{leaf.text} = {self.ex.value(leaf.type, 3)};")
        else:
            self.mix()

    def mix(self) -> None:
        """The checksum gets to know a value."""
        if leaf := self.ex.leaf((Integer, Floating, Cell)):
            self.say(mix(leaf))
        else:
            self.say(f"mix({self.ex.value(U64)});")

    def local(self) -> None:
        """A new variable, static now and then."""
        type_ = self.rng.choice(self.types)
        if self.rng.random() < 0.15 and isinstance(type_, Integer):
            v = Variable(self.fresh("kept"), type_)
            self.say(f"static {declared(type_, v.text)} = {self.ex.literal(type_)};")
            self.ex.scope.append(v)
        else:
            self.declare(type_)

    def branch(self) -> None:
        """if, with else or without."""
        self.open(f"if ({self.ex.condition()})")
        self.block(self.rng.randint(1, 3))
        if self.rng.random() < 0.5:
            self.close("} else {")
            self.indent += 1
            self.block(self.rng.randint(1, 3))
        self.close()

    def count(self) -> None:
        """A counting loop over a few values, up or down."""
        name = self.fresh("turn")
        times = self.rng.choice((2, 3, 5, 8, 17))
        up = f"{name} = 0; {name} < {times}; {name}++"
        down = f"{name} = {times}; {name}-- > 0;"
        self.open(f"for (u32 {self.rng.choice((up, down))})")
        self.say("if (--fuel < 0) break;")
        self._loop(Variable(name, U32, writable=False, local=True, constant=True))

    def loop(self) -> None:
        """A loop that ends when its condition says so, or the fuel."""
        end = f"({self.ex.condition()}) && --fuel > 0"
        if self.rng.random() < 0.5:
            self.open(f"while ({end})")
            self._loop()
        else:
            self.open("do")
            self._loop(end=f"}} while ({end});")

    def _loop(self, *variables: Variable, end: str = "}") -> None:
        self.loops += 1
        self.block(self.rng.randint(1, 3), variables)
        if self.rng.random() < 0.2:
            self.say(f"if ({self.ex.condition()}) {self.rng.choice(('break', 'continue'))};")
            self.block(1, variables)
        self.loops -= 1
        self.close(end)

    def switch(self) -> None:
        """Dense or sparse, with cases that fall through."""
        count = self.rng.randint(3, 8)
        labels = self.rng.choice((list(range(count)), sorted(self.rng.sample(range(64), count))))
        self.open(f"switch (({self.ex.value(U32)}) & {self.rng.choice((3, 7, 63))})")
        loops, self.loops = self.loops, 0
        for k in labels:
            self.say(f"case {k}: {{")
            self.indent += 1
            self.block(1)
            self.close()
            if self.rng.random() < 0.7:
                self.say("break;")
        self.say(f"default: mix({self.ex.value(U64, 1)});")
        self.loops = loops
        self.close()

    def vla(self) -> None:
        """An array whose length is only known at run time, used in a block."""
        element = self.rng.choice([t for t in self.types if not isinstance(t, Cell)])
        length = self.rng.choice((2, 4, 8, 16))
        name, n = self.fresh("vla"), self.fresh("n")
        self.open("")
        self.say(f"u32 {n} = {length} + (({self.ex.value(U32)}) & 7);")
        self.say(f"{declared(element, name)}[{n}];")
        self._array(name, element, length, n)

    def alloca(self) -> None:
        """The same by alloca, which lives until the function returns."""
        element = self.rng.choice([t for t in INTEGERS if t.bits <= 64])
        name, n = self.fresh("room"), self.fresh("n")
        self.open("")
        self.say(f"u32 {n} = 4 + (({self.ex.value(U32)}) & 15);")
        self.say(f"{element.name} *{name} = alloca({n} * sizeof *{name});")
        self._array(name, element, 4, n)

    def _array(self, name: str, element: Type, length: int, n: str) -> None:
        k = self.fresh("k")
        v = Variable(name, element, length, local=True)
        self.say(f"for (u32 {k} = 0; {k} < {n}; {k}++) {name}[{k}] = {self.ex.value(element)};")
        self.block(self.rng.randint(1, 4), [v])
        self.say(f"for (u32 {k} = 0; {k} < {n}; {k}++) {{ {mixed(element, f'{name}[{k}]')} }}")
        self.close()

    def throw(self) -> None:
        """longjmp to the innermost function that catches, if there is one."""
        self.say(f"if ({self.ex.condition()}) throw_({self.rng.randint(1, 3)});")

    def catch(self) -> None:
        """setjmp, and calls that may throw. A setjmp in a function is enough."""
        if self.frozen or "catch" not in self.weights or any("setjmp" in line for line in self.lines):
            self.call()
            return
        counter = self.declare(U32, "tries", volatile=True)
        self.declare(self.rng.choice((U64, DOUBLE)), "kept", volatile=True)
        saved, at, here = self.fresh("outer"), self.fresh("at"), self.fresh("here")
        self.say(f"jmp_buf *{saved} = catcher, {here}; const int {at} = depth;")
        self.say(f"{counter.text} = 0;")
        self.open(f"do {{ catcher = &{here}; switch (setjmp({here}))")
        self.say("case 0: {")
        self.indent += 1
        self.frozen = True
        with self.ex.frozen():
            self.block(self.rng.randint(2, 4))
        self.frozen = False
        self.say("break;")
        self.close()
        self.say(f"case 1: catcher = {saved}; depth = {at}; mix(1); {{")
        self.indent += 1
        self.block(1)
        self.close("} break;")
        self.say(f"default: catcher = {saved}; depth = {at}; mix({counter.text});")
        self.close(f"}} catcher = {saved}; }} while (++{counter.text} < {self.rng.randint(1, 4)} && --fuel > 0);")

    def jump(self) -> None:
        """Forward, over a statement or two."""
        label = self.fresh("over")
        self.say(f"if ({self.ex.condition()}) goto {label};")
        self.open("")
        self.block(self.rng.randint(1, 2))
        self.close()
        self.say(f"{label}:;")

    def leave(self) -> None:
        """An early return; from where a jump may come back the catcher would outlive its frame."""
        if self.frozen:
            self.mix()
            return
        self.open(f"if ({self.ex.condition()})")
        self.finish()
        self.close()

    def finish(self) -> None:
        """return, from anywhere."""
        if self.function.variadic:
            self.say("va_end(list);")
        if self.function.result is None:
            self.say("depth--;")
            self.say("return;")
            return
        name = self.fresh("result")
        self.say(f"{declared(self.function.result, name)} = {self.ex.value(self.function.result)};")
        self.say("depth--;")
        self.say(f"return {name};")

    def copy(self) -> None:
        """memset, memcpy and memmove over an array in scope."""
        arrays = [v for v in self.ex.scope if v.length and v.addressable and isinstance(v.type, Integer)]
        if not arrays:
            self.assign()
            return
        a = self.rng.choice(arrays)
        half = a.length // 2
        size = f"{self.rng.randint(0, half)} * sizeof *{a.text}"
        self.say(
            self.rng.choice(
                (
                    f"memmove({a.text} + {self.rng.randint(0, half)}, {a.text}, {size});",
                    f"memcpy({a.text}, {a.text} + {half}, {size});",
                    f"memset({a.text}, (int)({self.ex.value(U32)}), {size});",
                )
            )
        )

    def call(self) -> None:
        """A call, its result kept, or mixed, or dropped."""
        f = self.rng.choice(self.callable)
        text = self.call_text(f)
        if f.result is None or self.rng.random() < 0.1:
            self.say(text + ";")
            return
        target = self.ex.of_type(f.result, writable=True)
        if target and "[" not in target and self.rng.random() < 0.5:
            self.say(f"{target} = {text};")
            return
        name = self.fresh("r")
        self.say(f"{declared(f.result, name)} = {text};")
        self.ex.scope.append(Variable(name, f.result, local=True))
        if self.rng.random() < 0.7:
            self.say(mixed(f.result, name))

    def call_text(self, f: Function) -> str:
        """The call itself. Arguments are pure, but one may be a call when the others are constants."""
        inner = self.rng.randrange(len(f.parameters)) if f.parameters and self.rng.random() < 0.1 else -1
        nested = [g for g in self.callable if inner >= 0 and g.result == f.parameters[inner].type]
        arguments = []
        for k, p in enumerate(f.parameters):
            if p.pointer:
                arguments.append(self.ex.address(p.type, self.frozen) or f"&g_{type_id(p.type)}")
            elif nested and k == inner and not p.pointer:
                g = self.rng.choice(nested)
                arguments.append(f"{g.name}({', '.join(self._plain(q) for q in g.parameters)}{_no_more(g)})")
            elif nested:
                arguments.append(self._plain(p))
            else:
                arguments.append(self.ex.value(p.type))
        if f.variadic:
            given = [self.rng.randrange(len(f.variadic)) for _ in range(self.rng.choice((0, 1, 2, 3, 5, 9, 14)))]
            arguments.append('"' + "".join(_LETTERS[k] for k in given) + '"')
            arguments += [
                self._plain(Parameter("", f.variadic[k])) if nested else self.ex.value(f.variadic[k], 1) for k in given
            ]
        name = f.name
        if f.table and self.rng.random() < 0.6:  # an index beside a nested call must not depend on what that changes
            name = f"{f.table}[{self.rng.randrange(f.table_size) if nested else self.ex.index(f.table_size)}]"
        return f"{name}({', '.join(arguments)})"

    def _plain(self, p: Parameter) -> str:
        """An argument that nothing can change."""
        if p.pointer:
            return f"&g_{type_id(p.type)}"
        with self.ex.inner():
            self.ex.scope[:] = [v for v in self.ex.scope if v.constant]
            return self.ex.value(p.type, 1)

    def library(self) -> None:
        """The C library at work."""
        self.rng.choice(LIBRARY)(self)


def type_id(type_: Type) -> str:
    """A type's name as part of an identifier."""
    return type_.name.replace("u64 *", "cell").replace(" ", "_")


def _no_more(f: Function) -> str:
    return (", " if f.parameters else "") + '""' if f.variadic else ""


def all_types(structs: Sequence[Struct]) -> list[Type]:
    """What variables and parameters may be of; scalars more often than the rest."""
    floats: list[Type] = [DOUBLE, Floating("float", 32)]
    return [*INTEGERS, *INTEGERS[2:8], *floats, *floats, *COMPLEX, *VECTORS[:10], Cell(), *structs, *structs, *structs]
