"""Sizes of types, which decide where locals lie."""

from __future__ import annotations

from popcc.ir import model
from popcc.passes.sizes import TypeSizes


def test_many_structures_one_after_the_other() -> None:
    """LLVM's data layout took one structure for another that had lain at the same address: locals overlapped."""
    wanted = {
        "{ " + ", ".join([scalar] * count) + " }": size * count
        for count in range(1, 40)
        for scalar, size in (("double", 8), ("float", 4), ("i16", 2), ("<2 x double>", 16))
    }
    sizes = TypeSizes(model.parse("define void @f() {\nentry:\n  ret void\n}\n"))
    assert {t: sizes.size(t) for t in wanted} == wanted
