"""How values get past sites: in 8 bytes, in a new version behind each.

A carried value travels as a ``ptr addrspace(1)``, its carrier, of which each site makes another. At a use it is
decoded from the carrier that holds it there, once per block and site. Values that are cheap to recompute (casts,
constant offsets) are recomputed from their root instead, and do not travel; nor does the thread pointer, which is
read anew.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from popcc.ir.model import Function, Inst
from popcc.ir.text import substitute
from popcc.passes.commonstack import FRAME
from popcc.passes.memory import may_be_carried

CARRIER = "ptr addrspace(1)"
_CASTS = frozenset("zext sext trunc ptrtoint inttoptr bitcast".split())
_THREAD_POINTER = re.compile(r" @llvm\.thread\.pointer(\.p0)?\(")  # clang 19 names no type


def _gone(name: str) -> str:
    raise AssertionError(f"{name} is used behind a site that does not carry it")


class Carriers:
    """The values of one function, at the place to which its rewriting has come."""

    def __init__(self, function: Function, types: Mapping[str, str]) -> None:
        self._types = types
        self._fresh = itertools.count()
        self._definitions = {i.result: i for i in function.insts() if i.result}
        self.roots = self._find_roots()
        self.carried: frozenset[str] = frozenset()
        self.own: dict[str, str] = {}  # by value, the carrier that this block has made for it
        self._version: Callable[[str], str] = _gone  # gives other values' carriers
        self._plain: dict[str, str] = {}  # what was decoded or recomputed in this block, since its last site

    def _find_roots(self) -> dict[str, str]:
        """For each value that is a cast or constant offset of one other value: that value; "" for what needs none."""
        roots: dict[str, str] = {}
        for name, inst in self._definitions.items():
            if inst.opcode == "call" and _THREAD_POINTER.search(inst.rhs):
                # where an ISA has a register for it, LLVM would list that one, and die of it
                roots[name] = ""
            if name == FRAME or (inst.opcode not in _CASTS and inst.opcode != "getelementptr"):
                continue
            operands = [n for n in inst.names if n in self._types]
            if (
                len(operands) != 1
                or not may_be_carried(self._types[name])
                or not may_be_carried(self._types[operands[0]])
            ):
                continue
            if inst.opcode == "getelementptr" and f"ptr {operands[0]}," not in inst.rhs + ",":
                continue
            roots[name] = operands[0]
        return roots

    def root(self, name: str) -> str:
        """What travels for `name`: itself, the value it is recomputed from, or "" for nothing."""
        while name in self.roots:
            name = self.roots[name]
        return name

    def chain(self, name: str) -> Iterator[str]:
        """`name`, what it is recomputed from, and so on to its root."""
        yield name
        while name in self.roots:
            name = self.roots[name]
            yield name

    def number(self) -> int:
        """A number that no other name of ours has in this function."""
        return next(self._fresh)

    def emit(self, rhs: str, out: list[Inst]) -> str:
        """Appends an instruction; returns its result's name."""
        name = f"%.s{next(self._fresh)}"
        out.append(Inst.of(name, rhs))
        return name

    def enter(self, version: Callable[[str], str], own: dict[str, str]) -> None:
        """A block begins in which `own` carriers hold values already; `version` gives those that come from before."""
        self._version, self.own, self._plain = version, own, {}

    def passed(self, relocated: Iterable[tuple[str, str]]) -> None:
        """A site is behind: the carried values, and what now carries each. Nothing else survives."""
        self._version, self.own, self._plain = _gone, dict(relocated), {}

    def version(self, name: str) -> str:
        """The carrier that holds `name` here."""
        return self.own.get(name) or self._version(name)

    def load(self, name: str, out: list[Inst]) -> str:
        """The current value of `name`, decoded from its carrier or recomputed from its root."""
        if name not in self._plain:
            self._plain[name] = self._loaded(name, out)
        return self._plain[name]

    def _loaded(self, name: str, out: list[Inst]) -> str:
        if name in self.carried:
            return self._decode(self._types[name], self.version(name), out)
        base = self.roots[name]
        if not base:
            return self.emit(self._definitions[name].rhs, out)
        return self.emit(substitute(self._definitions[name].rhs, {base: self.load(base, out)}), out)

    def defined(self, name: str, out: list[Inst]) -> None:
        """`name` has just been defined: it is what it is until the next site, where its carrier takes over."""
        self._plain[name] = name
        if name in self.carried:
            self.own[name] = self.encode(self._types[name], name, out)

    def encode(self, type_: str, value: str, out: list[Inst]) -> str:
        """A carrier of the value."""
        if type_ == "ptr":
            value = self.emit(f"ptrtoint ptr {value} to i64", out)
        elif type_ == "double":
            value = self.emit(f"bitcast double {value} to i64", out)
        elif type_ == "float":
            value = self.emit(f"bitcast float {value} to i32", out)
            value = self.emit(f"zext i32 {value} to i64", out)
        elif type_ != "i64":
            value = self.emit(f"zext {type_} {value} to i64", out)
        return self.emit(f"inttoptr i64 {value} to {CARRIER}", out)

    def _decode(self, type_: str, carrier: str, out: list[Inst]) -> str:
        value = self.emit(f"ptrtoint {CARRIER} {carrier} to i64", out)
        if type_ == "ptr":
            return self.emit(f"inttoptr i64 {value} to ptr", out)
        if type_ == "double":
            return self.emit(f"bitcast i64 {value} to double", out)
        if type_ == "float":
            value = self.emit(f"trunc i64 {value} to i32", out)
            return self.emit(f"bitcast i32 {value} to float", out)
        return value if type_ == "i64" else self.emit(f"trunc i64 {value} to {type_}", out)
