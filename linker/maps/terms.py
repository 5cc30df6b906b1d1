"""Terms: what a location holds, as far as it is known.

term   ("c", v)  ("sym", name, addend)  ("page", name, addend)  ("tp", offset)  ("cfa", offset)
       ("diff", name, other, addend): name + addend - other; ("tpdiff", …): that beyond the thread pointer
       ("ld", name, offset, size)       load from read-only memory
       ("init", location)               what the location held on entry
       ("def", address, location)       some result of the instruction at an address
       ("lost",)                        nothing any more: the last call has left what it liked there
       ("phi", block, location)         what flows together at the head of a block
       ("add", term, k)  ("zx", n, term)  ("sx", n, term)
       ("lo", n, term)                  the low n bytes are the term's, the rest is anything
       ("shl", k, term)                 shifted left by k bits, of which a shift back makes an extension
"""

from __future__ import annotations

from typing import Any

from popcc.linker.machine.base import M64

Term = tuple[Any, ...]

LOST: Term = ("lost",)


def add(term: Term, k: int) -> Term:
    """`term` plus a constant."""
    kind = term[0]
    if k == 0:
        return term
    if kind == "c":
        return ("c", (term[1] + k) & M64)
    if kind == "sym":
        return ("sym", term[1], term[2] + k)
    if kind in ("tp", "cfa"):
        return (kind, term[1] + k)
    if kind == "add":
        return add(term[1], term[2] + k)
    if kind in ("diff", "tpdiff"):
        return (*term[:3], term[3] + k)
    return ("add", term, k)


def total(a: Term, b: Term) -> Term | None:
    """The sum of two terms, if it can be told: one of them is a number, or they make a thread-local's address."""
    if a[0] == "c" or (a[0] == "diff" and b[0] == "tp"):
        a, b = b, a
    if b[0] == "c":
        return add(a, b[1] - (b[1] >> 63 << 64))
    # the thread pointer and how far the variable is off
    return ("tpdiff", *b[1:3], b[3] + a[1]) if a[0] == "tp" and b[0] == "diff" else None


def low(n: int, term: Term) -> Term:
    """The term for the low `n` bytes of `term`, the rest unknown."""
    if n >= 8:
        return term
    while term[0] in ("zx", "sx", "lo") and term[1] >= n:
        term = term[2]
    if term[0] == "c":
        return ("c", term[1] & ((1 << 8 * n) - 1))
    if term[0] == "lo" and term[1] < n:
        return term
    return ("lo", n, term)


def extend(n: int, term: Term, how: str) -> Term:
    """The low `n` bytes of `term` zero- ("z") or sign-extended ("s") to 8."""
    if n >= 8 or not how or (n == 4 and term[0] == "sym"):
        return term  # the program lies under 2 GiB: an address is its own extension
    term = low(n, term)
    if term[0] == "c":
        value = term[1]
        if how == "s" and value >> (8 * n - 1):
            value -= 1 << 8 * n
        return ("c", value & M64)
    inner = term[2] if term[0] == "lo" and term[1] == n else term
    if how == "z" and inner[0] == "zx" and inner[1] <= n:
        return inner
    return ("zx" if how == "z" else "sx", n, inner)


def shifted(name: str, term: Term, bits: int) -> Term | None:
    """A term shifted by a number of bits, as far as shifts to and fro are how an ISA extends low bytes."""
    if name == "shl" and bits in (32, 48, 56):
        return ("shl", bits, term)
    if name in ("shr", "sar") and term[:2] == ("shl", bits):
        return extend(8 - bits // 8, term[2], "z" if name == "shr" else "s")
    return None


def common_extension(vector: tuple[Term, ...], phi: Term) -> Term:
    """`phi`, wrapped in the extension that all the terms flowing into it share."""
    how = vector[0][0]
    if how in ("zx", "sx"):
        width = vector[0][1]
        if all(t[0] == how and t[1] == width for t in vector):
            return (how, width, phi)
    return phi
