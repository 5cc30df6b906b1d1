"""What the maps of one unit must agree on across ISAs: sites, and which values a site has."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from popcc.schema.sites import NO_LOCATION, FunctionFlag, SiteFlag
from popcc.unit import FunctionMap, IsaObject


def unproved(objects: dict[str, IsaObject]) -> dict[str, str]:
    """Functions with an unproved site, and why the first one is."""
    why: dict[str, str] = {}
    for isa, o in objects.items():
        for f in o.functions:
            for s in f.sites:
                if s.unproved:
                    why.setdefault(f.name, f"unproved on {isa}: {s.unproved}")
    constant = "a value is a constant on one ISA only"
    return {**dict.fromkeys(sorted(_constant_on_some(objects)), constant), **why}


def _constant_on_some(objects: dict[str, IsaObject]) -> set[str]:
    """Functions in which a value is a constant to one ISA's code and not to another's: nobody could fill it in."""
    constant: dict[int, set[tuple[int, ...]]] = {}
    names: dict[int, str] = {}
    for o in objects.values():
        for f in o.functions:
            for s in f.sites:
                if not s.unproved:
                    places = tuple(k for k, word in enumerate(s.values) if word == NO_LOCATION)
                    constant.setdefault(s.id, set()).add(places)
                    names[s.id] = f.name
    return {names[id_] for id_, places in constant.items() if len(places) > 1}


def agreed(objects: dict[str, IsaObject]) -> dict[str, IsaObject]:
    """A site that one ISA can't use is unusable on all: nobody may leave from where one can't arrive."""
    ids = {isa: {s.id for f in o.functions for s in f.sites} for isa, o in objects.items()}
    why = {
        id_: f"its call is not in the code for {isa}"
        for isa, found in ids.items()
        for id_ in set().union(*ids.values()) - found
    }
    why |= {
        s.id: f"unproved on {isa}: {s.unproved}"
        for isa, o in objects.items()
        for f in o.functions
        for s in f.sites
        if s.unproved
    }
    if not why:
        return objects

    def marked(f: FunctionMap) -> FunctionMap:
        sites = (
            replace(s, flags=s.flags | SiteFlag.UNUSABLE, unproved=s.unproved or why[s.id]) if s.id in why else s
            for s in f.sites
        )
        return replace(f, sites=tuple(sites))

    return {isa: replace(o, functions=tuple(map(marked, o.functions))) for isa, o in objects.items()}


def with_tier(o: IsaObject, tier: Mapping[str, str]) -> IsaObject:
    marked = (replace(f, flags=f.flags | FunctionFlag.MEMORY_TIER) if f.name in tier else f for f in o.functions)
    return replace(o, functions=tuple(marked))
