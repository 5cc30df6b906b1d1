"""Check that what was called as a leaf is one.

A call without a site is sound only if nothing below it can stop for a migration. The compiler decides that
by name (popcc.leaf); only the linker sees which definition the name got.
"""

from __future__ import annotations

from collections.abc import Iterator

from popcc.errors import ErrorGroup, PopccError
from popcc.linker.resolve import Resolution


def check_leaf_calls(resolution: Resolution) -> None:
    """Raises an `ErrorGroup` naming every definition that is called as a leaf and has sites."""
    errors = [PopccError(text) for text in _violations(resolution)]
    if errors:
        raise ErrorGroup(errors)


def _violations(resolution: Resolution) -> Iterator[str]:
    callers: dict[str, str] = {}
    for item in resolution.units:
        for name in item.unit.leaf_calls:
            callers.setdefault(name, item.origin)
    for name, caller in sorted(callers.items()):
        for isa in resolution.isas:
            found = resolution.definitions[isa].get(name)
            if found is None:
                continue
            item = resolution.units[found.unit]
            obj = item.unit.objects[isa]
            section = next((s.name for s in obj.sections if s.index == found.symbol.section), "")
            if any(f.section == section and f.sites for f in obj.functions):
                yield (
                    f"{item.origin}: {name} can stop for a migration, but {caller} calls it as the C library's "
                    f"function of that name, which can't; compile {item.unit.source} with --migration-points=none, "
                    "or give the function another name"
                )
                break
