"""What a pass is, and the few things several passes need."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

from popcc.errors import Place
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
    names = module.function_names()
    for line in declarations:
        name = line.split("@", 1)[1].split("(", 1)[0] if line.startswith("declare ") else None
        if name is not None and name in names:
            continue
        if name is None and any(i.startswith(line.split(" = ", 1)[0] + " = ") for i in module.lines()):
            continue
        missing.append(line)
    return module.with_items([*module.items, *missing]) if missing else module


def entry_allocas(insts: list[Inst], allocas: Iterable[str]) -> list[Inst]:
    """An entry block's instructions with `allocas` (lines) put first."""
    return [*map(Inst, allocas), *insts]


_METADATA = re.compile(r"(!\d+) = (?:distinct )?(!DI(?:Location|Subprogram|LexicalBlock|LexicalBlockFile|File)\(.*)")
_DBG = re.compile(r"!dbg (!\d+)")


class DebugLines:
    """Source positions of a module's instructions, from its ``!DILocation`` metadata."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._known: dict[str, str] | None = None

    def line_of(self, inst: Inst) -> int:
        """The line in the instruction's own function (where it was inlined to), 0 if unknown."""
        fields = self._fields(inst)
        while inlined := _reference("inlinedAt", fields):
            fields = self._nodes.get(inlined, "")
        return _number("line", fields)

    def place_of(self, inst: Inst, function: str) -> Place:
        """Where in the source the instruction of a function came from, as far as it is known."""
        fields = self._fields(inst)
        scope = self._nodes.get(_reference("scope", fields), "")
        file = self._nodes.get(_reference("file", scope), "")
        name = re.search(r'filename: "([^"]*)"', file)
        return Place(
            name.group(1) if name else "", _number("line", fields), function, column=_number("column", fields)
        )  # fmt: skip

    def _fields(self, inst: Inst) -> str:
        m = _DBG.search(inst.text)
        return self._nodes.get(m.group(1), "") if m else ""

    @property
    def _nodes(self) -> dict[str, str]:
        """Metadata by number, made when the first position is asked for (mypyc does not know `cached_property`)."""
        if self._known is None:
            self._known = self._read()
        return self._known

    def _read(self) -> dict[str, str]:
        lines = self._module.lines()
        return {m.group(1): m.group(2) for i in lines if i.startswith("!") and (m := _METADATA.match(i))}


def _number(name: str, fields: str) -> int:
    m = re.search(rf"\b{name}: (\d+)", fields)
    return int(m.group(1)) if m else 0


def _reference(name: str, fields: str) -> str:
    m = re.search(rf"\b{name}: (!\d+)", fields)
    return m.group(1) if m else ""
