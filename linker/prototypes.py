"""Check that calls with variable arguments and the functions they reach agree about it (`popcc.passes.prototypes`)."""

from __future__ import annotations

from collections.abc import Iterator

from popcc.errors import ErrorGroup, PopccError
from popcc.linker.resolve import Resolution


def check_prototypes(resolution: Resolution) -> None:
    """Raises an `ErrorGroup` naming every call that would pass its arguments where the function doesn't look."""
    errors = [PopccError(text) for text in _violations(resolution)]
    if errors:
        raise ErrorGroup(errors)


def _violations(resolution: Resolution) -> Iterator[str]:
    for item in resolution.units:
        calls = item.unit.prototypes
        for name, place in calls.without.items():
            if _defined(resolution, name)[1]:
                yield f"{place}: {name} takes variable arguments and is called without a prototype; declare it before"
        for name, place in calls.called.items():
            origin, variadic = _defined(resolution, name)
            if origin and not variadic:
                yield (
                    f"{place}: {name} is called with variable arguments, but {origin} defines it without; "
                    "declare it as it is defined"
                )


def _defined(resolution: Resolution, name: str) -> tuple[str, bool]:
    """Where a function is defined, and whether with variable arguments; ("", False) where nobody knows.

    The runtime's own functions take the area's address, whatever they are declared as.
    """
    found = resolution.definitions[resolution.isas[0]].get(name)
    if found is None or found.symbol.type != "func":
        return "", False
    item = resolution.units[found.unit]
    return ("", False) if item.unit.private else (item.origin, name in item.unit.prototypes.defined)
