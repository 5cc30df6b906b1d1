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
                ("ld", e, size, at)        other memory, as the instruction at an address read it; -at: in a later run
                ("caller", name)           what the caller had in a register, or the return address
                ("+", e, constant)  ("z" | "s", n, e): the low n bytes extended
                ("low", n, new, old)       old with its low n bytes replaced
                ("ins", e, value, shift)  ("alu", name, a, b)  ("part", at, n, e): bytes of e, zero-extended
                ("?", at, location)        some result of the instruction at an address
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from popcc.linker.machine.base import Machine
from popcc.linker.verify.expressions import (
    Constant,
    Expr,
    add,
    extended,
    mentions,
)
from popcc.linker.verify.frame import Body, Step
from popcc.linker.verify.preconditions import Preconditions
from popcc.linker.verify.tables import TableFunction, TableSite, is_constant, slot_of
from popcc.linker.verify.writers import END, Writers
from popcc.schema.sites import NO_LOCATION, Recipe, RecipeKind

RETURN_ADDRESS = "the return address"
_MAX_FORMS = 16  # forms that a claim may take at one block: around a loop that counts, it never comes back the same


class Claim:
    """`left` equals `right`. The prover makes one of each, so that claims are equal when they are the same object."""

    __slots__ = ("at_ends", "at_heads", "left", "places", "right", "trivial", "written")

    def __init__(self, left: Expr, right: Expr) -> None:
        self.left = left
        self.right = right
        self.trivial = left == right  # it holds whatever the places hold
        self.places = tuple(dict.fromkeys((*mentions(left), *mentions(right))))
        self.written: frozenset[int] | None = None  # the blocks that write a place of it, once somebody has asked
        self.at_ends: set[int] = set()  # the blocks at whose ends it is proved
        self.at_heads: set[int] = set()  # and at whose heads


class Named(Struct, frozen=True):
    """A claim to be proved at a step, and what it means."""

    claim: Claim
    meaning: str


class Group:
    """Claims of which the same blocks write places: they are taken back over the other blocks together."""

    __slots__ = ("at_ends", "at_heads", "claims", "named", "written")

    def __init__(self, named: list[Named], written: frozenset[int]) -> None:
        self.named = named
        self.claims = [n.claim for n in named]
        self.written = written
        self.at_ends: set[int] = set()  # the blocks at whose ends they are proved
        self.at_heads: set[int] = set()  # and at whose heads


class Prover:
    """Proves claims of one function; what was proved once is known."""

    def __init__(self, machine: Machine, function: TableFunction, body: Body, constant: Constant):
        self.machine = machine
        self.body = body
        self.constant = constant
        self.names = machine.dwarf
        self.claims: dict[tuple[Expr, Expr], Claim] = {}
        self.proved_within: set[tuple[int, int, Claim]] = set()  # before steps of blocks that write a place of it
        self.writers = Writers(machine, body)
        links = (machine.link_register,) if machine.link_register else ()
        self.preserved = (*machine.callee_saved, *links)
        self.entry: dict[Expr, Expr] = {("r", r): ("caller", r) for r in self.preserved}
        if machine.link_register is None:
            self.entry["m", -8, 8] = ("caller", RETURN_ADDRESS)
        self.remade: dict[tuple[Recipe, int], tuple[Named, ...]] = {}  # by recipe and the location it may go by
        self.preserving: dict[tuple[tuple[int, int], ...], list[Group]] = {}  # by what a site has saved

    def failures(self) -> Iterator[tuple[Step, str]]:
        """What can't be proved: the step, and what of it."""
        for n in self.body.order:
            for k, step in enumerate(self.body.blocks[n]):
                if not step.insn.kind:
                    continue  # neither a site nor the function's end
                for named in self._named(n, step):
                    why = self._prove(n, k, named.claim)
                    if why:
                        yield step, f"{named.meaning}: {why}"

    def _claim(self, left: Expr, right: Expr) -> Claim:
        claim = self.claims.get((left, right))
        if claim is None:
            claim = self.claims[left, right] = Claim(left, right)
        return claim

    def _named(self, block: int, step: Step) -> Iterator[Named]:
        """The claims that must hold at a step, but for those that are known to."""
        if step.insn.kind in ("ret", "tail"):
            for r in self.machine.callee_saved:
                yield Named(self._claim(("r", r), ("caller", r)), f"{r} is the caller's again")
            if step.sp != self.machine.entry_sp:
                yield Named(self._claim(("c", 0), ("c", 1)), "the stack pointer is the caller's again")
        elif step.site is not None:
            yield from self._of_site(block, step, step.site)

    def _of_site(self, block: int, step: Step, site: TableSite) -> Iterator[Named]:
        if -step.sp != site.frame:
            yield Named(self._claim(("c", -step.sp), ("c", site.frame)), f"the frame is {site.frame} bytes")
        if site.saved not in self.preserving:
            self.preserving[site.saved] = self._grouped(self._preserved(site.saved))
        for group in self.preserving[site.saved]:
            if block in group.written or not self._hold(block, group):
                yield from group.named
        for number, word in enumerate(site.values):
            if (
                slot_of(word) is None
                and not is_constant(word)
                and self.names.get(word) not in self.machine.callee_saved
            ):
                yield Named(self._claim(("c", 0), ("c", 1)), f"value {number} is in a register that calls preserve")
        for recipe in site.recipes:
            word = site.values[recipe.value] if recipe.value < len(site.values) else NO_LOCATION
            known = self.remade.get((recipe, word))
            if known is None:
                known = self.remade[recipe, word] = tuple(self._of_recipe(word, recipe))
            yield from known

    def _grouped(self, claims: Iterator[Named]) -> list[Group]:
        groups: dict[frozenset[int], list[Named]] = {}
        for named in claims:
            groups.setdefault(self._writing(named.claim), []).append(named)
        return [Group(named, written) for written, named in groups.items()]

    def _preserved(self, slots: tuple[tuple[int, int], ...]) -> Iterator[Named]:
        saved = {self.names.get(number, ""): offset for number, offset in slots}
        for r in self.preserved:
            yield self._preserves(r, saved.get(r))
        if self.machine.link_register is None:
            yield Named(self._claim(("m", -8, 8), ("caller", RETURN_ADDRESS)), "the return address is at CFA-8")

    def _preserves(self, r: str, saved: int | None) -> Named:
        """What is to be so of a register of the caller's at a site."""
        if saved is not None:
            return Named(self._claim(("m", saved, 8), ("caller", r)), f"the caller's {r} is saved at CFA{saved:+d}")
        if r == self.machine.link_register:
            return Named(self._claim(("c", 0), ("c", 1)), "the return address is saved")
        return Named(self._claim(("r", r), ("caller", r)), f"{r} is the caller's")

    def _of_recipe(self, word: int, r: Recipe) -> Iterator[Named]:
        where = self._where(r.dest)
        meaning = f"{where} is as the recipe makes it ({RecipeKind(r.kind).name.lower()} {r.imm:#x})"
        if r.width == 16:  # all but loads make 8 bytes, and zeros above them
            for half in (0, 8):
                made = ("c", 0) if half else self._made(word, r)
                if r.kind == RecipeKind.LOAD:
                    made = self._loaded(r.imm + half, 8)
                yield Named(self._claim(self._half(r.dest, half), made), meaning)
            return
        made = self._made(word, r)
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

    def _made(self, word: int, r: Recipe) -> Expr:
        """What a recipe makes; `word` is the location of the value that it may go by."""
        if r.kind == RecipeKind.CONST:
            return ("c", r.imm & 0xFFFFFFFFFFFFFFFF)
        if r.kind == RecipeKind.TP:
            return ("tp", r.imm)
        if r.kind == RecipeKind.CFA:
            return ("cfa", r.imm)
        if r.kind == RecipeKind.LOAD:
            return self._loaded(r.imm, min(r.width, 8))
        if is_constant(word):
            return ("?", 0, f"value {r.value}, which is nowhere")
        value = self._half(word, 0)
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
        index = 0 if block not in self._writing(claim) else self.writers.of(block).written(claim.places, index) + 1
        if not index and block in claim.at_heads:
            return ""
        if (block, index, claim) in self.proved_within:
            return ""
        asked: dict[Claim, set[int]] = {}  # the blocks at whose ends each claim is asked
        count = 0  # of these blocks, for all claims
        work = [(block, index, claim)]
        while work:
            n, k, wanted = work.pop()
            before: Claim | None = wanted
            if k:
                before = self._back(n, k, wanted)
                if before is None:
                    return f"it is not on the path through {self.body.blocks[n][0].insn.address:#x}"
                if before.trivial:
                    continue
            assert before is not None
            blocks = asked.setdefault(before, set())
            count -= len(blocks)
            ends, entered = self._reach(n, self._writing(before), before.at_ends, blocks)
            if entered and not self._at_entry(before):
                return "it is not when control comes from the entry"
            work += [(p, END, before) for p in ends]
            count += len(blocks)
            if count > _MAX_FORMS * len(self.body.order):
                return "no proof was found: what it goes by changes around a loop"
        for each, blocks in asked.items():
            each.at_ends |= blocks
        if index:
            self.proved_within.add((block, index, claim))
        else:
            claim.at_heads.add(block)
        return ""

    def _reach(self, block: int, writing: frozenset[int], proved: set[int], asked: set[int]) -> tuple[list[int], bool]:
        """Asks what is to hold at a block's head at the ends of the blocks before, back to those that write a place of
        it: these blocks, and whether the entry is among what was reached."""
        predecessors = self.body.predecessors
        ends: list[int] = []
        heads = [block]
        entered = False
        while heads:
            n = heads.pop()
            entered |= n == 0
            for p in predecessors[n]:
                if p not in asked and p not in proved:
                    asked.add(p)
                    (ends if p in writing else heads).append(p)
        return ends, entered

    def _hold(self, block: int, group: Group) -> bool:
        """Whether all claims of a group hold throughout a block that writes to no place of theirs."""
        if block in group.at_heads:
            return True
        asked: set[int] = set()
        ends, entered = self._reach(block, group.written, group.at_ends, asked)
        if (entered or not group.written) and not all(map(self._at_entry, group.claims)):
            return False
        if any(self._prove(n, END, claim) for n in ends for claim in group.claims):
            return False
        group.at_ends |= asked
        group.at_heads.add(block)
        return True

    def _writing(self, claim: Claim) -> frozenset[int]:
        """The blocks that may write a place that the claim mentions."""
        if claim.written is None:
            claim.written = frozenset().union(*map(self.writers.writing, claim.places))
        return claim.written

    def _at_entry(self, claim: Claim) -> bool:
        return self.entry.get(claim.left, claim.left) == self.entry.get(claim.right, claim.right)

    def _back(self, n: int, k: int, claim: Claim) -> Claim | None:
        """The claim at the head of a block that makes `claim` hold before its step `k`; None if nothing does."""
        block, writers = self.body.blocks[n], self.writers.of(n)
        while not claim.trivial:
            k = writers.written(claim.places, k)
            if k < 0:
                return claim
            at = block[k].insn.address
            if ("at", at) in claim.places and ("at", -at) in claim.places:
                return None  # what it loaded in two runs would get one name
            over = Preconditions(self.machine, block[k], self.constant)
            left, right = over.before(claim.left), over.before(claim.right)
            if left is None or right is None:
                return None
            claim = self._claim(left, right)
            if not claim.trivial and not claim.places:
                return None
        return claim
