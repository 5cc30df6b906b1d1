"""Which registers and frame bytes are read after a point: backward analysis of a function's machine code.

Liveness is strong: an instruction that only computes a value reads nothing when nobody reads the value. A set
of live places is one integer: four bits per register (byte 0; byte 1; bytes 2 and 3; the rest — for vectors 4, 8 and
16 bytes), then a bit per frame byte.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from functools import reduce
from operator import or_

from popcc.linker.machine.base import FLAGS, Expr, Insn, Machine
from popcc.linker.maps.flow import Flow
from popcc.linker.maps.values import Location, Values

_ALL = 15
_GENERAL = {1: 1, 2: 3, 4: 7, 8: 15, 16: 15}
_VECTOR = {1: 1, 2: 1, 4: 1, 8: 3, 16: 7}
# what a write of so many bytes leaves nothing of
_KILLED = {1: 1, 2: 3, 4: 15, 8: 15, 16: 15}

# What an instruction does to a set of live places, of which it keeps (what a call leaves, what it does not write)
# and to which it adds what it reads in any case, then what it reads to compute results that are live:
#   of a register   (bit of the register, (groups, what is read if one is live), ..., what a dead one reads)
#   of the frame    (the bytes, what the store reads if one of them is live)
_Parts = tuple[tuple[int, int], ...]
_Transfer = tuple[int, int, int, tuple[tuple[int, _Parts, int], ...], _Parts]
# of instructions that stand in many places, what they do where they don't touch the frame
_known: dict[Insn, _Transfer] = {}
_GROUPS = ((1, 0, 1), (2, 1, 2), (4, 2, 4), (8, 4, 8))  # of a general register: bit, first byte, end


def _before(transfer: _Transfer, live: int) -> int:
    left, kept, uses, sets, stores = transfer
    live &= left
    for at, parts, fault in sets:
        if wanted := (live >> at) & _ALL:
            for groups, used in parts:
                if wanted & groups:
                    uses |= used
        else:
            uses |= fault
    for bytes_, used in stores:
        if live & bytes_:
            uses |= used
    return (live & kept) | uses


class Live:
    """The analysis of one function.

    `listed`: by a site's return address, where its values are. Whoever moves there reads them, all 8 bytes.
    `points`: the return addresses of calls that take no arguments, those of migration points.
    """

    def __init__(
        self,
        machine: Machine,
        flow: Flow,
        values: Values,
        listed: Mapping[int, Iterable[Location]],
        points: Container[int] = (),
    ) -> None:
        self.machine = machine
        self.flow = flow
        self.values = values
        self.points = points
        self._at = {r: 4 * k for k, r in enumerate((*machine.registers, FLAGS))}
        self._slot_bits: dict[int, int] = {}
        self._slot_offsets: list[int] = []
        self._masks: dict[tuple[int, int], int] = {}
        assert len(self._at) == len(machine.registers) + 1
        self._first_slot = 4 * len(self._at)
        self._call_clobbers = sum(
            _ALL << self._at[r]
            for r in (*machine.registers, FLAGS)
            if r not in machine.callee_saved and r != machine.stack_pointer
        )
        self._call_reads = sum(_ALL << self._at[r] for r in machine.arguments)
        self._return_reads = sum(_ALL << self._at[r] for r in machine.results)
        for r in machine.callee_saved:
            self._return_reads |= (3 if r in machine.vectors else _ALL) << self._at[r]
        self._ever_read = 0
        for accesses in values.accesses.values():
            for how, offset, size in accesses:
                if how == "r":
                    self._ever_read |= self._slots(offset, size)
        self._listed = {address: self._places(places) for address, places in listed.items()}
        for bits in self._listed.values():
            self._ever_read |= bits & -(1 << self._first_slot)
        # by block, last instruction first: what each does to a set of live places
        self._transfers = {n: [self._transfer(i) for i in reversed(flow.blocks[n])] for n in flow.order}
        self._out = self._solve()

    def after_calls(self) -> dict[int, int]:
        """Live places behind each call, by return address."""
        out: dict[int, int] = {}
        for n in self.flow.order:
            if "call" not in [insn.kind for insn in self.flow.blocks[n]]:
                continue
            live = self._out[n]
            for insn, transfer in zip(reversed(self.flow.blocks[n]), self._transfers[n], strict=True):
                if insn.kind == "call":
                    out[insn.end] = live
                live = _before(transfer, live)
        return out

    def register_width(self, register: str, live: int) -> int:
        """How many low bytes of a register are live; 0 for none."""
        bits = (live >> self._at[register]) & _ALL
        if register in self.machine.vectors:
            return 16 if bits & 4 else 8 if bits & 2 else 4 if bits else 0
        return 8 if bits & 8 else 4 if bits & 4 else 2 if bits & 2 else 1 if bits else 0

    def slot_bytes(self, live: int) -> set[int]:
        """CFA offsets of the live frame bytes."""
        bits = bin(live >> self._first_slot)[:1:-1]
        return {offset for bit, offset in zip(bits, self._slot_offsets, strict=False) if bit == "1"}

    def _solve(self) -> dict[int, int]:
        into: dict[int, int] = {}
        out: dict[int, int] = dict.fromkeys(self.flow.order, 0)
        changed = True
        while changed:
            changed = False
            for n in reversed(self.flow.order):
                live = 0
                for s in self.flow.successors[n]:
                    live |= into.get(s, 0)
                if n in into and live == out[n]:
                    continue
                out[n] = live
                for transfer in self._transfers[n]:
                    live = _before(transfer, live)
                if into.get(n) != live:
                    into[n] = live
                    changed = True
        return out

    def _places(self, places: Iterable[Location]) -> int:
        bits = 0
        for place in places:
            bits |= _ALL << self._at[place] if isinstance(place, str) else self._slots(place[1], place[2])
        return bits

    def _mask(self, register: str, width: int) -> int:
        table = _VECTOR if register in self.machine.vectors else _GENERAL
        return table[width] << self._at[register]

    def _slots(self, offset: int, size: int) -> int:
        mask = self._masks.get((offset, size))
        if mask is None:
            mask = self._masks[offset, size] = self._new_slots(offset, size)
        return mask

    def _new_slots(self, offset: int, size: int) -> int:
        bits = 0
        for byte in range(offset, offset + size):
            bit = self._slot_bits.get(byte)
            if bit is None:
                bit = self._slot_bits[byte] = 1 << (self._first_slot + len(self._slot_offsets))
                self._slot_offsets.append(byte)
            bits |= bit
        return bits

    def _transfer(self, insn: Insn) -> _Transfer:
        if insn.kind in ("branch", "jump"):  # which do nothing but read
            return -1, -1, reduce(or_, [self._mask(*read) for read in insn.reads], 0), (), ()
        model = insn.model
        if model is None or insn.kind or insn.address in self.values.accesses:
            return self._made(insn)
        known = _known.get(model)
        if known is None:
            known = _known[model] = self._made(insn)
        return known

    def _made(self, insn: Insn) -> _Transfer:
        uses = killed = clobbered = 0
        sets: list[tuple[int, _Parts, int]] = []
        stores: list[tuple[int, int]] = []
        if insn.kind == "call":
            clobbered = self._call_clobbers
            uses = self._listed.get(insn.end, 0) | (0 if insn.end in self.points else self._call_reads)
        elif insn.kind in ("ret", "tail"):
            uses = self._return_reads | (self._call_reads if insn.kind == "tail" else 0)
        for register, width in insn.reads:
            uses |= self._mask(register, width)
        for e in insn.effects:
            if e[0] == "set":
                _, register, width, value = e
                at = self._at[register]
                vector = register in self.machine.vectors
                killed |= (_ALL if vector or register == FLAGS else _KILLED[width]) << at
                # a vector's groups are cut elsewhere than a general register's
                parts = () if vector or register == FLAGS else self._copied(value, insn)
                sets.append((at, parts or ((_ALL, self._uses(value, insn)),), self._fault_uses(value)))
            else:
                uses |= self._address_uses(e[1])
                written = self._written(insn, e[2])
                if written and all(w & self._ever_read for w in written):
                    stores += self._stored(e[3], insn) or [(reduce(or_, written), self._uses(e[3], insn))]
                else:  # a slot that is never read here holds an outgoing argument
                    uses |= self._uses(e[3], insn)
        for how, offset, size in self.values.accesses.get(insn.address, ()):
            if how == "w":
                killed |= self._slots(offset, size)
        return ~clobbered, ~killed, uses, tuple(sets), tuple(stores)

    def _copied(self, value: Expr, insn: Insn) -> _Parts:
        """What is wanted of low bytes of a general register or slot, by what is wanted of a copy; () of other values.

        A sign that is extended is wanted with the bytes above it.
        """
        if value[0] == "r" and value[3] != "s" and value[1] not in self.machine.vectors:
            return tuple((bit, bit << self._at[value[1]]) for bit, start, _ in _GROUPS if start < value[2])
        offset = self._only_slot(insn, "r")
        if value[0] != "ld" or value[3] == "s" or offset is None:
            return ()
        address = self._address_uses(value[1])
        return tuple(
            (bit, address | self._slots(offset + start, min(end, value[2]) - start))
            for bit, start, end in _GROUPS
            if start < value[2]
        )

    def _stored(self, value: Expr, insn: Insn) -> list[tuple[int, int]]:
        """As `_copied`, for a register that is stored to a slot."""
        offset = self._only_slot(insn, "w")
        if value[0] != "r" or value[3] == "s" or value[1] in self.machine.vectors or offset is None:
            return []
        return [
            (self._slots(offset + start, min(end, value[2]) - start), bit << self._at[value[1]])
            for bit, start, end in _GROUPS
            if start < value[2]
        ]

    def _only_slot(self, insn: Insn, how: str) -> int | None:
        """The offset of the one access to the frame that an instruction makes; None if it makes others as well."""
        accesses = self.values.accesses.get(insn.address, ())
        return accesses[0][1] if len(accesses) == 1 and accesses[0][0] == how else None

    def _written(self, insn: Insn, size: int) -> list[int]:
        return [
            self._slots(o, s) for how, o, s in self.values.accesses.get(insn.address, ()) if how == "w" and s == size
        ]

    def _address_uses(self, mem: Expr) -> int:
        base, index = mem[0], mem[1]
        bits = _ALL << self._at[base] if base else 0
        return bits | _ALL << self._at[index] if index else bits

    def _fault_uses(self, e: Expr) -> int:
        """What must hold an address though nobody wants what is loaded from there, of a volatile object say."""
        if e[0] == "ld":
            return self._address_uses(e[1])
        if e[0] == "alu":
            return self._fault_uses(e[2]) | self._fault_uses(e[3])
        return reduce(or_, (self._address_uses(mem) for mem, _ in e[2]), 0) if e[0] == "op" else 0

    def _uses(self, e: Expr, insn: Insn) -> int:
        """What evaluating all of `e` reads."""
        kind = e[0]
        if kind == "r":
            return self._mask(e[1], e[2])
        if kind == "ld":
            return self._address_uses(e[1]) | self._frame_reads(insn, e[2])
        if kind == "lea":
            return self._address_uses(e[1])
        if kind == "alu":
            return self._uses(e[2], insn) | self._uses(e[3], insn)
        if kind in ("lo12", "ins"):
            return _ALL << self._at[e[1]]
        if kind == "op":
            uses = 0
            for register, width in e[1]:
                uses |= self._mask(register, width)
            for mem, size in e[2]:
                uses |= self._address_uses(mem) | self._frame_reads(insn, size)
            return uses
        return 0

    def _frame_reads(self, insn: Insn, size: int) -> int:
        bits = 0
        for how, offset, read in self.values.accesses.get(insn.address, ()):
            if how == "r" and read == size:
                bits |= self._slots(offset, read)
        return bits
