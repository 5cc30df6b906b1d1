"""The passes in their order (design 4): before the optimiser, and behind it."""

from __future__ import annotations

from collections.abc import Sequence

from popcc.leaf import LEAF_FUNCTIONS
from popcc.passes.base import Pass
from popcc.passes.builtins import Builtins
from popcc.passes.byval import ByVal
from popcc.passes.commonstack import CommonStack
from popcc.passes.gotos import ComputedGotos
from popcc.passes.idioms import Idioms
from popcc.passes.memory import MemoryTier
from popcc.passes.points import MigrationPoints
from popcc.passes.samebits import SameBits
from popcc.passes.sections import Sections
from popcc.passes.setjmp import SetJmp
from popcc.passes.signatures import Signatures
from popcc.passes.sites import Sites
from popcc.passes.target import TargetWords
from popcc.passes.tls import ThreadLocals
from popcc.passes.varargs import VarArgs
from popcc.passes.vectors import Vectors
from popcc.passes.wideresults import WideResults


def before_optimiser(builtins: Builtins) -> Sequence[Pass]:
    """What makes the front end's IR one that all ISAs share."""
    return (
        WideResults(),
        Idioms(),
        builtins,
        TargetWords(),
        SameBits(),
        ComputedGotos(),
        SetJmp(),
        VarArgs(),
        ByVal(),
        Signatures(),
        ThreadLocals(),
    )


def behind_optimiser(migration_points: str) -> Sequence[Pass]:
    """What is the same on whichever rung a function stands (popcc.ladder)."""
    return (
        Signatures("promoted"),  # again: the optimiser passes by value what it finds passed by pointer
        SameBits(),
        MigrationPoints(migration_points, LEAF_FUNCTIONS),
    )


def with_sites(memory_tier: MemoryTier, sites: Sites) -> Sequence[Pass]:
    """What brings sites about, in each function by itself: who calls whom does not change any more."""
    return (
        Vectors(frozenset(memory_tier.functions), calls=memory_tier.calls),
        memory_tier,
        CommonStack(calls=memory_tier.calls),
        sites,
        Sections(),
    )
