"""A function's results, kept by which object they are of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

A = TypeVar("A")
R = TypeVar("R")


class ByIdentity(Generic[A, R]):
    """Calls `make` once per object. For arguments that don't change and cost more to hash than to tell apart.

    The arguments are kept alive, so that no other object comes to have the identity of one.
    """

    def __init__(self, make: Callable[[A], R]) -> None:
        self._make = make
        self._known: dict[int, tuple[A, R]] = {}

    def __call__(self, argument: A) -> R:
        """The result."""
        key = id(argument) >> 4  # objects lie at multiples of 16, and a dict goes by the low bits
        found = self._known.get(key)
        if found is None or found[0] is not argument:
            found = self._known[key] = (argument, self._make(argument))
        return found[1]
