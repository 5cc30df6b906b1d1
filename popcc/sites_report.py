"""The table that --sites-report prints: per function, how its calls are mapped and what hindered it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from popcc.unit import Unit


def sites_report(units: Sequence[Unit]) -> str:
    """One line a function that has sites, then totals; causes of unproved sites indented below."""
    return "\n".join(_lines(units)) + "\n"


def _lines(units: Sequence[Unit]) -> Iterator[str]:
    totals: Counter[str] = Counter()
    for unit in units:
        counts = Counter(s.function for s in unit.sites)
        if not counts and not unit.without_sites:
            continue
        causes = _causes(unit)
        yield f"{unit.source}:"
        for function, sites in counts.items():
            refused = len({site for site, _ in causes.get(function, ())})
            tier = "memory" if function in unit.memory_tier else "register"
            totals["sites"] += sites
            totals["refused"] += refused
            totals[tier] += sites - refused
            yield f"  {function}: {sites} site{'s' if sites != 1 else ''}, {tier} tier" + (
                f", {refused} refused" if refused else ""
            )
            for cause, n in sorted(Counter(cause for _, cause in causes.get(function, ())).items()):
                yield f"      {n} x {cause}"
        for function, why in unit.without_sites.items():
            yield f"  {function}: no sites, since with them there is {why}"
    yield (
        f"{totals['sites']} sites: {totals['register']} proved in registers, {totals['memory']} through memory, "
        f"{totals['refused']} refused"
    )


def _causes(unit: Unit) -> dict[str, list[tuple[int, str]]]:
    """Function -> (site, cause with ISA) of what is unproved."""
    found: dict[str, list[tuple[int, str]]] = {}
    for isa, obj in unit.objects.items():
        for function in obj.functions:
            for s in function.sites:
                if s.unproved:
                    found.setdefault(unit.sites[s.id].function, []).append((s.id, f"{s.unproved} [{isa}]"))
    return found
