"""Mistakes that a protocol of this kind invites, planted in a copy of the engine: simulator or search must notice each.

PYTHONPATH=testsuite python -m dsm.mutants     says within how many schedules, or states, which is noticed
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass

from dsm.library import Edit, Size, Violation, library

SCHEDULES = 50_000
STATES = 3_000_000
SMALL = (Size(3, 1, 3, 1, 0, 1), Size(3, 1, 2, 2, 1, 1), Size(3, 2, 2, 1, 1, 1), Size(3, 2, 3, 1, 1, 1))


@dataclass(frozen=True)
class Mutant:
    """A mistake in the engine; `modelled`: the small model has all that it takes to make it matter."""

    name: str
    edits: tuple[Edit, ...]
    modelled: bool = True

    def schedules(self) -> int | None:
        """How many it takes the simulator to notice."""
        well, _ = library(self.edits).simulate(0, SCHEDULES)
        return None if well == SCHEDULES else well + 1

    def found_in(self) -> Size | None:
        """The size of model in which the search notices it."""
        for size in SMALL:
            try:
                library(self.edits).search(size, STATES)
            except Violation:
                return size
        return None


MUTANTS = (
    Mutant(
        "a write is granted before the last acknowledgement",
        (
            Edit("directory.c", "\tif (e->awaited) return;\n", ""),
            Edit("directory.c", "if (!e->want || !(e->awaited & bit(from)) ||", "if (!e->want) return 0;\n\tif ("),
        ),
    ),
    Mutant(
        "one sharer is not invalidated",
        (Edit("directory.c", "e->sharers & (uint16_t)~bit(node);", "e->sharers & ~bit(node) & (e->sharers - 1);"),),
    ),
    Mutant(
        "an upgrade is granted as it was asked for, though the copy was invalidated since",
        (
            Edit(
                "directory.c",
                "\tpush(e, from, want);\n",
                "\te->unused[0] &= (uint8_t)~bit(from);\n\te->unused[0] |= e->sharers & bit(from);\n"
                "\tpush(e, from, want);\n",
            ),
            Edit(
                "directory.c",
                "int had = e->state == DSM_HOME && node != DSM_NOBODY && e->sharers & bit(node);",
                "int had = node != DSM_NOBODY && e->unused[0] & bit(node);",
            ),
            Edit("replica.c", "|| !enough || !current)", "|| !enough)"),
        ),
    ),
    Mutant(
        "an owner lost with the bytes under way counts as one that answered",
        (Edit("loss.c", "if (e->state == DSM_HOME || want == DSM_RECALL_DROP) {", "if (want) {"),),
    ),
    Mutant(
        "a page that is gone is granted from what the origin had before",
        (Edit("directory.c", "if (e->state == DSM_GONE) deny", "if (e->state > DSM_GONE) deny"),),
    ),
    Mutant(
        "an owner that shares goes on writing",
        (Edit("replica.c", "recall == DSM_SHARE ? DSM_MAY_READ", "recall == DSM_SHARE ? DSM_MAY_WRITE"),),
    ),
    Mutant(
        "requests are served while the mapping changes",
        (Edit("recall.c", "return d->recall.active && page", "return d->recall.active > 1 && page"),),
    ),
    Mutant(
        "what came for a held page is forgotten",
        (Edit("replica.c", "if (recall && !r->ended) give_up", "if (recall > DSM_KINDS) give_up"),),
    ),
    Mutant(
        "who waits is not served when the page is free",
        (Edit("directory.c", "_advance(d);\n\tpopcorn_directory_next(d, page);\n", "_advance(d);\n"),),
    ),
    Mutant(
        "the last to come is served first",
        (
            Edit(
                "directory.c", "unsigned node = e->queue & 15;", "unsigned node = e->queue >> 4 * (e->nqueue - 1) & 15;"
            ),
        ),
        modelled=False,
    ),
    Mutant(
        "a recall goes on to pages that still name the lost node",
        (Edit("loss.c", "d->recall.paused = 1;", "d->recall.paused = 0;"),),
    ),
    Mutant(
        "what comes twice is delivered twice",
        (Edit("link.c", "if (m->sequence <= l->heard) return 0;", "if (m->sequence <= l->heard) return 1;"),),
        modelled=False,
    ),
    Mutant(
        "a new connection goes on where the old one ended",
        (Edit("link.c", "\tl->cursor = l->begin;\n\treturn 0;\n", "\treturn 0;\n"),),
        modelled=False,
    ),
    Mutant(
        "a futex is waited for whatever its word is",
        (Edit("futex.c", "known < 0 || value != w->call.value", "known < 0 || value + 1 == 0"),),
        modelled=False,
    ),
    Mutant(
        "requeued waiters keep their address",
        (Edit("futex.c", "\t\tw->call.page = m->target;\n", ""),),
        modelled=False,
    ),
)


def _quietly(mutant: Mutant) -> Size | None:
    """The way to a violation is printed by C; nobody wants it here."""
    sys.stdout.flush()
    kept = os.dup(1)
    with tempfile.TemporaryFile() as away:
        os.dup2(away.fileno(), 1)
        try:
            return mutant.found_in()
        finally:
            os.dup2(kept, 1)
            os.close(kept)


def main() -> None:
    """The command."""
    for mutant in MUTANTS:
        n = mutant.schedules()
        size = _quietly(mutant) if mutant.modelled else None
        searched = f"; search: {size or 'not noticed'}" if mutant.modelled else ""
        print(f"{mutant.name}: {f'schedule {n}' if n else 'not noticed'}{searched}", flush=True)


if __name__ == "__main__":
    main()
