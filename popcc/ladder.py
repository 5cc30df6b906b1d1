"""What becomes of functions for which code or maps can't be made: down a ladder whose last rung bears anything.

registers       what every function begins with: values travel in registers and slots
memory tier     nothing but the frame's address lives across a site (popcc.passes.memory)
without sites   its calls are plain ones, no thread moves while it is on the stack; LLVM compiles it like any function
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# fatal errors of LLVM's register allocator and instruction selection
_CULPRIT = re.compile(r"[Ii]n function:? '?([^'\s]+)'?")


def culprit(words: str) -> str:
    """The function that LLVM named when it died; "" if it named none."""
    m = _CULPRIT.search(words)
    return m.group(1) if m else ""


@dataclass(frozen=True)
class Ladder:
    """The functions of a unit that are not on the first rung, and why."""

    memory: Mapping[str, str] = field(default_factory=dict)
    without_sites: Mapping[str, str] = field(default_factory=dict)

    def after_unproved(self, why: Mapping[str, str]) -> Ladder:
        """Functions with unproved sites go to the memory tier; what is unproved there is marked, not used."""
        return Ladder({**why, **self.memory}, self.without_sites)

    def after_death(self, word: str, candidates: Iterable[str], why: str) -> Ladder:
        """LLVM died of `word`, or of any of `candidates` if that is "": one rung down. The same if there is none."""
        suspects = [word] if word else [c for c in candidates if c not in self.without_sites]
        lower = {f: why for f in suspects if f in self.memory and f not in self.without_sites}
        fresh = {f: why for f in suspects if f not in self.memory}
        return Ladder({**self.memory, **fresh}, {**self.without_sites, **lower})
