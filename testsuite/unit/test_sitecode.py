"""Site tables are read as they were written, and take no more room than they need."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from popcc.linker.sitecode import encode
from popcc.linker.verify.tables import TableFunction, TableSite, decode
from popcc.schema.sites import NO_LOCATION, SLOT, FunctionFlag, Recipe, RecipeKind, SiteFlag, SitesHeader

LOCATIONS = st.one_of(st.integers(0, 100), st.integers(1, 1 << 20).map(lambda n: SLOT | 8 * n), st.just(NO_LOCATION))
RECIPES = st.builds(
    Recipe,
    st.integers(0, 100),
    st.sampled_from([int(k) for k in RecipeKind]),
    st.sampled_from([1, 4, 8]),
    st.integers(0, 9),
    st.integers(-(1 << 63), (1 << 63) - 1),
)
MAPS = st.tuples(
    st.integers(0, 1 << 20).map(lambda n: 8 * n),
    st.lists(LOCATIONS, max_size=5).map(tuple),
    st.lists(st.tuples(st.integers(0, 100), st.integers(1, 1 << 10).map(lambda n: -8 * n)), max_size=4).map(tuple),
    st.lists(RECIPES, max_size=3).map(tuple),
    st.integers(0, 7),
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[TableFunction, ...]:
    """Functions one behind the other, whose sites have ids in any order, with holes."""
    functions, at, above = [], 0x400000, 0
    flags = st.integers(0, sum(FunctionFlag))
    for number, maps in enumerate(draw(st.lists(st.lists(MAPS, min_size=1, max_size=6), max_size=5))):
        ids = draw(st.permutations(range(above, above + len(maps) + draw(st.integers(0, 2)))))[: len(maps)]
        sites = tuple(
            TableSite(name, at + 4 * k, *described)
            for k, (name, described) in enumerate(zip(ids, maps, strict=True), 1)
        )
        size = 4 * len(maps) + draw(st.integers(0, 8))  # the last call may be the last instruction
        functions.append(TableFunction(f"f{number}", at, size, draw(flags), sites))
        at, above = at + size, max(above, *ids) + 1
    return tuple(functions)


def ids_of(functions: tuple[TableFunction, ...]) -> int:
    return max((s.id for f in functions for s in f.sites), default=-1) + 1


@given(tables(), st.sampled_from([0, 2 << 16]))
def test_what_is_written_is_read(functions: tuple[TableFunction, ...], narrow: int) -> None:
    data = encode(functions, ids_of(functions), narrow)
    assert decode(data) == functions
    assert SitesHeader.unpack(data).wide == (narrow == 0 and bool(functions))


def test_equal_maps_are_there_once() -> None:
    recipes = (Recipe(3, int(RecipeKind.CONST), 8, 0, 1),)
    sites = [TableSite(n, 16 + 4 * n, 64, (3, SLOT | 32), ((3, -16), (6, -24)), recipes, 0) for n in range(1000)]
    sizes = [len(encode([TableFunction("f", 12, 8000, 0, tuple(sites[:n]))], n)) for n in (500, 1000)]
    assert sizes[1] - sizes[0] < 500 * 8.2


def test_the_size_does_not_depend_on_what_is_refused() -> None:
    """The linker lays the program out before it knows."""
    sites = [TableSite(n, 16 + 4 * n, 64, (3,), (), (), 0) for n in range(9)]
    proved = encode([TableFunction("f", 12, 100, 0, tuple(sites))], 9)
    refused = [TableSite(s.id, s.returns_to, 64, (3,), (), (), SiteFlag.UNUSABLE) for s in sites[:4]]
    data = encode([TableFunction("f", 12, 100, 0, (*refused, *sites[4:]))], 9)
    assert len(data) == len(proved)
    assert [s.usable for s in decode(data)[0].sites] == [False] * 4 + [True] * 5
