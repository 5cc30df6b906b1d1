"""What does a fault on a page of another node take, against a request over the same socket, a page back and mprotect?

Medians of many pages, too far apart to be fetched ahead. A write of a page that is here for reading needs no bytes; the
rival fetches them all the same.
"""

from __future__ import annotations

from common import report
from dsm.processes import every_isa, machine

ROUNDS = 5000
TIMES = 3


def medians(isa: str) -> dict[str, float]:
    """Microseconds by kind of fault, and "bare", in one run of two nodes."""
    with machine("measure", [isa, isa], [ROUNDS], lanes=2) as nodes:
        status, out, words = nodes[1].end()
        assert status == 0, words
    return {kind: int(ns) / 1e3 for kind, ns in (line.split() for line in out.splitlines())}


def main() -> None:
    """All kinds, on every ISA that runs here."""
    for isa in every_isa():
        runs = [medians(isa) for _ in range(TIMES)]
        best = {kind: min(run[kind] for run in runs) for kind in runs[0]}
        for kind in ("read", "write", "upgrade"):
            report(f"{isa}: {kind} fault", best[kind], best["bare"], "us")


if __name__ == "__main__":
    main()
