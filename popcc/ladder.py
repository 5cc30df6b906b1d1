"""What becomes of functions for which code or maps can't be made: down a ladder whose last rung bears anything.

registers       what every function begins with: values travel in registers and slots
memory tier     nothing but the frame's address lives across a site (popcc.passes.memory)
unoptimised     nor what code generation would keep there by itself, constants and addresses
without sites   its calls are plain ones, no thread moves while it is on the stack; LLVM compiles it like any function
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

MEMORY, UNOPTIMISED, WITHOUT_SITES = range(3)

# fatal errors of LLVM's register allocator and instruction selection
_CULPRIT = re.compile(r"[Ii]n function:? '?([^'\s]+)'?")


def culprit(words: str) -> str:
    """The function that LLVM named when it died; "" if it named none."""
    m = _CULPRIT.search(words)
    return m.group(1) if m else ""


class Ladder(Struct, frozen=True):
    """By rung below the first, the functions that came to it, and why. They are on the lowest that has them."""

    rungs: tuple[Mapping[str, str], ...] = ({}, {}, {})

    @property
    def memory(self) -> dict[str, str]:
        """The functions whose values go to memory, and all that was said on their way."""
        memory, unoptimised, _ = self.rungs
        more = {f: f"{memory[f]}; not optimised, since in memory {why}" for f, why in unoptimised.items()}
        return {**memory, **more}

    @property
    def unoptimised(self) -> Mapping[str, str]:
        """The functions that are not to be optimised."""
        return self.rungs[UNOPTIMISED]

    @property
    def without_sites(self) -> Mapping[str, str]:
        """The functions that are to have no sites."""
        return self.rungs[WITHOUT_SITES]

    def after_unproved(self, why: Mapping[str, str]) -> Ladder:
        """Functions with unproved sites go one down; what is unproved of unoptimised ones is marked, and not used."""
        return self._lower(why, UNOPTIMISED)

    def after_death(self, word: str, candidates: Iterable[str], why: str) -> Ladder:
        """LLVM died of `word`, or of any of `candidates` if that is "": one rung down. The same if there is none."""
        return self._lower(dict.fromkeys([word] if word else candidates, why), WITHOUT_SITES)

    def below(self, before: Ladder) -> tuple[str, ...]:
        """The functions that stand on another rung than `before`."""
        pairs = zip(self.rungs, before.rungs, strict=True)
        return tuple(dict.fromkeys(f for rung, old in pairs for f in rung if f not in old))

    def _lower(self, why: Mapping[str, str], lowest: int) -> Ladder:
        rungs = [dict(rung) for rung in self.rungs]
        for function, cause in why.items():
            below = next((n for n, rung in enumerate(self.rungs) if function not in rung), len(rungs))
            if below <= lowest:
                rungs[below][function] = cause
        return Ladder(tuple(rungs))
