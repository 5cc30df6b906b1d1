"""Which programs a seed stands for: number N of seed S is the same program, compiled the same way, always."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from fuzz import csmith, generate
from fuzz.judge import Case

_OPTIMISATION = ("-O0", "-O1", "-O2", "-O2", "-O3", "-Os")
_POINTS = ("auto", "auto", "functions", "loops", "all", "all")
GENERATORS: dict[str, Callable[[str], str]] = {"own": generate.generate, "csmith": csmith.generate}


def case(seed: int, number: int, kinds: Sequence[str]) -> Case:
    """The program with this number. `kinds` are keys of `GENERATORS` to choose from."""
    name = f"{seed}-{number}"
    rng = random.Random(name)
    kind = rng.choice(list(kinds))
    optimisation, points = rng.choice(_OPTIMISATION), rng.choice(_POINTS)
    include = csmith.FLAGS if kind == "csmith" else ()
    return Case(f"{kind}-{name}", kind, GENERATORS[kind](name), optimisation, points, include)
