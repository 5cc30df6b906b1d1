"""Programs whose threads go from node to node of a machine at random, as `popcorn run --roam-every` has them do."""

from __future__ import annotations

import random
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import harness
from machine_fixtures import Emulated, machine
from popcorn_fixtures import HERE, OTHERS

# where machines for this are: one of every ISA; and two of some, since two of an ISA hide what three nodes show
THREE = (HERE, *OTHERS)
FIVE = (*THREE, *(f"second-{isa}:{isa}" for isa in THREE[:2]))
# the first to leave stops all others; who goes at its own wish tries again
_STAYS = r"popcorn: thread \d+ stays: could not stop thread \d+: it is in a signal handler; try again"
_REPLICA = re.compile(r"replica \d+ of process \d+ is process \d+: (.*)")


def options(nodes: Sequence[str]) -> list[str]:
    """What makes `popcorn machine up` start these nodes."""
    return [word for node in nodes for word in ("--node", node)]


def mode(seed: int | None = None) -> harness.Mode:
    """The harness's mode. Without a seed it is another one each time, which a failure names."""
    chosen = random.SystemRandom().randrange(2**32) if seed is None else seed
    words = ("--machine", "--roam-every", "ROAM", "--seed", str(chosen))
    return harness.Mode("roaming", words, may_say=_STAYS)


@dataclass(frozen=True)
class Roamed:
    """A machine whose nodes' logs say where a program was."""

    made: Emulated
    nodes: tuple[str, ...]

    def replicas(self, executable: Path) -> Counter[str]:
        """How many processes of a program each node has had but as origin; a node starts one when a thread comes."""
        found: Counter[str] = Counter()
        for node in self.made.machine.nodes:
            found[node.name] += _REPLICA.findall(node.log.read_text()).count(str(executable))
        return +found  # those with any

    @property
    def others(self) -> set[str]:
        """All nodes but the one that programs begin on."""
        return {node.name for node in self.made.machine.nodes} - {HERE}

    def check(self, program: harness.Program, folder: Path, seed: int | None = None) -> set[str]:
        """Runs `program` here. Returns the other nodes that its threads were on; raises as `harness.check`."""
        before = self.replicas(executable := harness.compiled(program.source, program.flags, folder))
        try:
            harness.check(program, mode(seed), folder, self.made.env)
        except AssertionError as e:
            raise AssertionError(f"{e}\non: popcorn machine up {shlex.join(options(self.nodes))}") from None
        return set(self.replicas(executable) - before)


@contextmanager
def roamed(folder: Path, nodes: tuple[str, ...]) -> Iterator[Roamed]:
    """A machine of these nodes."""
    with machine(folder, *options(nodes)) as made:
        yield Roamed(made, nodes)
