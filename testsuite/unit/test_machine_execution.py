"""The decoders' facts against execution (design 5, trap 5).

For one instruction of each form that LLVM emits, executed on random states:

- what the neutral form does not name as written stays as it was;
- what it does not name as read can be anything without changing what is written (strong liveness relies on it, for
  each effect by itself);
- where it gives the result as an expression, that is the result.

``execute/<isa>.txt`` holds the instructions; a line added there is tested. The seed is fixed: a failure repeats.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from operator import add, and_, lshift, ne, or_, rshift, sub, xor
from pathlib import Path

import pytest
from execute_fixtures import STATE, Bench, Built, build, instructions

from popcc.isa import ISAS
from popcc.linker.machine.base import FLAGS, Effect, Expr, Insn, Mem

M64 = (1 << 64) - 1
OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "and": and_, "or": or_, "xor": xor, "shl": lshift, "shr": rshift, "add": add, "sub": sub,
    "sar": lambda a, b: (a - (a >> 63 << 64)) >> b, "addw": lambda a, b: _extended(a + b, 4, "s"),
}  # fmt: skip
BASES, FILLINGS = 4, 2
CORNERS = (0, 1, M64, 1 << 63, 0x7FFFFFFF, 0x80000000, 0x3FF0000000000000, 0x3F8000003F800000)
# condition codes that an instruction leaves alone or undefined, which LLVM, to whom they are one register, does not use
UNSPECIFIED_FLAGS = {
    "x86_64": {
        **dict.fromkeys(("inc", "dec"), 0x001),  # CF stays
        **dict.fromkeys(("bt", "bts", "btr", "btc"), 0x8D4),
        **dict.fromkeys(("mul", "imul"), 0x0D4),
        **dict.fromkeys(("div", "idiv"), 0x8D5),
        **dict.fromkeys(("bsf", "bsr", "tzcnt"), 0x895),
        **dict.fromkeys(("rol", "ror", "shl", "shr", "sar", "shld", "shrd"), 0x8D5),
    },
    "aarch64": {},
    "riscv64": {},
}


class State:
    """A state being made or looked at."""

    def __init__(self, bench: Bench, data: bytes) -> None:
        self.bench = bench
        self.data = bytearray(data)

    def register(self, name: str) -> int:
        at, size = self.bench.register(name)
        return int.from_bytes(self.data[at : at + size], "little")

    def put(self, name: str, value: int) -> None:
        at, size = self.bench.register(name)
        self.data[at : at + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")

    def memory(self, address: int, size: int) -> int:
        at = address - STATE
        assert self.bench.memory <= at <= self.bench.record - size, f"address {address:#x} outside of the bench"
        return int.from_bytes(self.data[at : at + size], "little")

    def address(self, mem: Mem, scale: int) -> int:
        base, index, disp, symbol = mem
        assert symbol is None
        return ((self.register(base) if base else 0) + (self.register(index) * scale if index else 0) + disp) & M64


def base_state(built: Built, number: int, chance: random.Random) -> State:
    """A random state on which the instruction does not fault."""
    bench = built.bench
    state = State(bench, chance.randbytes(bench.record))
    for name in bench.general:
        if chance.random() < 0.5:
            state.put(name, chance.choice(CORNERS))
    for name in bench.vectors:
        if chance.random() < 0.3:
            state.put(name, chance.choice(CORNERS) | chance.choice(CORNERS) << 64)
    middle = STATE + bench.memory + 512
    state.put(bench.stack_pointer, middle)
    if built.texts[number].startswith(bench.faulting):
        _make_divisible(state, chance)
    if bench.operand in built.texts[number]:
        state.put(bench.base, middle + 64 * chance.randrange(3))
        state.put(bench.index, chance.randrange(8))
    put_flags(state, chance.getrandbits(64))
    state.data[bench.number : bench.number + 8] = number.to_bytes(8, "little")
    state.data[bench.jumped : bench.jumped + 8] = bytes(8)
    return state


def _make_divisible(state: State, chance: random.Random) -> None:
    """The quotient of rdx:rax by anything that is not small fits."""
    for name in state.bench.general:
        if name != state.bench.stack_pointer:
            state.put(name, chance.getrandbits(62) | 0x40404040_40404040)
    state.put("rdx", 0)
    state.put("rax", chance.getrandbits(64) & 0x00FFFFFF_00FF003F)
    at = state.bench.memory
    state.data[at:] = bytes(0x40 | chance.getrandbits(5) for _ in state.data[at:])


def put_flags(state: State, value: int) -> None:
    state.put(FLAGS, value & state.bench.flags_mask | state.bench.flags_rest)


def scale_of(text: str) -> int:
    """By how much the text says an index is multiplied, which the neutral form leaves out."""
    for n in (1, 2, 3, 4):
        if f"{1 << n}*" in text or f"#{n}]" in text:
            return 1 << n
    return 1


class Facts:
    """What an instruction's neutral form says, for one state it runs on."""

    def __init__(self, insn: Insn, state: State, scale: int) -> None:
        self.insn = insn
        self.state = state
        self.scale = scale

    def mems(self, e: Expr) -> list[tuple[Mem, int]]:
        """Memory an expression loads."""
        if e[0] == "ld":
            return [(e[1], e[2])]
        if e[0] == "op":
            return list(e[2])
        return [m for part in e[2:4] for m in self.mems(part)] if e[0] == "alu" else []

    def read(self, e: Expr) -> list[tuple[str, int]]:
        """Registers an expression reads, with widths."""
        kind = e[0]
        if kind == "r":
            return [(e[1], e[2])]
        if kind == "lea":
            return self.of_address(e[1])
        if kind == "ins":
            return [(e[1], 8)]
        if kind == "alu":
            return self.read(e[2]) + self.read(e[3])
        return list(e[1]) if kind == "op" else []

    def of_address(self, mem: Mem) -> list[tuple[str, int]]:
        return [(r, 8) for r in mem[:2] if r]

    def kept(self, effect: Effect | None) -> bytearray:
        """Marks the bytes of the state that matter to `effect` (None: to where the instruction goes on)."""
        bench = self.state.bench
        marks = bytearray(bench.record)
        registers = list(self.insn.reads)
        loads: list[tuple[Mem, int]] = []
        for e in self.insn.effects:
            for mem, _ in self.mems(e[3]):
                registers += self.of_address(mem)
            if e[0] == "store":
                registers += self.of_address(e[1])
        if effect is not None:
            registers += self.read(effect[3])
            loads += self.mems(effect[3])
        for name, width in registers:
            at, size = bench.register(name)
            marks[at : at + min(size if name == FLAGS else width, size)] = b"\1" * min(
                size if name == FLAGS else width, size
            )
        for mem, size in loads:
            at = self.state.address(mem, self.scale) - STATE
            marks[at : at + size] = b"\1" * size
        for name in (bench.stack_pointer, *bench.reserved):
            at, size = bench.register(name)
            marks[at : at + size] = b"\1" * size
        marks[bench.number : bench.memory] = b"\1" * (bench.memory - bench.number)
        return marks

    def written(self) -> bytearray:
        """Marks the bytes that the instruction may change."""
        bench = self.state.bench
        marks = bytearray(bench.record)
        for e in self.insn.effects:
            at, size = self.span(e)
            marks[at : at + size] = b"\1" * size
        marks[bench.jumped : bench.memory] = b"\1" * (bench.memory - bench.jumped)
        return marks

    def span(self, e: Effect) -> tuple[int, int]:
        """(offset, bytes) of what an effect writes; 4 bytes and more write the whole register."""
        if e[0] == "store":
            return self.state.address(e[1], self.scale) - STATE, e[2]
        at, size = self.state.bench.register(e[1])
        return at, size if e[2] >= 4 else e[2]

    def value(self, e: Expr) -> int | None:
        """What an expression comes to; None where the neutral form does not say."""
        kind = e[0]
        if kind == "r":
            return _extended(self.state.register(e[1]), e[2], e[3])
        if kind == "c":
            return int(e[1])
        if kind == "lea":
            return self.state.address(e[1], self.scale)
        if kind == "ld":
            return _extended(self.state.memory(self.state.address(e[1], self.scale), e[2]), e[2], e[3])
        if kind == "ins":
            kept = ~(0xFFFF << int(e[3]))
            return self.state.register(e[1]) & kept | int(e[2]) << int(e[3])
        if kind == "alu":
            a, b = self.value(e[2]), self.value(e[3])
            assert a is not None and b is not None
            return OPERATIONS[e[1]](a, b) & M64
        return None


def _extended(value: int, width: int, how: str) -> int:
    value &= (1 << 8 * width) - 1
    if how == "s" and value >> (8 * width - 1):
        value |= M64 & ~((1 << 8 * width) - 1)
    return value


def filled(state: State, kept: bytearray, chance: random.Random) -> State:
    """`state` with random bytes wherever it is not marked."""
    keep = int.from_bytes(kept, "little") * 255
    noise = int.from_bytes(chance.randbytes(len(kept)), "little")
    data = (int.from_bytes(state.data, "little") & keep | noise & ~keep).to_bytes(len(kept), "little")
    new = State(state.bench, data)
    put_flags(new, new.register(FLAGS))
    return new


def plan(built: Built) -> Iterator[tuple[int, Facts, Effect | None, State, State]]:
    """(number, facts, effect, state, the state with everything else changed) for every run to make."""
    chance = random.Random(20260101)
    for number, insn in enumerate(built.insns):
        for _ in range(BASES):
            state = base_state(built, number, chance)
            facts = Facts(insn, state, scale_of(built.texts[number]))
            for effect in (*insn.effects, *((None,) if insn.kind else ())):
                for _ in range(FILLINGS):
                    yield number, facts, effect, state, filled(state, facts.kept(effect), chance)


def problems(built: Built) -> Iterator[str]:
    """Everything that the decoder says and execution denies."""
    runs = list(plan(built))
    before = built.run([bytes(state.data) for _, _, _, state, _ in runs])
    after = built.run([bytes(other.data) for _, _, _, _, other in runs])
    for (number, facts, effect, state, _), one, two in zip(runs, before, after, strict=True):
        text = built.texts[number]
        changed = bytes(map(ne, one, state.data))
        if any(changed):
            for at in _unclaimed(built.bench, changed, facts.written()):
                yield f"{text}: writes {_place(built.bench, at)}"
        if effect is None:
            jumped = slice(built.bench.jumped, built.bench.jumped + 8)
            if one[jumped] != two[jumped]:
                yield f"{text}: its jump reads more than {facts.insn.reads}"
            continue
        yield from _wrong(built.bench, text, facts, effect, State(built.bench, one), State(built.bench, two))


def _unclaimed(bench: Bench, changed: bytes, written: bytearray) -> list[int]:
    """Offsets in the state that changed and may not."""
    own = [range(at, at + n) for at, n in map(bench.register, (*bench.reserved, FLAGS))]
    found = (at for at in range(bench.record) if changed[at] and not written[at])
    return [at for at in found if not any(at in r for r in own)]


def _wrong(bench: Bench, text: str, facts: Facts, effect: Effect, one: State, two: State) -> Iterator[str]:
    at, size = facts.span(effect)
    left, right = (int.from_bytes(s.data[at : at + size], "little") for s in (one, two))
    if effect[1] == FLAGS:
        mask = bench.flags_mask & ~UNSPECIFIED_FLAGS[bench.isa].get(text.removeprefix("lock ").split()[0], 0)
        left, right = left & mask, right & mask
    if left != right:
        yield f"{text}: {effect} reads more than that"
    value = facts.value(effect[3])
    if value is None:
        return
    width = effect[2]
    if effect[0] == "set" and effect[1] in bench.general and width >= 4:
        value &= (1 << 8 * width) - 1
    elif width < size or effect[0] == "store" or width < 4:
        value &= (1 << 8 * size) - 1
    if value != left:
        yield f"{text}: {effect} is {left:#x}, not {value:#x}"


def _place(bench: Bench, at: int) -> str:
    if at >= bench.memory:
        return f"memory at {at - bench.memory}"
    return next(r for r in (*bench.general, *bench.vectors) for o, n in [bench.register(r)] if o <= at < o + n)


@pytest.mark.parametrize("isa", ISAS)
def test_decoder_facts_hold_when_executed(isa: str, tmp_path: Path) -> None:
    built = build(isa, instructions(isa), tmp_path)
    assert len(built.texts) > 500
    found = dict.fromkeys(problems(built))
    assert not found, "\n".join(found)
