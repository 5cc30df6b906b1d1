"""Does anything read what a rebuild does not write?

A forward analysis. Its state is the set of poisoned bytes: of each register (8, of vectors 16), of the condition
codes, of each byte of the frame. Behind a usable site everything that the site's map does not describe is poisoned,
as a rebuild with poison would do it (runtime/lib/rebuild.c), and what was poisoned before and is still there, since a
thread is rebuilt at some sites and not at others; so is what lies below the stack pointer behind any call.
Copies carry poison along byte by byte, whatever is computed from a poisoned byte is poisoned whole. It must not reach

    memory outside of the frame, an address, a condition, a call's or a return's registers,
    a place from which a site's map takes a value.

Registers that a call does not preserve are never poisoned by it: what they hold is the callee's affair. Nor is a
register that the function has not set on any path: until then it holds the caller's value, and code that reads that,
otherwise than to save it, does so for a value that the program left undefined. The same goes for the frame: what has
not been stored to on any path holds leftovers of other calls, as does a slot that a register of no meaning, none that
calls preserve, was pushed into to align the stack.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import and_, or_

from msgspec import Struct

from popcc.linker.machine.base import Expr, Insn, Machine
from popcc.linker.verify.callees import Callees
from popcc.linker.verify.frame import Body, Step
from popcc.linker.verify.places import State, places_of
from popcc.linker.verify.tables import TableFunction, TableSite, is_constant, slot_of

_MAX_FAULTS = 8  # reported per function


class Fault(Struct, frozen=True):
    """A poisoned byte where none may be."""

    address: int
    text: str


def find_faults(machine: Machine, function: TableFunction, body: Body, callees: Callees) -> list[Fault]:
    """The faults of a function; none is the proof."""
    return _Analysis(machine, function, body, callees).run()


def _may_matter(concerns: State, state: State) -> bool:
    """Whether steps that are concerned with these bytes (`Places.concerned`) may do anything in a state."""
    return concerns < 0 or bool(concerns & state)


class _Analysis:
    def __init__(self, machine: Machine, function: TableFunction, body: Body, callees: Callees) -> None:
        self.machine = machine
        self.callees = callees
        self.body = body
        self.places = places_of(machine, function, body)
        self.registers = self.places.registers
        self.mask = self.registers.mask
        # the steps of each block, and the bytes without poison in which they do nothing
        self.steps = {n: self.places.concerned(body.blocks[n]) for n in body.order}
        self.concerned = {n: reduce(or_, [concerns for _, concerns in steps]) for n, steps in self.steps.items()}
        self.words: dict[int, State] = {}  # the bytes that a location word means
        # of the steps that are sites, by address: what a thread takes along, and what is poisoned behind them
        sites = [(step.insn.address, step.site) for step in body.sites if step.site is not None]
        self.needed = {address: self._needed(site) for address, site in sites}
        undefined = self._undefined()
        self.behind = {at: self._behind(site, self.needed[at]) & ~undefined[at] for at, site in sites}
        self.faulty = False
        self.faults: dict[int, Fault] | None = None  # by address; None while the analysis runs

    def run(self) -> list[Fault]:
        entry = self._solve()
        if not self.faulty:  # each block was last gone through from the state that was found for it
            return []
        self.faults = {}
        for n in self.body.order:
            self._block(n, entry[n])
        return list(self.faults.values())[:_MAX_FAULTS]

    def _solve(self) -> dict[int, State]:
        return self._forward(self._below(self.machine.entry_sp), self._block, or_)

    def _forward(
        self, start: State, through: Callable[[int, State], State], join: Callable[[State, State], State]
    ) -> dict[int, State]:
        """The least solution of a forward analysis: the state at the head of each block."""
        entry: dict[int, State] = {0: start}
        work = [0]
        while work:
            n = work.pop()
            state = through(n, entry[n])
            for s in self.body.successors[n]:
                joined = join(entry[s], state) if s in entry else state
                if s not in entry or joined != entry[s]:
                    entry[s] = joined
                    work.append(s)
        return entry

    def _undefined(self) -> dict[int, State]:
        """At each site what holds, on every path, nothing that the function has put there."""
        at: dict[int, State] = {}

        def through(n: int, state: State) -> State:
            if not _may_matter(self.concerned[n], state):
                return state
            for step, concerns in self.steps[n]:
                if step.site is not None:
                    at[step.insn.address] = state
                if _may_matter(concerns, state):
                    state = self._still_undefined(step, state)
            return state

        start = self.registers.undefined | self._below(self.machine.entry_sp)
        self._forward(start, through, and_)
        return at

    def _still_undefined(self, step: Step, before: State) -> State:
        state = before
        for e in step.effects:
            if e[0] == "set":
                bits, source = self.registers.whole[e[1]], e[3]
                # to align the stack a register is pushed and, in the end, popped
                slot = self._memory(source[1], source[2]) if source[0] == "ld" else 0
                state = state | bits if slot and not slot & ~before else state & ~bits
            elif e[1][0] == "frame":
                slot = self.places.slot(e[1][1], e[2])
                state = state | slot if self._means_nothing(e[3], before) else state & ~slot
        return state & ~self.registers.clobbered if step.insn.kind == "call" else state

    def _means_nothing(self, value: Expr, undefined: State) -> bool:
        if value[0] != "r" or value[1] not in self.machine.undefined_at_entry:
            return False
        return bool(undefined & self.mask(value[1], 8))

    def _below(self, sp: int) -> State:
        """The frame below the stack pointer."""
        return self.places.slot(self.places.low, sp - self.places.low)

    def _behind(self, site: TableSite, needed: State) -> State:
        """What is poisoned behind a site: all that its map does not describe."""
        places = self.places
        described = needed
        for r in site.recipes:
            described |= self._described(r.dest, r.width)
        saved = {self.machine.dwarf.get(number, "") for number, _ in site.saved}
        state = places.slot(places.low, places.high - places.low)
        for register in self.machine.callee_saved:
            if register in saved:
                state |= self.mask(register, 16)
        if self.machine.link_register is None:
            described |= places.slot(-8, 8)
        return state & ~described

    def _needed(self, site: TableSite) -> State:
        """What a thread takes along from a site: its values, and the registers that the function has saved."""
        bits = 0
        for word in site.values:
            if word not in self.words:
                self.words[word] = 0 if is_constant(word) else self._described(word, 8)
            bits |= self.words[word]
        for _, offset in site.saved:
            bits |= self.places.slot(offset, 8)
        return bits

    def _described(self, word: int, width: int) -> State:
        offset = slot_of(word)
        if offset is not None:
            return self.places.slot(offset, width)
        return self.mask(self.machine.dwarf[word], width)

    def _block(self, n: int, state: State) -> State:
        if _may_matter(self.concerned[n], state):
            for step, concerns in self.steps[n]:
                if concerns < 0 or state & concerns:
                    state = self._step(step, state)
        return state

    def _fault(self, insn: Insn, state: State, what: Callable[[], str]) -> None:
        if not state:
            return
        self.faulty = True
        if self.faults is not None and insn.address not in self.faults:
            lost = self.places.name(state)
            self.faults[insn.address] = Fault(insn.address, f"{what()} {lost}, which no map describes ({insn.text})")

    def _step(self, step: Step, state: State) -> State:
        insn = step.insn
        for register, width in insn.reads:
            self._fault(insn, state & self.mask(register, width), lambda: "depends on")
        results = [(e, self._value(e[3], step, state)) for e in step.effects]
        after = state
        for e, bits in results:
            after = self._set(e, bits, after) if e[0] == "set" else self._store(e, bits, step, state, after)
        if insn.kind == "call":
            return self._call(step, after)
        if insn.kind in ("ret", "tail"):
            read = self.registers.kept | (self.registers.returned if insn.kind == "ret" else self.registers.passed)
            self._fault(insn, after & read, lambda: "returns with")
        return after

    def _call(self, step: Step, state: State) -> State:
        if passed := state & self.registers.passed:
            ignored = self.registers.all_of(self.callees.ignores(step.insn.callee))
            self._fault(step.insn, passed & ~ignored, lambda: "passes")
        after = (state & ~self.registers.clobbered) | self._below(step.sp)
        if step.site is None:
            return after
        if state & self.needed[step.insn.address]:
            self._lost_at(step.insn, step.site, state)
        return after | self.behind[step.insn.address]  # with a rebuild here, or with one before and none here

    def _lost_at(self, insn: Insn, site: TableSite, state: State) -> None:
        for word in site.values:
            if not is_constant(word):
                self._fault(insn, state & self._described(word, 8), lambda: "has a value listed in")
        for _, offset in site.saved:
            self._fault(insn, state & self.places.slot(offset, 8), lambda: "has a register saved in")

    def _set(self, e: Expr, bits: State, state: State) -> State:
        register: str = e[1]
        width: int = e[2]
        at, size = self.registers.at[register], self.registers.sizes[register]
        if width < 4 and size == 8:  # the rest of the register stays
            size = width
        mask = (1 << size) - 1
        return (state & ~(mask << at)) | ((bits & mask) << at)

    def _store(self, e: Expr, bits: State, step: Step, before: State, state: State) -> State:
        _, place, size, _ = e
        if place[0] == "frame":
            at: int = self.places.zero + place[1]
            written: State = bits & ((1 << size) - 1)
            return state & ~self.places.slot(place[1], size) | written << at
        self._fault(step.insn, before & self.registers.address(place), lambda: "stores to an address that depends on")
        if bits & ((1 << size) - 1):
            self._fault(step.insn, before & self._read(e[3]), lambda: "stores what depends on")
        return state

    def _read(self, e: Expr) -> State:
        """All bytes that an expression reads."""
        return self.registers.read(e, self._memory)

    def _memory(self, place: Expr, size: int) -> State:
        return self.places.slot(place[1], size) if place[0] == "frame" else 0

    def _value(self, e: Expr, step: Step, state: State) -> State:
        """The poisoned bytes of a value, the first in bit 0."""
        kind = e[0]
        if kind == "r":
            return self._extended((state >> self.registers.at[e[1]]) & ((1 << e[2]) - 1), e[2], e[3])
        if kind == "ld":
            self._fault(
                step.insn, state & self.registers.address(e[1]), lambda: "loads from an address that depends on"
            )
            if e[1][0] != "frame":
                return 0
            at = self.places.zero + e[1][1]
            return self._extended((state >> at) & ((1 << e[2]) - 1), e[2], e[3])
        if kind == "ins":
            at = self.registers.at[e[1]]
            return (state >> at & 0xFF) & ~(3 << int(e[3]) // 8)
        if kind == "lost":
            return 1
        if kind == "alu":
            return 0xFFFF if self._value(e[2], step, state) | self._value(e[3], step, state) else 0
        if kind == "op":
            for place, _ in e[2]:
                self._fault(step.insn, state & self.registers.address(place), lambda: "uses an address that depends on")
        return 0xFFFF if state & self._read(e) else 0

    @staticmethod
    def _extended(bits: State, width: int, how: str) -> State:
        if how == "s" and bits >> (width - 1) & 1:
            return bits | 0xFFFF & -(1 << width)
        return bits
