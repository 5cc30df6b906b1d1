"""Is what the map says so?

A claim is an equation between two expressions over the places at a point of the code. It is taken back: over each
instruction, what that writes is replaced by what it writes there (the weakest precondition), into every predecessor,
until both sides are the same. A claim that comes round to a block's end where it has been asked already holds if the
others do: the set of claims asked is then an invariant. Claims that reach the entry must be about what is so there:
each callee-saved register, the link register and the return address hold the caller's.

    expression  ("c", value)  ("cfa", offset)  ("tp", offset)
                ("r", register)            8 bytes; of a vector register the lower half
                ("h", register)            the upper half of a vector register
                ("m", offset, size)        frame memory, zero-extended
                ("ld", e, size, at)        other memory, as the instruction at an address read it
                ("caller", name)           what the caller had in a register, or the return address
                ("+", e, constant)  ("z" | "s", n, e): the low n bytes extended
                ("low", n, new, old)       old with its low n bytes replaced
                ("ins", e, value, shift)  ("alu", name, a, b)  ("part", at, n, e): bytes of e, zero-extended
                ("?", at, location)        some result of the instruction at an address
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from popcc.linker.machine.base import Machine
from popcc.linker.verify.expressions import (
    Constant,
    Expr,
    add,
    extended,
    mentions,
)
from popcc.linker.verify.frame import Body, Step
from popcc.linker.verify.preconditions import Preconditions, is_lost
from popcc.linker.verify.tables import TableFunction, TableSite, is_constant, slot_of
from popcc.schema import Recipe, RecipeKind

RETURN_ADDRESS = "the return address"
_END = 1 << 30  # for the index of a step: behind the last
_MAX_FORMS = 16  # forms that a claim may take at one block: around a loop that counts, it never comes back the same


class Claim:
    """`left` equals `right`. The prover makes one of each, so that claims are equal when they are the same object."""

    __slots__ = ("left", "places", "right", "trivial", "written")

    def __init__(self, left: Expr, right: Expr) -> None:
        self.left = left
        self.right = right
        self.trivial = left == right  # it holds whatever the places hold
        self.places = tuple(dict.fromkeys((*mentions(left), *mentions(right))))
        self.written: frozenset[int] | None = None  # the blocks that write a place of it, once somebody has asked


@dataclass(frozen=True)
class Named:
    """A claim to be proved at a step, and what it means."""

    claim: Claim
    meaning: str


class Prover:
    """Proves claims of one function; what was proved once is known."""

    def __init__(self, machine: Machine, function: TableFunction, body: Body, constant: Constant):
        self.machine = machine
        self.body = body
        self.constant = constant
        self.names = machine.dwarf
        self.claims: dict[tuple[Expr, Expr], Claim] = {}
        self.proved: set[tuple[int, Claim]] = set()  # at the ends of blocks
        self.proved_within: set[tuple[int, int, Claim]] = set()  # before steps of blocks
        self.indices = {n: _Writers(machine, body.blocks[n]) for n in body.order}
        self.written: dict[Expr, frozenset[int]] = {}  # by place, the blocks that may write it
        links = (machine.link_register,) if machine.link_register else ()
        self.preserved = (*machine.callee_saved, *links)
        self.entry: dict[Expr, Expr] = {("r", r): ("caller", r) for r in self.preserved}
        if machine.link_register is None:
            self.entry["m", -8, 8] = ("caller", RETURN_ADDRESS)
        self.preserving: dict[tuple[str, int | None], Named] = {}  # by register and where it was saved

    def failures(self) -> Iterator[tuple[Step, str]]:
        """What can't be proved: the step, and what of it."""
        for n in self.body.order:
            for k, step in enumerate(self.body.blocks[n]):
                for named in self._named(step):
                    why = self._prove(n, k, named.claim)
                    if why:
                        yield step, f"{named.meaning}: {why}"

    def _claim(self, left: Expr, right: Expr) -> Claim:
        claim = self.claims.get((left, right))
        if claim is None:
            claim = self.claims[left, right] = Claim(left, right)
        return claim

    def _named(self, step: Step) -> Iterator[Named]:
        if step.insn.kind in ("ret", "tail"):
            for r in self.machine.callee_saved:
                yield Named(self._claim(("r", r), ("caller", r)), f"{r} is the caller's again")
            if step.sp != self.machine.entry_sp:
                yield Named(self._claim(("c", 0), ("c", 1)), "the stack pointer is the caller's again")
        elif step.site is not None:
            yield from self._of_site(step, step.site)

    def _of_site(self, step: Step, site: TableSite) -> Iterator[Named]:
        if -step.sp != site.frame:
            yield Named(self._claim(("c", -step.sp), ("c", site.frame)), f"the frame is {site.frame} bytes")
        saved = {self.names.get(number, ""): offset for number, offset in site.saved}
        for r in self.preserved:
            key = (r, saved.get(r))
            named = self.preserving.get(key)
            if named is None:
                named = self.preserving[key] = self._preserves(*key)
            yield named
        if self.machine.link_register is None:
            yield Named(self._claim(("m", -8, 8), ("caller", RETURN_ADDRESS)), "the return address is at CFA-8")
        for number, word in enumerate(site.values):
            if (
                slot_of(word) is None
                and not is_constant(word)
                and self.names.get(word) not in self.machine.callee_saved
            ):
                yield Named(self._claim(("c", 0), ("c", 1)), f"value {number} is in a register that calls preserve")
        for recipe in site.recipes:
            yield from self._of_recipe(site, recipe)

    def _preserves(self, r: str, saved: int | None) -> Named:
        """What is to be so of a register of the caller's at a site."""
        if saved is not None:
            return Named(self._claim(("m", saved, 8), ("caller", r)), f"the caller's {r} is saved at CFA{saved:+d}")
        if r == self.machine.link_register:
            return Named(self._claim(("c", 0), ("c", 1)), "the return address is saved")
        return Named(self._claim(("r", r), ("caller", r)), f"{r} is the caller's")

    def _of_recipe(self, site: TableSite, r: Recipe) -> Iterator[Named]:
        where = self._where(r.dest)
        meaning = f"{where} is as the recipe makes it ({RecipeKind(r.kind).name.lower()} {r.imm:#x})"
        if r.width == 16:  # all but loads make 8 bytes, and zeros above them
            for half in (0, 8):
                made = ("c", 0) if half else self._made(site, r)
                if r.kind == RecipeKind.LOAD:
                    made = self._loaded(r.imm + half, 8)
                yield Named(self._claim(self._half(r.dest, half), made), meaning)
            return
        made = self._made(site, r)
        yield Named(self._claim(extended("z", r.width, self._half(r.dest, 0)), extended("z", r.width, made)), meaning)

    def _where(self, word: int) -> str:
        offset = slot_of(word)
        return f"the slot at CFA{offset:+d}" if offset is not None else self.names.get(word, f"register {word}")

    def _half(self, word: int, half: int) -> Expr:
        offset = slot_of(word)
        if offset is not None:
            return ("m", offset + half, 8)
        return ("h" if half else "r", self.names[word])

    def _loaded(self, address: int, size: int) -> Expr:
        value = self.constant(address, size)
        return ("?", 0, f"memory at {address:#x}, which may change") if value is None else ("c", value)

    def _made(self, site: TableSite, r: Recipe) -> Expr:
        if r.kind == RecipeKind.CONST:
            return ("c", r.imm & 0xFFFFFFFFFFFFFFFF)
        if r.kind == RecipeKind.TP:
            return ("tp", r.imm)
        if r.kind == RecipeKind.CFA:
            return ("cfa", r.imm)
        if r.kind == RecipeKind.LOAD:
            return self._loaded(r.imm, min(r.width, 8))
        if r.value >= len(site.values) or is_constant(site.values[r.value]):
            return ("?", 0, f"value {r.value}, which is nowhere")
        value = self._half(site.values[r.value], 0)
        if r.kind == RecipeKind.VALUE:
            return add(value, r.imm)
        return extended("z" if r.kind == RecipeKind.ZEXT else "s", r.imm, value)

    def _prove(self, block: int, index: int, claim: Claim) -> str:
        """Why a claim does not hold before a step; "" when it does."""
        if claim.trivial:
            return ""
        if not claim.places:
            return "it is not"
        if not self._writing(claim):  # then it is at the entry what it is here
            return "" if self._at_entry(claim) else "it is not when control comes from the entry"
        index = self.indices[block].written(claim, index) + 1
        if (block, index, claim) in self.proved_within:
            return ""
        asked: set[tuple[int, Claim]] = set()
        work = [(block, index, claim)]
        while work:
            n, k, wanted = work.pop()
            before: Claim | None = wanted
            if k < _END or n in self._writing(wanted):
                before = self._back(n, k, wanted)
                if before is None:
                    return f"it is not on the path through {self.body.blocks[n][0].insn.address:#x}"
                if before.trivial:
                    continue
            assert before is not None
            if n == 0 and not self._at_entry(before):
                return "it is not when control comes from the entry"
            for p in self.body.predecessors[n]:
                key = (p, before)
                if key not in asked and key not in self.proved:
                    asked.add(key)
                    work.append((p, _END, before))
            if len(asked) > _MAX_FORMS * len(self.body.order):
                return "no proof was found: what it goes by changes around a loop"
        self.proved |= asked
        self.proved_within.add((block, index, claim))
        return ""

    def _writing(self, claim: Claim) -> frozenset[int]:
        """The blocks that may write a place that the claim mentions."""
        if claim.written is None:
            for place in claim.places:
                if place not in self.written:
                    self.written[place] = frozenset([n for n, w in self.indices.items() if w.last(place, _END) >= 0])
            claim.written = frozenset().union(*(self.written[place] for place in claim.places))
        return claim.written

    def _at_entry(self, claim: Claim) -> bool:
        return self.entry.get(claim.left, claim.left) == self.entry.get(claim.right, claim.right)

    def _back(self, n: int, k: int, claim: Claim) -> Claim | None:
        """The claim at the head of a block that makes `claim` hold before its step `k`; None if nothing does."""
        block, writers = self.body.blocks[n], self.indices[n]
        while not claim.trivial:
            k = writers.written(claim, k)
            if k < 0:
                return claim
            over = Preconditions(self.machine, block[k], self.constant)
            left, right = over.before(claim.left), over.before(claim.right)
            if left is None or right is None:
                return None
            claim = self._claim(left, right)
            if not claim.trivial and not claim.places:
                return None
        return claim


class _Writers:
    """Where in a block which place is written last before an index."""

    def __init__(self, machine: Machine, steps: tuple[Step, ...]) -> None:
        self.machine = machine
        self.steps = steps
        self.registers: dict[str, list[int]] = {}
        self.memory: list[tuple[int, int, int]] = []  # (index, offset, end), the last first
        self.calls: list[int] = []
        self.addresses = {step.insn.address: k for k, step in enumerate(steps)}
        for k, step in enumerate(steps):
            for e in step.effects:
                if e[0] == "set":
                    self.registers.setdefault(e[1], []).append(k)
                elif e[1][0] == "frame":
                    self.memory.append((k, e[1][1], e[1][1] + e[2]))
            if step.insn.kind == "call":
                self.calls.append(k)
        self.memory.reverse()
        # the greatest distance of the stack pointer from the CFA at a call; below it they leave nothing
        self.below = max((steps[k].sp for k in self.calls), default=-_END)

    def written(self, claim: Claim, before: int) -> int:
        """The index of the last step before `before` that may write a place that the claim mentions, -1 if none."""
        return max([self.last(place, before) for place in claim.places])

    def last(self, place: Expr, before: int) -> int:
        """The index of the last step before `before` that may write `place`, -1 if none."""
        kind = place[0]
        if kind == "at":  # an unknown of an instruction: crossing that again would make it another
            k = self.addresses.get(place[1], -1)
            return k if k < before else -1
        if kind == "m":
            return max(self._stored(place[1], place[1] + place[2], before), self._clobbered(place, before))
        found = _before(self.registers.get(place[1], []), before)
        return (
            found if place[1] in self.machine.callee_saved and kind == "r" else max(found, _before(self.calls, before))
        )

    def _stored(self, start: int, end: int, before: int) -> int:
        for k, low, high in self.memory:
            if low < end and start < high and k < before:
                return k
        return -1

    def _clobbered(self, place: Expr, before: int) -> int:
        if self.below <= place[1] and place[1] + place[2] <= 0:
            return -1  # no call loses it
        return next((k for k in reversed(self.calls) if k < before and is_lost(place, self.steps[k], self.machine)), -1)


def _before(indices: list[int], before: int) -> int:
    k = bisect_left(indices, before)
    return indices[k - 1] if k else -1
