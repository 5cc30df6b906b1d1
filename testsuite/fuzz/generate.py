"""Random C programs of defined behaviour, out of what Csmith leaves out.

Structures of every shape, vectors, complex and 128-bit numbers as arguments and results, variable arguments, arrays of
variable length and alloca, setjmp and longjmp, deep and mutual recursion, calls through tables, many arguments,
computed gotos, the C library with callbacks. A program prints its checksum after each call from main. Each uses a
random part of all that, since features that are always there hide each other. The text depends on the seed alone.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzz.expressions import Expressions, Variable
from fuzz.shapes import (
    CELL,
    DOUBLE,
    INTEGERS,
    U32,
    U64,
    Complex,
    Floating,
    Integer,
    Struct,
    Type,
    Vector,
    declared,
    mixed,
    random_structs,
)  # fmt: skip
from fuzz.statements import Body, Function, Parameter, all_types, type_id

_PRELUDE = Path(__file__).with_name("prelude.c")
_LETTERS = "abcdefghijklmnop"
_OPTIONAL = ("call", "if", "for", "while", "switch", "vla", "alloca", "throw", "catch", "library", "goto", "leave",
             "copy")  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """How much a program does: deep stacks cost time at every rebuild, so there are few calls then."""

    depth: int
    fuel: int


_SCALES = (Scale(8, 1200), Scale(30, 600), Scale(300, 350))


def generate(seed: str) -> str:
    """The program of a seed."""
    return _Program(random.Random(seed)).text()


class _Program:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.structs = random_structs(rng)
        types = all_types(self.structs)
        self.types = rng.sample(types, rng.randint(6, len(types)))
        self.types += [U64, U32, DOUBLE, *self.structs]
        self.weights = {"assign": 3.0, "mix": 1.0, "local": 1.5}
        self.weights |= {k: rng.choice((0.0, 0.4, 1.0)) for k in _OPTIONAL}
        self.weights["call"] = rng.choice((1.0, 2.0, 3.0))
        self.scale = rng.choice(_SCALES)
        self.ex = Expressions(rng)
        self.globals: list[Variable] = []

    def text(self) -> str:
        functions = self._functions()
        globals_ = self._globals(functions)
        prototypes = "".join(f"{f.header()};\n" for f in functions)
        tables = "".join(_table(name, members) for name, members in _by_table(functions).items())
        bodies = [self._body(f, functions) for f in functions]
        parts = [
            _PRELUDE.read_text(), *(s.definition() for s in self.structs), globals_, prototypes, tables, *bodies,
            self._main(functions),
        ]  # fmt: skip
        return "\n".join(parts)

    def _functions(self) -> list[Function]:
        out: list[Function] = []
        for k in range(self.rng.randint(2, 4)):
            signature = self._signature(k)
            alike = self.rng.choice((1, 1, 1, 2))
            table = f"table{k}" if alike > 1 else ""
            for j in range(alike):
                linkage = self.rng.choice(
                    ("", "static ", "__attribute__((noinline)) ", "static __attribute__((noinline)) ")
                )
                name, result = f"f{k}" + (f"_{j}" if table else ""), signature.result
                out.append(Function(name, result, signature.parameters, linkage, signature.variadic, table, alike))
        return out

    def _signature(self, k: int) -> Function:
        rng = self.rng
        count = rng.choice((0, 1, 2, 3, 4, 6, 9, 14))
        parameters = tuple(Parameter(f"p{n}", rng.choice(self.types), rng.random() < 0.2) for n in range(count))
        result = rng.choice(self.types) if rng.random() < 0.85 else None
        variadic: tuple[Type, ...] = ()
        if rng.random() < 0.3:
            allowed = [t for t in self.types if _variadic(t)]
            variadic = tuple(dict.fromkeys(rng.choices(allowed, k=rng.randint(2, 8))))
        return Function(f"f{k}", result, parameters, "", variadic)

    def _globals(self, functions: Sequence[Function]) -> str:
        lines = []
        pointed = {type_id(p.type): p.type for f in functions for p in f.parameters if p.pointer}
        chosen = {type_id(t): t for t in self.rng.sample(self.types, min(5, len(self.types)))} | pointed
        for name, type_ in chosen.items():
            where = self.rng.choice(("static ", "static ", "", "static _Thread_local "))
            v = Variable(f"g_{name}", type_)
            lines.append(f"{where}{declared(type_, v.text)} = {self._constant(type_)};")
            self.globals.append(v)
        for k in range(self.rng.randint(0, 3)):
            type_ = self.rng.choice([t for t in self.types if not isinstance(t, (Vector, Complex))])
            v = Variable(f"a{k}", type_, self.rng.choice((4, 8, 32)), writable=self.rng.random() < 0.7)
            values = ", ".join(self._constant(type_) for _ in range(v.length))
            const = "" if v.writable or type_ == CELL else "const "
            lines.append(f"static {const}{declared(type_, v.text)}[{v.length}] = {{{values}}};")
            self.globals.append(v)
        return "\n".join(lines) + "\n"

    def _constant(self, type_: Type) -> str:
        return self.ex.initialiser(type_, 1, True) if isinstance(type_, Struct) else self.ex.constant(type_)

    def _nothing(self, type_: Type) -> str:
        """A value for a call that does nothing."""
        text = self._constant(type_)
        return f"({type_.name}){text}" if text.startswith("{") else text

    def _body(self, f: Function, functions: Sequence[Function]) -> str:
        self.ex.scope = list(self.globals)
        body = Body(self.rng, self.ex, f, functions, self.types, self.weights)
        body.left = self.rng.choice((4, 8, 14))
        for p in f.parameters:
            text = f"(*{p.name})" if p.pointer else p.name
            self.ex.scope.append(Variable(text, p.type, local=not p.pointer))
        body.lines.append(f.header())
        body.lines.append("{")
        nothing = f" {self._nothing(f.result)}" if f.result else ""
        body.say(f"if (--fuel < 0 || depth >= {self.scale.depth}) return{nothing};")
        body.say("depth++;")
        for _ in range(self.rng.randint(1, 4)):
            body.local()
        if f.variadic:
            self._arguments(f, body)
        if self.rng.random() < 0.15:
            self._interpreter(body)
        for _ in range(self.rng.randint(2, 6)):
            body.statement()
        if f.variadic:
            body.say("va_end(list);")
        for p in f.parameters:
            if self.rng.random() < 0.3:
                body.say(mixed(p.type, f"(*{p.name})" if p.pointer else p.name))
        if f.variadic and f.result is not None:
            v = body.declare(f.result, "result")
            body.say("depth--;")
            body.say(f"return {v.text};")
        else:
            body.finish()
        body.lines.append("}")
        return "\n".join(body.lines) + "\n"

    def _arguments(self, f: Function, body: Body) -> None:
        """Reads the variable arguments as the letters of `format` say, other calls between."""
        body.say("va_list list;")
        body.say("va_start(list, format);")
        if self.rng.random() < 0.3:
            body.say("va_list again; va_copy(again, list); (void)again; va_end(again);")
        body.open("for (const char *c = format; *c; c++) switch (*c)")
        for letter, type_ in zip(_LETTERS, f.variadic, strict=False):
            v = Variable(f"arg_{letter}", type_, local=True)
            body.say(f"case '{letter}': {{ {declared(type_, v.text)} = va_arg(list, {type_.name});")
            body.indent += 1
            body.say(mixed(type_, v.text))
            if self.rng.random() < 0.4:
                body.block(1, [v])
            body.say("break;")
            body.close()
        body.close()

    def _interpreter(self, body: Body) -> None:
        """Byte code, run by gotos through a table of labels."""
        rng = self.rng
        count = rng.randint(3, 6)
        code = ", ".join(str(rng.randrange(256)) for _ in range(rng.randint(4, 12)))
        body.open("")
        body.say(f"static const u8 code[] = {{{code}}};")
        body.say(f"static void *const labels[] = {{{', '.join(f'&&op{k}' for k in range(count))}}};")
        body.say(f"u32 pc = 0; u64 acc = {self.ex.value(U64)};")
        body.say(f"next: if (pc >= sizeof code || --fuel < 0) goto end; goto *labels[code[pc++] % {count}];")
        with self.ex.inner([Variable("acc", U64, local=True), Variable("pc", U32, writable=False, local=True)]):
            for k in range(count):
                body.open(f"op{k}:")
                body.say(f"acc = {self.ex.integer(U64, 2)};")
                if rng.random() < 0.5:
                    with self.ex.inner():
                        body.call()
                body.say("goto next;")
                body.close()
        body.say("end: mix(acc);")
        body.close()

    def _main(self, functions: Sequence[Function]) -> str:
        self.ex.scope = list(self.globals)
        main = Function("main", INTEGERS[6], ())
        body = Body(self.rng, self.ex, main, functions, self.types, self.weights)
        body.lines += ["int main(void)", "{"]
        for k in range(self.rng.randint(3, 6)):
            f = functions[k % len(functions)]
            body.say(f"fuel = {self.scale.fuel}; depth = 0; catcher = 0;")
            with self.ex.inner():
                body.open("")
                if f.result is None:
                    body.say(f"{body.call_text(f)};")
                else:
                    body.say(f"{declared(f.result, 'r')} = {body.call_text(f)};")
                    body.say(mixed(f.result, "r"))
                body.close()
            body.say(f'printf("{k} {f.name} %016llx\\n", (unsigned long long)sum);')
        for v in self.globals:
            body.say(mixed(v.type, f"{v.text}[1]" if v.length else v.text))
        body.say("for (int k = 0; k < 16; k++) mix(cells[k]);")
        body.say('printf("%016llx\\n", (unsigned long long)sum);')
        body.say("return 0;")
        return "\n".join([*body.lines, "}", ""])


def _variadic(t: Type) -> bool:
    """Whether values of the type may be variable arguments: not what is promoted, and not what popcc refuses."""
    if isinstance(t, Struct):
        return not t.overaligned
    if isinstance(t, Vector):
        return False
    return not (isinstance(t, Integer) and t.bits < 32) and not (isinstance(t, Floating) and t.bits < 64)


def _by_table(functions: Sequence[Function]) -> dict[str, list[Function]]:
    out: dict[str, list[Function]] = {}
    for f in functions:
        if f.table:
            out.setdefault(f.table, []).append(f)
    return out


def _table(name: str, members: Sequence[Function]) -> str:
    """The array of pointers to functions of one signature."""
    first = members[0]
    header = Function(f"(*{name}[])", first.result, first.parameters, "", first.variadic).header()
    return f"static {header} = {{{', '.join(f.name for f in members)}}};\n"
