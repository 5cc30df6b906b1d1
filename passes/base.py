"""What a pass is, and the few things several passes need."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

from popcc.ir.model import Inst, Module


class Pass(Protocol):
    """A rewriting of a module."""

    @property
    def name(self) -> str:
        """The pass's name, for messages."""

    def apply(self, module: Module) -> Module:
        """The rewritten module. Raises `PopccError` where the program asks for what can't be done."""


def with_declarations(module: Module, declarations: Iterable[str]) -> Module:
    """`module` with those of the ``declare``/global lines appended that it lacks."""
    missing = []
    for line in declarations:
        name = line.split("@", 1)[1].split("(", 1)[0] if line.startswith("declare ") else None
        if name is not None and module.has_declaration(name):
            continue
        if name is None and any(i.startswith(line.split(" = ", 1)[0] + " = ") for i in module.lines()):
            continue
        missing.append(line)
    return module.with_items([*module.items, *missing]) if missing else module


def entry_allocas(insts: list[Inst], allocas: Iterable[str]) -> list[Inst]:
    """An entry block's instructions with `allocas` (lines) put first."""
    return [*map(Inst, allocas), *insts]


_DILOCATION = re.compile(r"^(!\d+) = (?:distinct )?!DILocation\((.*)\)$")
_SUBPROGRAM = re.compile(r"^(!\d+) = (?:distinct )?!DI(?:Subprogram|LexicalBlock|LexicalBlockFile)\((.*)\)$")
_DIFILE = re.compile(r'^(!\d+) = (?:distinct )?!DIFile\(filename: "([^"]*)"')
_DBG = re.compile(r"!dbg (!\d+)")


class DebugLines:
    """Source positions of a module's instructions, from its ``!DILocation`` metadata."""

    def __init__(self, module: Module) -> None:
        self._locations: dict[str, str] = {}
        self._scopes: dict[str, str] = {}
        self._files: dict[str, str] = {}
        for line in module.lines():
            if not line.startswith("!"):
                continue
            if m := _DILOCATION.match(line):
                self._locations[m.group(1)] = m.group(2)
            elif m := _SUBPROGRAM.match(line):
                self._scopes[m.group(1)] = m.group(2)
            elif m := _DIFILE.match(line):
                self._files[m.group(1)] = m.group(2)

    def line_of(self, inst: Inst) -> int:
        """The line in the instruction's own function (where it was inlined to), 0 if unknown."""
        fields = self._fields(inst)
        while fields and (m := re.search(r"inlinedAt: (!\d+)", fields)):
            fields = self._locations.get(m.group(1), "")
        return _line(fields)

    def place_of(self, inst: Inst) -> tuple[str, int]:
        """(file, line) of the source text the instruction came from; ("", 0) if unknown."""
        fields = self._fields(inst)
        scope = re.search(r"scope: (!\d+)", fields)
        file = ""
        if scope and (m := re.search(r"file: (!\d+)", self._scopes.get(scope.group(1), ""))):
            file = self._files.get(m.group(1), "")
        return file, _line(fields)

    def _fields(self, inst: Inst) -> str:
        m = _DBG.search(inst.text)
        return self._locations.get(m.group(1), "") if m else ""


def _line(fields: str) -> int:
    m = re.search(r"\bline: (\d+)", fields)
    return int(m.group(1)) if m else 0
