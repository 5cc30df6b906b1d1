"""Which nodes a machine of several hosts has: the listening host numbers them, and all others have them from it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from popcc.errors import PopccError
from popcc.isa import ISAS
from popcc.runtime.popcorn.machine.channel import Garbage
from popcc.runtime.popcorn.machine.state import check_node
from popcc.schema.machines import MACHINE_MOST

FIRST = 0  # the member that listens


class Listed(Struct, frozen=True):
    """A node, as all hosts know it."""

    number: int
    name: str
    isa: str
    how: str  # native or emulated
    member: int  # whose it is
    host: str  # what that one calls itself
    up: bool = False

    def json(self) -> dict[str, Any]:
        return asdict(self)


class Wanted(Struct, frozen=True):
    """A node that a host brings along."""

    name: str
    isa: str
    how: str


class Roster:
    """The nodes by number. Those of a host that was lost stay in their places until these are wanted."""

    def __init__(self) -> None:
        self.nodes: dict[int, Listed] = {}
        self._lost: set[int] = set()  # numbers

    def join(self, member: int, host: str, wanted: list[Wanted]) -> None:
        """Takes them in, or none of them. Raises `PopccError`."""
        taken = {n.name: n for n in self.nodes.values() if n.number not in self._lost}
        numbers: list[int] = []
        for node in wanted:
            check_node(node.name, node.isa)
            if node.name in taken:
                there = taken[node.name].host
                raise PopccError(
                    f"the machine has a node '{node.name}' already, on host '{there}'; give yours another name"
                )
            numbers.append(self._number(node.name, numbers))
        for number, node in zip(numbers, wanted, strict=True):
            old = next((n for n in self._lost if self.nodes[n].name == node.name), None)
            for gone in [n for n in self._lost if n in (number, old)]:
                del self.nodes[gone]
                self._lost.discard(gone)
            self.nodes[number] = Listed(number, node.name, node.isa, node.how, member, host)

    def _number(self, name: str, taken: list[int]) -> int:
        """That of a lost node of the same name, else one that nobody had, else a lost one's."""
        lost = sorted(self._lost - set(taken), key=lambda n: (self.nodes[n].name != name, n))
        if lost and self.nodes[lost[0]].name == name:
            return lost[0]
        free = [n for n in range(MACHINE_MOST) if n not in self.nodes and n not in taken]
        free += lost
        if not free:
            raise PopccError(f"a machine has at most {MACHINE_MOST} nodes; this one has no room for '{name}'")
        return free[0]

    def mark(self, member: int, numbers: list[int]) -> None:
        """Of a member's nodes these are up, and no others."""
        for n in self._of(member):
            self.nodes[n] = replace(self.nodes[n], up=n in numbers)

    def leave(self, member: int) -> None:
        """Its nodes are no more."""
        for n in self._of(member):
            del self.nodes[n]

    def lose(self, member: int) -> None:
        """It is not heard of any more."""
        self.mark(member, [])
        self._lost |= set(self._of(member))

    def _of(self, member: int) -> list[int]:
        return [n.number for n in self.nodes.values() if n.member == member and n.number not in self._lost]

    def json(self) -> list[dict[str, Any]]:
        return [self.nodes[n].json() for n in sorted(self.nodes)]


def listed(words: object) -> list[Listed]:
    """What another host says of the nodes. Raises `Garbage` when no host says so."""
    try:
        found = [Listed(**w) for w in words]  # type: ignore[attr-defined]
        for n in found:
            if (
                not all(type(v) is int for v in (n.number, n.member)) or not 0 <= n.number < MACHINE_MOST
                or not all(isinstance(v, str) for v in (n.how, n.host)) or not isinstance(n.up, bool)
                or n.isa not in ISAS
            ):  # fmt: skip
                raise TypeError
            check_node(n.name, n.isa)
    except (TypeError, PopccError):
        raise Garbage("no nodes of a machine") from None
    return found


def wanted(words: object) -> list[Wanted]:
    """The nodes that a host wants to bring along. Raises `Garbage` when no host says so."""
    try:
        found = [Wanted(*w) for w in words]  # type: ignore[attr-defined]
    except TypeError:
        raise Garbage("no nodes of a machine") from None
    if not all(isinstance(v, str) for n in found for v in (n.name, n.isa, n.how)) or any(
        n.isa not in ISAS for n in found
    ):
        raise Garbage("no nodes of a machine")
    if len({n.name for n in found}) < len(found) or len(found) > MACHINE_MOST:
        raise Garbage("no nodes of a machine")
    return found
