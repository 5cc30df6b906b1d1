"""What each register and frame slot holds, as a term (terms.py): forward analysis of a function's machine code.

A location is a register's name or ("s", offset from the CFA, size). Locations into which the same terms flow
from every predecessor get one phi, so that copies stay equal through loops (value numbering by partition,
Alpern, Wegman and Zadeck 1988).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from operator import itemgetter
from typing import Any

from popcc.linker.machine.base import ALU, FLAGS, M64, Effect, Expr, Insn, Machine, Mem
from popcc.linker.maps.flow import Flow
from popcc.linker.maps.terms import LOST, Term, add, common_extension, extend, low, shifted, total

Location = Any
State = dict[Location, Term]

_UNTOUCHED: Term = ("untouched",)  # in place of what a slot held on entry
_MAXIMUM_ROUNDS = 60


class _Version:
    """A state, and how it came from an earlier one.

    What differs is in `changed`, along with what may not; if `called`, also the registers that calls do not preserve:
    those not in `changed` are lost.
    """

    __slots__ = ("called", "changed", "depth", "parent", "state")

    def __init__(
        self, state: State, parent: _Version | None, changed: Collection[Location] = (), called: bool = False
    ) -> None:
        self.state = state
        self.parent = parent
        self.changed = changed
        self.called = called
        self.depth: int = parent.depth + 1 if parent else 0


def _apart(a: _Version, b: _Version) -> tuple[set[Location], bool]:
    """What has changed since two versions were one, and whether there was a call."""
    changed: set[Location] = set()
    called = False
    while a is not b:
        if a.depth < b.depth:
            a, b = b, a
        changed.update(a.changed)
        called |= a.called
        assert a.parent is not None  # all come from the entry's
        a = a.parent
    return changed, called


class Values:
    """The analysis of one function.

    `read_only`: whether a symbol names memory that can't be written to. `constant`: what is there, by symbol, offset
    and size, zero-extended; None if that is not known before the link.
    """

    def __init__(
        self,
        machine: Machine,
        flow: Flow,
        read_only: Callable[[str], bool],
        constant: Callable[[str, int, int], int | None],
    ) -> None:
        self.machine = machine
        self.flow = flow
        self.read_only = read_only
        self.constant = constant
        self.slots: set[Location] = set()
        # by place: the slots that what it held on entry was put into
        self.saves: dict[Location, dict[Location, None]] = {}
        self._overlaps: dict[Location, list[Location]] = {}
        self._rank = {r: k for k, r in enumerate(machine.registers)}
        kept = (*machine.callee_saved, *machine.results, machine.stack_pointer)
        self._after_call = dict.fromkeys((r for r in machine.registers if r not in kept), LOST)
        self.wild = ""  # an access that can't be placed in the frame, if there is one
        self.accesses: dict[int, list[tuple[str, int, int]]] = {}  # address -> ("r" | "w", CFA offset, size)
        self.escapes: dict[int, str] = {}  # address -> how an address in the frame gets out (law 3)
        self.after_calls: dict[int, State] = {}  # what holds behind each call, by return address
        self._steps = {n: [i for i in flow.blocks[n] if i.kind == "call" or not _only_flags(i)] for n in flow.order}
        self._written: dict[int, set[Location]] = {}  # by block: what it may change besides
        self._here: set[Location] = set()  # that of the block at hand
        self._calling: set[int] = set()  # the blocks with calls
        self._solve()

    def _solve(self) -> None:
        start = _Version(self._start(), None)
        entries: dict[int, _Version] = {}
        exits: dict[int, _Version] = {}
        stale = set(self.flow.order)  # blocks into which something else flows than when they were last looked at
        for _ in range(_MAXIMUM_ROUNDS):
            changed = False
            for n in self.flow.order:
                if n not in stale:
                    continue
                stale.remove(n)
                entry = self._merged(n, start, exits)
                if n in entries and entries[n].state == entry.state:
                    continue
                changed = True
                entries[n] = entry
                exits[n] = self._through(n, entry)
                stale.update(self.flow.successors[n])
            if not changed:
                self.wild = self.wild or next(iter(self.escapes.values()), "")
                return
        self.wild = "the value analysis does not settle"

    def _through(self, n: int, entry: _Version) -> _Version:
        """The state behind a block. What is noted of it replaces what was noted when the state was too hopeful."""
        state = dict(entry.state)
        if n not in self._written:
            self._written[n] = self._sets(n)
        else:
            for insn in self._steps[n]:
                self.accesses.pop(insn.address, None)
                self.escapes.pop(insn.address, None)
        self._here = self._written[n]
        for insn in self._steps[n]:
            self._step(insn, state)
            if insn.kind == "call":
                self.after_calls[insn.end] = dict(state)
        return _Version(state, entry, self._here, n in self._calling)

    def _sets(self, n: int) -> set[Location]:
        """The registers that a block sets, but for those that calls in it lose."""
        steps = self._steps[n]
        sets: set[Location] = {e[1] for insn in steps for e in insn.effects if e[0] == "set"}
        if any(insn.kind == "call" for insn in steps):
            self._calling.add(n)
            sets.update(self.machine.results)
        return sets

    def _start(self) -> State:
        state: State = {r: ("init", r) for r in self.machine.registers}
        state[self.machine.stack_pointer] = ("cfa", self.machine.entry_sp)
        return state

    def _merged(self, n: int, start: _Version, exits: Mapping[int, _Version]) -> _Version:
        versions = [exits[p] for p in self.flow.predecessors[n] if p in exits]
        if n == 0:
            versions.append(start)
        first, *rest = versions
        if not rest:
            return first
        apart: set[Location] = set()
        called = False
        for v in rest:
            changed, call = _apart(first, v)
            called |= call
            apart |= changed
        states = [v.state for v in versions]
        if not called and all(first.state.get(at) is s.get(at) for s in states[1:] for at in apart):
            return first
        return _Version(self._joined(n, states, apart, called), first, apart, called)

    def _joined(self, n: int, states: list[State], apart: Collection[Location], called: bool) -> State:
        """States that differ at most in some locations, and if there was a call in what that loses, as one."""
        out = dict(states[0])
        if called:
            out.update(self._after_call)
        terms = [s.get for s in states]
        different: list[tuple[Any, Location, tuple[Term, ...]]] = []
        for location in apart:
            vector: tuple[Term, ...] = tuple([at(location, _UNTOUCHED) for at in terms])
            if LOST in vector:
                out[location] = LOST
                continue
            if _UNTOUCHED in vector:
                vector = tuple([("init", location) if term is _UNTOUCHED else term for term in vector])
            if vector.count(vector[0]) == len(vector):
                out[location] = vector[0]
            else:
                different.append((self._order(location), location, vector))
        different.sort(key=itemgetter(0))
        groups: dict[tuple[Term, ...], Term] = {}
        for _, location, vector in different:
            phi = groups.get(vector)
            if phi is None:
                phi = groups[vector] = common_extension(vector, ("phi", n, location))
            out[location] = phi
        return out

    def _order(self, location: Location) -> tuple[int, int, int]:
        if isinstance(location, str):
            return (0, self._rank[location], 0)
        return (1, location[1], location[2])

    def _step(self, insn: Insn, state: State) -> None:
        effects = insn.effects
        if len(effects) == 1 or (len(effects) == 2 and _sets_flags(effects[1])):
            effect = effects[0]
            value = self._evaluate(effect[3], insn, state)
            if effect[0] == "set":
                self._assign(effect, value, insn, state)
            else:
                self._store(effect, self._address(effect[1], state), value, insn, state)
        elif effects:
            # all at once: every value and address is of the state before
            values = [self._evaluate(e[3], insn, state) for e in effects]
            addresses = [self._address(e[1], state) if e[0] == "store" else None for e in effects]
            for effect, value, address in zip(effects, values, addresses, strict=True):
                if effect[0] == "set":
                    self._assign(effect, value, insn, state)
                else:
                    self._store(effect, address, value, insn, state)
        if insn.kind == "call":
            for r in self.machine.arguments:
                if state[r][0] == "cfa":
                    self.escapes[insn.address] = f"an address in the machine stack is passed in {r}: {insn!r}"
            state.update(self._after_call)
            for r in self.machine.results:
                state[r] = ("def", insn.address, r)

    def _assign(self, effect: Effect, value: Term | None, insn: Insn, state: State) -> None:
        _, reg, width, _ = effect
        if reg == FLAGS:
            return
        if value is None:
            value = ("def", insn.address, reg)
        if width < 4:  # the rest of the register stays, whatever it is
            value = low(width, value)
            value = value if value[0] == "lo" else ("lo", width, value)
        elif width == 4 and reg not in self.machine.vectors:
            value = extend(4, value, "z")
        state[reg] = value

    def _evaluate(self, e: Expr, insn: Insn, state: State) -> Term | None:
        kind = e[0]
        if kind == "r":
            term = state[e[1]]
            if term is LOST:
                return None
            if e[2] == 8 and term[0] == "ld" and term[3] > 8:
                return (*term[:3], 8)  # the low half of a vector
            return extend(e[2], term, e[3]) if e[2] < 8 else term
        if kind in ("c", "sym", "page"):
            return e
        if kind == "tp":
            return ("tp", 0)
        if kind == "lea":
            return self._address(e[1], state)
        if kind == "lo12":
            return ("sym", e[2], e[3]) if state[e[1]] == self._page(e[2], e[3]) else None
        if kind == "ins":
            term = state[e[1]]
            if term[0] != "c":
                return None
            return ("c", (term[1] & ~(0xFFFF << e[3])) | (e[2] << e[3]))
        if kind == "alu":
            return self._alu(e, insn, state)
        if kind == "ld":
            return self._load(e, insn, state)
        for mem, size in e[2]:
            self._touch("r", self._address(mem, state), mem, size, insn, state)
        return None

    def _alu(self, e: Expr, insn: Insn, state: State) -> Term | None:
        a, b = self._evaluate(e[2], insn, state), self._evaluate(e[3], insn, state)
        name = e[1]
        if a is None or b is None:
            return None
        if name == "or":
            a = self._contents(a)
        if a[0] == b[0] == "c":
            return ("c", ALU[name](a[1], b[1]) & M64)
        if name == "sub" and b[0] == "sym" and a[0] in ("sym", "c"):
            # how far a thread-local lies from the thread pointer
            return ("diff", a[1], b[1], a[2] - b[2]) if a[0] == "sym" else ("diff", "", b[1], a[1] - b[2])
        if name == "add":
            return total(a, b)
        if name == "sub":
            return total(a, ("c", -b[1] & M64)) if b[0] == "c" else None
        return shifted(name, a, b[1]) if b[0] == "c" else None

    def _contents(self, term: Term) -> Term:
        """What is known of a value that was loaded, zero-extended, from read-only memory."""
        size = 0 if term[0] != "zx" or term[2][0] != "ld" else int(term[1])
        value = self.constant(term[2][1], term[2][2], size) if size else None
        return term if value is None else ("c", value)

    def _page(self, name: str, addend: int) -> Term:
        """The page that an address is reached from."""
        return ("page", name, addend + self.machine.page_rounding)

    def _address(self, mem: Mem, state: State) -> Term | None:
        base, index, disp, symbol = mem
        if symbol is not None:
            how, name, addend = symbol
            if how == "lo12":
                return ("sym", name, addend) if base and state[base] == self._page(name, addend) and not index else None
            if how == "got":
                return ("got", name)
            return ("sym", name, addend + disp) if base is None and index is None else None
        if base is None:
            return None
        term = add(state[base], disp)
        if index is not None:
            return ("indexed", term) if term[0] == "cfa" else None
        return term

    def _touch(self, how: str, address: Term | None, mem: Mem, size: int, insn: Insn, state: State) -> None:
        """Notes an access to the frame."""
        if address is None:
            return
        if address[0] == "cfa":
            accesses = self.accesses.setdefault(insn.address, [])
            if (how, address[1], size) not in accesses:
                accesses.append((how, address[1], size))
        elif address[0] == "indexed":
            self.wild = f"indexed access to the frame: {insn!r}"

    def _load(self, e: Expr, insn: Insn, state: State) -> Term | None:
        _, mem, size, how = e
        address = self._address(mem, state)
        self._touch("r", address, mem, size, insn, state)
        if address is None:
            return None
        if address[0] == "got":
            return ("sym", address[1].removeprefix("got:"), 0)
        if address[0] == "sym" and self.read_only(address[1]):
            return extend(size, ("ld", address[1], address[2], size), how)
        if address[0] == "cfa":
            term = self._slot(("s", address[1], size), state)
            return None if term is None else extend(size, term, how)
        return None

    def _slot(self, key: Location, state: State) -> Term | None:
        if key in state:
            return state[key]
        overlapping = [k for k in self._overlapping(key) if k in state]
        if not overlapping:
            return ("init", key)
        for k in overlapping:
            if k[1] == key[1] and k[2] > key[2]:
                return low(key[2], state[k])
        return None

    def _overlapping(self, key: Location) -> list[Location]:
        if key not in self.slots:
            self.slots.add(key)
            self._overlaps.clear()
        known = self._overlaps.get(key)
        if known is None:
            known = [k for k in self.slots if k != key and k[1] < key[1] + key[2] and key[1] < k[1] + k[2]]
            self._overlaps[key] = known
        return known

    def _store(self, effect: Effect, address: Term | None, value: Term | None, insn: Insn, state: State) -> None:
        _, mem, size, _ = effect
        self._touch("w", address, mem, size, insn, state)
        if address is None or address[0] != "cfa":
            if value is not None and value[0] == "cfa":
                self.escapes[insn.address] = f"an address in the machine stack is stored: {insn!r}"
            return
        key = ("s", address[1], size)
        if value is None:
            value = ("def", insn.address, key)
        overlapping = self._overlapping(key)
        self._here.add(key)
        self._here.update(overlapping)
        if value[0] == "init" and size >= 8:
            self.saves.setdefault(value[1], {})[key] = None
        for k in overlapping:
            inside = k[1] == key[1] and k[2] < size
            state[k] = low(k[2], value) if inside else ("def", insn.address, k)
        state[key] = low(size, value) if size < 8 else value


def _sets_flags(effect: Effect) -> bool:
    """Whether that is all, without a look at memory."""
    return bool(effect[1] == FLAGS and effect[3][0] == "op" and not effect[3][2])


def _only_flags(insn: Insn) -> bool:
    """Whether an instruction does nothing else, if it does anything."""
    effects = insn.effects
    return not effects or (len(effects) == 1 and _sets_flags(effects[0]))
