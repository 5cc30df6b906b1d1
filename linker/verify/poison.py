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
from dataclasses import dataclass
from operator import and_, or_

from popcc.linker.machine.base import FLAGS, Expr, Insn, Machine
from popcc.linker.verify.callees import Callees
from popcc.linker.verify.frame import Body, Step
from popcc.linker.verify.tables import TableFunction, TableSite, is_constant, slot_of

State = int  # a bit per byte
_MAX_FAULTS = 8  # reported per function


@dataclass(frozen=True)
class Fault:
    """A poisoned byte where none may be."""

    address: int
    text: str


@dataclass(frozen=True)
class Places:
    """Which bit of a state stands for which byte."""

    registers: dict[str, int]  # first bit
    sizes: dict[str, int]  # bytes that are told apart
    frame: int  # bit of the byte at `low`
    low: int  # least CFA offset
    high: int  # one behind the greatest

    def register(self, name: str, width: int = 8) -> State:
        """The low `width` bytes."""
        size = self.sizes[name]
        return ((1 << (width if width < size else size)) - 1) << self.registers[name]

    def slot(self, offset: int, size: int) -> State:
        """Bytes of the frame."""
        return ((1 << size) - 1) << (self.frame + offset - self.low)

    def name(self, state: State) -> str:
        """The first place of a state, for messages."""
        bit = (state & -state).bit_length() - 1
        if bit >= self.frame:
            return f"the frame at CFA{bit - self.frame + self.low:+d}"
        return next(r for r, at in self.registers.items() if at <= bit < at + self.sizes[r])


def find_faults(machine: Machine, function: TableFunction, body: Body, callees: Callees) -> list[Fault]:
    """The faults of a function; none is the proof."""
    return _Analysis(machine, function, body, callees).run()


def _places(machine: Machine, function: TableFunction, body: Body) -> Places:
    registers: dict[str, int] = {}
    sizes: dict[str, int] = {}
    at = 0
    for name in (*machine.registers, FLAGS):
        registers[name] = at
        sizes[name] = 1 if name == FLAGS else 16 if name in machine.vectors else 8
        at += sizes[name]
    low, high = machine.entry_sp, 8
    for step in (s for n in body.order for s in body.blocks[n]):
        if step.sp < low:
            low = step.sp
        for place, size in _accesses(step):
            if place[0] == "frame":
                low, high = min(low, place[1]), max(high, place[1] + size)
    for site in function.sites:
        low = min(low, -site.frame)
    return Places(registers, sizes, at, low - 16, high + 16)


def _accesses(step: Step) -> list[tuple[Expr, int]]:
    out: list[tuple[Expr, int]] = []

    def within(e: Expr) -> None:
        if e[0] == "ld":
            out.append((e[1], e[2]))
        elif e[0] == "op":
            out.extend(e[2])
        elif e[0] == "alu":
            within(e[2])
            within(e[3])

    for e in step.effects:
        if e[0] == "store":
            out.append((e[1], e[2]))
        within(e[3])
    return out


class _Analysis:
    def __init__(self, machine: Machine, function: TableFunction, body: Body, callees: Callees) -> None:
        self.machine = machine
        self.callees = callees
        self.body = body
        self.places = _places(machine, function, body)
        self.passed = sum(self.places.register(r, 16) for r in machine.arguments)
        self.returned = sum(self.places.register(r, 16) for r in machine.results)
        self.kept = sum(self.places.register(r) for r in machine.callee_saved)
        self.lost = [
            r for r in (*machine.registers, FLAGS) if r not in machine.callee_saved and r != machine.stack_pointer
        ]
        self.clobbered = sum(self.places.register(r, 16) for r in self.lost)
        self.numbers = {name: number for number, name in machine.dwarf.items()}
        self.whole = {name: self.places.register(name, 16) for name in self.places.registers}
        # the steps of each block, and the bytes without poison in which they do nothing
        self.steps = {n: [(step, self._concerns(step)) for step in body.blocks[n]] for n in body.order}
        undefined = self._undefined()
        self.behind = {
            step.insn.address: self._behind(step.site) & ~undefined[step.insn.address]
            for n in body.order
            for step in body.blocks[n]
            if step.site is not None
        }
        self.faults: dict[int, Fault] | None = None  # by address; None while the analysis runs

    def run(self) -> list[Fault]:
        entry = self._solve()
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
        kept = (*self.machine.callee_saved, *self.machine.undefined_at_entry)
        at: dict[int, State] = {}

        def through(n: int, state: State) -> State:
            for step in self.body.blocks[n]:
                if step.site is not None:
                    at[step.insn.address] = state
                state = self._still_undefined(step, state)
            return state

        start = sum(self.places.register(r, 16) for r in dict.fromkeys(kept)) | self._below(self.machine.entry_sp)
        self._forward(start, through, and_)
        return at

    def _still_undefined(self, step: Step, before: State) -> State:
        state = before
        for e in step.effects:
            if e[0] == "set":
                bits, source = self.whole[e[1]], e[3]
                # to align the stack a register is pushed and, in the end, popped
                slot = self._memory(source[1], source[2]) if source[0] == "ld" else 0
                state = state | bits if slot and not slot & ~before else state & ~bits
            elif e[1][0] == "frame":
                slot = self.places.slot(e[1][1], e[2])
                state = state | slot if self._means_nothing(e[3], before) else state & ~slot
        return state & ~self.clobbered if step.insn.kind == "call" else state

    def _means_nothing(self, value: Expr, undefined: State) -> bool:
        if value[0] != "r" or value[1] not in self.machine.undefined_at_entry:
            return False
        return bool(undefined & self.places.register(value[1]))

    def _below(self, sp: int) -> State:
        """The frame below the stack pointer."""
        return self.places.slot(self.places.low, sp - self.places.low)

    def _behind(self, site: TableSite) -> State:
        """What is poisoned behind a site: all that its map does not describe."""
        places = self.places
        described = sum(self._described(word, 8) for word in dict.fromkeys(site.values) if not is_constant(word))
        for r in site.recipes:
            described |= self._described(r.dest, r.width)
        saved = {self.machine.dwarf.get(number, "") for number, _ in site.saved}
        for _, offset in site.saved:
            described |= places.slot(offset, 8)
        state = places.slot(places.low, places.high - places.low)
        for register in self.machine.callee_saved:
            if register in saved:
                state |= places.register(register, 16)
        if self.machine.link_register is None:
            described |= places.slot(-8, 8)
        return state & ~described

    def _described(self, word: int, width: int) -> State:
        offset = slot_of(word)
        if offset is not None:
            return self.places.slot(offset, width)
        return self.places.register(self.machine.dwarf[word], width)

    def _block(self, n: int, state: State) -> State:
        for step, concerns in self.steps[n]:
            if concerns < 0 or state & concerns:
                state = self._step(step, state)
        return state

    def _concerns(self, step: Step) -> State:
        """The bytes that a step reads or writes: as long as none is poisoned, it faults on nothing and leaves all so.

        -1 for calls, returns and what makes poison itself, which are looked at in any case.
        """
        insn = step.insn
        if insn.kind in ("call", "ret", "tail"):
            return -1
        bits = 0
        for register, width in insn.reads:
            bits |= self.places.register(register, width)
        for e in step.effects:
            if e[3] == ("lost",):
                return -1
            bits |= self._read(e[3]) | self._addresses(e[3])
            if e[0] == "set":
                bits |= self.whole[e[1]]
            else:
                bits |= self._address(e[1]) | self._memory(e[1], e[2])
        return bits

    def _addresses(self, e: Expr) -> State:
        """The registers by which an expression addresses memory."""
        if e[0] == "ld":
            return self._address(e[1])
        if e[0] == "alu":
            return self._addresses(e[2]) | self._addresses(e[3])
        bits = 0
        if e[0] == "op":
            for place, _ in e[2]:
                bits |= self._address(place)
        return bits

    def _fault(self, insn: Insn, state: State, what: Callable[[], str]) -> None:
        if state and self.faults is not None and insn.address not in self.faults:
            lost = self.places.name(state)
            self.faults[insn.address] = Fault(insn.address, f"{what()} {lost}, which no map describes ({insn.text})")

    def _step(self, step: Step, state: State) -> State:
        insn = step.insn
        for register, width in insn.reads:
            self._fault(insn, state & self.places.register(register, width), lambda: "depends on")
        results = [(e, self._value(e[3], step, state)) for e in step.effects]
        after = state
        for e, bits in results:
            after = self._set(e, bits, after) if e[0] == "set" else self._store(e, bits, step, state, after)
        if insn.kind == "call":
            return self._call(step, after)
        if insn.kind in ("ret", "tail"):
            read = self.kept | (self.returned if insn.kind == "ret" else self.passed)
            self._fault(insn, after & read, lambda: "returns with")
        return after

    def _call(self, step: Step, state: State) -> State:
        if passed := state & self.passed:
            ignored = sum(self.places.register(r, 16) for r in self.callees.ignores(step.insn.callee))
            self._fault(step.insn, passed & ~ignored, lambda: "passes")
        after = (state & ~self.clobbered) | self._below(step.sp)
        if step.site is None:
            return after
        for word in step.site.values:
            if not is_constant(word):
                self._fault(step.insn, state & self._described(word, 8), lambda: "has a value listed in")
        for _, offset in step.site.saved:
            self._fault(step.insn, state & self.places.slot(offset, 8), lambda: "has a register saved in")
        return after | self.behind[step.insn.address]  # with a rebuild here, or with one before and none here

    def _set(self, e: Expr, bits: State, state: State) -> State:
        register: str = e[1]
        width: int = e[2]
        at, size = self.places.registers[register], self.places.sizes[register]
        if width < 4 and size == 8:  # the rest of the register stays
            size = width
        mask = (1 << size) - 1
        return (state & ~(mask << at)) | ((bits & mask) << at)

    def _store(self, e: Expr, bits: State, step: Step, before: State, state: State) -> State:
        _, place, size, _ = e
        if place[0] == "frame":
            at: int = self.places.frame + place[1] - self.places.low
            written: State = bits & ((1 << size) - 1)
            return state & ~self.places.slot(place[1], size) | written << at
        self._fault(step.insn, before & self._address(place), lambda: "stores to an address that depends on")
        if bits & ((1 << size) - 1):
            self._fault(step.insn, before & self._read(e[3]), lambda: "stores what depends on")
        return state

    def _address(self, place: Expr) -> State:
        if place[0] != "far":
            return 0
        return self._both(place[1], place[2])

    def _both(self, base: str | None, index: str | None) -> State:
        bits = self.places.register(base) if base else 0
        return bits | self.places.register(index) if index else bits

    def _read(self, e: Expr) -> State:
        """All bytes that an expression reads."""
        kind = e[0]
        if kind in ("r", "ins"):
            return self.places.register(e[1], e[2] if kind == "r" else 8)
        if kind == "ld":
            return self._memory(e[1], e[2])
        if kind == "lea":
            return self._both(*e[1][:2])
        if kind == "alu":
            return self._read(e[2]) | self._read(e[3])
        if kind == "op":
            bits = 0
            for register, width in e[1]:
                bits |= self.places.register(register, width)
            for place, size in e[2]:
                bits |= self._memory(place, size)
            return bits
        return 0

    def _memory(self, place: Expr, size: int) -> State:
        return self.places.slot(place[1], size) if place[0] == "frame" else 0

    def _value(self, e: Expr, step: Step, state: State) -> State:
        """The poisoned bytes of a value, the first in bit 0."""
        kind = e[0]
        if kind == "r":
            return self._extended((state >> self.places.registers[e[1]]) & ((1 << e[2]) - 1), e[2], e[3])
        if kind == "ld":
            self._fault(step.insn, state & self._address(e[1]), lambda: "loads from an address that depends on")
            if e[1][0] != "frame":
                return 0
            at = self.places.frame + e[1][1] - self.places.low
            return self._extended((state >> at) & ((1 << e[2]) - 1), e[2], e[3])
        if kind == "ins":
            at = self.places.registers[e[1]]
            return (state >> at & 0xFF) & ~(3 << int(e[3]) // 8)
        if kind == "lost":
            return 1
        if kind == "alu":
            return 0xFFFF if self._value(e[2], step, state) | self._value(e[3], step, state) else 0
        if kind == "op":
            for place, _ in e[2]:
                self._fault(step.insn, state & self._address(place), lambda: "uses an address that depends on")
        return 0xFFFF if state & self._read(e) else 0

    @staticmethod
    def _extended(bits: State, width: int, how: str) -> State:
        if how == "s" and bits >> (width - 1) & 1:
            return bits | 0xFFFF & -(1 << width)
        return bits
