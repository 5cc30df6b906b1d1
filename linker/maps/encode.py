"""Decoded instructions as numbers, each of them once (layout: popcc.schema.machinecode)."""

from __future__ import annotations

from array import array

from popcc.linker.machine.base import FLAGS, Effect, Expr, Insn, Machine, Mem, Undecodable
from popcc.schema import machinecode as codes

# their numbers, as an enumeration's own members cost more
_SET, _STORE = map(int, codes.Effect)
_CONSTANT, _SYMBOL, _PAGE, _LO12, _REGISTER, _LOAD, _ADDRESS, _INSERT, _OPERATION, _THREAD_POINTER, _OTHER = map(
    int, codes.Expr
)
_KINDS = dict(zip(("", "call", "ret", "jump", "branch", "indirect", "tail", "trap"), map(int, codes.Insn), strict=True))
_EXTENDS = dict(zip(("", "z", "s"), map(int, codes.Extend), strict=True))
_ALU = {operation.name.lower(): int(operation) for operation in codes.Alu}
_HOW = {how.name.lower(): int(how) for how in codes.Mem}


class Encoder:
    """The instructions and symbols of one object: `code` holds the former, `names` the latter, of which 0 is none."""

    def __init__(self, machine: Machine) -> None:
        self.code = array("q")
        self.names = [""]
        self._symbols = {"": 0}
        self._registers = {r: k for k, r in enumerate((*machine.registers, FLAGS))}
        self._models: dict[Insn, int] = {}
        self._equals: dict[tuple[object, ...], int] = {}

    def places(self, insns: list[Insn]) -> array[int]:
        """Where in `code` the instructions are. Raises `Undecodable` for one that does too much."""
        models = self._models
        out = []
        for insn in insns:
            model = insn.model
            # some have a model and yet an effect of their own
            if model is None or insn.effects is not model.effects:
                out.append(self._equal(insn))
                continue
            place = models.get(model)
            if place is None:
                place = models[model] = self._equal(insn)
            out.append(place)
        return array("q", out)

    def _equal(self, insn: Insn) -> int:
        key = (insn.kind, *insn.effects, *insn.reads)
        place = self._equals.get(key)
        if place is None:
            place = self._equals[key] = len(self.code)
            self.code.extend(array("q", self._instruction(insn)))
        return place

    def _instruction(self, insn: Insn) -> list[int]:
        if len(insn.effects) > codes.MAX_EFFECTS:
            raise Undecodable(f"{insn!r}: does more than {codes.MAX_EFFECTS} things")
        out = [_KINDS[insn.kind], len(insn.reads), len(insn.effects)]
        for register, width in insn.reads:
            out += (self._registers[register], width)
        for effect in insn.effects:
            out += self._effect(effect)
        return out

    def _effect(self, effect: Effect) -> list[int]:
        if effect[0] == "set":
            value = self._expression(effect[3])
            return [_SET, 4 + len(value), self._registers[effect[1]], effect[2], *value]
        value = [*self._mem(effect[1]), *self._expression(effect[3])]
        return [_STORE, 3 + len(value), effect[2], *value]

    def _expression(self, e: Expr) -> list[int]:
        kind = e[0]
        if kind == "r":
            return [_REGISTER, self._registers[e[1]], e[2], _EXTENDS[e[3]]]
        if kind == "c":
            return [_CONSTANT, _signed(e[1])]
        if kind == "ld":
            return [_LOAD, *self._mem(e[1]), e[2], _EXTENDS[e[3]]]
        if kind == "lea":
            return [_ADDRESS, *self._mem(e[1])]
        if kind == "sym":
            return [_SYMBOL, self._symbol(e[1]), e[2]]
        if kind == "page":
            return [_PAGE, self._symbol(e[1]), e[2]]
        if kind == "lo12":
            return [_LO12, self._registers[e[1]], self._symbol(e[2]), e[3]]
        if kind == "ins":
            return [_INSERT, self._registers[e[1]], e[2], e[3]]
        if kind == "alu":
            return [_OPERATION, _ALU[e[1]], *self._expression(e[2]), *self._expression(e[3])]
        if kind == "tp":
            return [_THREAD_POINTER]
        out = [_OTHER, len(e[1]), len(e[2])]
        for register, width in e[1]:
            out += (self._registers[register], width)
        for mem, size in e[2]:
            out += (*self._mem(mem), size)
        return out

    def _mem(self, mem: Mem) -> list[int]:
        base, index, displacement, symbol = mem
        out = [self._registers[base] if base else -1, self._registers[index] if index else -1, displacement]
        if symbol is None:
            return [*out, _HOW["none"], 0, 0]
        how, name, addend = symbol
        return [*out, _HOW[how], self._symbol(name.removeprefix("got:")), addend]

    def _symbol(self, name: str) -> int:
        number = self._symbols.get(name)
        if number is None:
            number = self._symbols[name] = len(self.names)
            self.names.append(name)
        return number


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value
