"""Statements that put the C library to work: sorting with a callback, formatting, reading numbers back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuzz.shapes import DOUBLE, U32, U64, Type

if TYPE_CHECKING:
    from fuzz.statements import Body


def sort(body: Body) -> None:
    """qsort, with a callback that is pure."""
    name, k = body.fresh("sorted"), body.fresh("k")
    length = body.rng.choice((5, 16, 33))
    body.open("")
    body.say(f"u32 {name}[{length}];")
    body.say(f"for (u32 {k} = 0; {k} < {length}; {k}++) {name}[{k}] = ({body.ex.value(U32)}) * ({k} * 40503u + 1);")
    body.say(f"qsort({name}, {length}, sizeof *{name}, ascending);")
    body.say(f"for (u32 {k} = 0; {k} < {length}; {k}++) mix({name}[{k}]);")
    body.close()


def format_(body: Body) -> None:
    """snprintf with variable arguments of all kinds."""
    name = body.fresh("text")
    formats: list[tuple[str, Type | str]] = [
        ("%d", "int"), ("%u", "unsigned"), ("%lld", "long long"), ("%llx", "unsigned long long"), ("%.6e", DOUBLE),
        ("%.3f", DOUBLE), ("%17.9g", DOUBLE), ("%-5d|", "int"), ("%c", "int"),
    ]  # fmt: skip
    chosen = [body.rng.choice(formats) for _ in range(body.rng.randint(1, 9))]
    values = []
    for form, type_ in chosen:
        if form == "%c":
            values.append(f"33 + (({body.ex.value(U32, 1)}) & 63)")
        else:
            spelt = type_ if isinstance(type_, str) else type_.name
            values.append(f"({spelt}){body.ex.value(U64 if isinstance(type_, str) else type_, 1)}")
    body.open("")
    body.say(f"char {name}[400];")
    body.say(f'int n = snprintf({name}, sizeof {name}, "{" ".join(f for f, _ in chosen)}", {", ".join(values)});')
    body.say(f"mix((u64)n); for (const char *c = {name}; *c; c++) mix((u64)*c);")
    body.close()


def scan(body: Body) -> None:
    """Numbers written and read back."""
    name = body.fresh("text")
    body.open("")
    body.say(f"char {name}[64], *end;")
    body.say(f'snprintf({name}, sizeof {name}, "%.17g %llu", {body.ex.floating(DOUBLE, 2)}, '
             f"(unsigned long long){body.ex.value(U64)});")  # fmt: skip
    body.say(f"mix(bits(strtod({name}, &end))); mix(strtoull(end, 0, 10));")
    body.close()


LIBRARY = (sort, format_, scan)
