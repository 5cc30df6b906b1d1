"""Expressions of claims: made so that equal values look equal as far as that is cheap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from popcc.linker.machine.base import ALU, M64

Expr = tuple[Any, ...]
Constant = Callable[[int, int], "int | None"]  # bytes of memory that can't change, by address and size


def add(e: Expr, k: int) -> Expr:
    """`e` plus a constant, in 64 bits."""
    if e[0] == "c":
        return ("c", (e[1] + k) & M64)
    if e[0] in ("cfa", "tp"):
        return (e[0], e[1] + k)
    if e[0] == "+":
        return add(e[1], e[2] + k)
    return ("+", e, k) if k else e


def extended(how: str, n: int, e: Expr) -> Expr:
    """The low `n` bytes of `e`, zero- ("z", "") or sign-extended ("s") to 8."""
    if n >= 8:
        return e
    how = how or "z"
    kind = e[0]
    if kind == "c":
        low = e[1] & ((1 << 8 * n) - 1)
        return ("c", (low - (1 << 8 * n)) & M64 if how == "s" and low >> (8 * n - 1) else low)
    if kind in ("z", "s") and e[1] >= n:
        return extended(how, n, e[2])
    if how == "z" and kind == "z":
        return e
    if kind == "m" and e[2] >= n:
        return ("m", e[1], n) if how == "z" else ("s", n, ("m", e[1], n))
    if kind == "m" and how == "z":
        return e
    if kind == "low" and e[1] >= n:
        return extended(how, n, e[2])
    if kind == "alu" and e[1] == "or" and e[3][0] == "c" and not e[3][1] & ((1 << 8 * n) - 1):
        return extended(how, n, e[2])  # what an ISA puts above a float of 4 bytes
    return (how, n, e)


def sliced(e: Expr, at: int, n: int) -> Expr:
    """Bytes `at` to `at + n` of `e`, zero-extended."""
    if at == 0:
        return extended("z", n, e)
    if e[0] == "c":
        return ("c", e[1] >> 8 * at & ((1 << 8 * n) - 1))
    if e[0] == "m":
        return ("m", e[1] + at, min(n, e[2] - at)) if at < e[2] else ("c", 0)
    if e[0] == "z":
        return sliced(e[2], at, min(n, e[1] - at)) if at < e[1] else ("c", 0)
    if e[0] == "part":
        return sliced(e[3], e[1] + at, min(n, e[2] - at)) if at < e[2] else ("c", 0)
    return ("part", at, n, e)


def inserted(e: Expr, value: int, shift: int) -> Expr:
    """`e` with 16 bits replaced."""
    if e[0] == "c":
        return ("c", (e[1] & ~(0xFFFF << shift)) | value << shift)
    return ("ins", e, value, shift)


def alu(name: str, a: Expr, b: Expr) -> Expr:
    """An operation of two expressions, in 64 bits."""
    if a[0] == "c" and b[0] == "c":
        return ("c", ALU[name](a[1], b[1]) & M64)
    if name == "add" and a[0] == "c":
        a, b = b, a
    if name in ("add", "sub") and b[0] == "c":
        k = b[1] - (b[1] >> 63 << 64)
        return add(a, k if name == "add" else -k)
    if name in ("shr", "sar") and a[:2] == ("alu", "shl") and a[3] == b and b[1] in (32, 48, 56):
        return extended("z" if name == "shr" else "s", 8 - b[1] // 8, a[2])  # as some ISAs extend low bytes
    return ("alu", name, a, b)


def loaded(address: Expr, size: int, at: int, constant: Constant) -> Expr:
    """What the instruction at `at` loads from an address; known if the memory can't change."""
    if address[0] == "c" and (value := constant(address[1], size)) is not None:
        return ("c", value)
    return ("ld", address, size, at)


def aged(e: Expr, at: int) -> Expr | None:
    """`e` where the instruction at `at` runs once more: what it loaded later is told by its negative address.

    None if `e` has other unknowns of it, which nothing outside of its run can make known.
    """
    if e[0] == "?":
        return None if e[1] == at else e
    parts = [aged(part, at) if isinstance(part, tuple) else part for part in e]
    if None in parts:
        return None
    return (*parts[:3], -at) if e[0] == "ld" and e[3] == at else tuple(parts)


def mentions(e: Expr) -> Iterator[Expr]:
    """The places that an expression depends on, and ("at", address) of each unknown."""
    kind = e[0]
    if kind in ("r", "h", "m"):
        yield e
    elif kind == "?":
        yield ("at", e[1])
    elif kind == "ld":
        yield ("at", e[3])
        yield from mentions(e[1])
    elif kind == "+":
        yield from mentions(e[1])
    elif kind in ("z", "s"):
        yield from mentions(e[2])
    elif kind in ("low", "alu"):
        yield from mentions(e[2])
        yield from mentions(e[3])
    elif kind == "ins":
        yield from mentions(e[1])
    elif kind == "part":
        yield from mentions(e[3])


def substituted(e: Expr, new: Callable[[Expr], Expr], constant: Constant) -> Expr:
    """`e` with each place replaced, made anew."""
    kind = e[0]
    if kind in ("r", "h", "m"):
        return new(e)
    if kind == "ld":
        return loaded(substituted(e[1], new, constant), e[2], e[3], constant)
    if kind == "+":
        return add(substituted(e[1], new, constant), e[2])
    if kind in ("z", "s"):
        return extended(kind, e[1], substituted(e[2], new, constant))
    if kind == "low":
        return ("low", e[1], substituted(e[2], new, constant), substituted(e[3], new, constant))
    if kind == "alu":
        return alu(e[1], substituted(e[2], new, constant), substituted(e[3], new, constant))
    if kind == "part":
        return sliced(substituted(e[3], new, constant), e[1], e[2])
    if kind == "ins":
        return inserted(substituted(e[1], new, constant), e[2], e[3])
    return e
