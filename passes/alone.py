"""A few functions of a module by themselves: everything else is declared."""

from __future__ import annotations

import re
from collections.abc import Collection

from popcc.ir.model import Function, Module, header_span
from popcc.ir.text import split_list, take_type

_LINKAGE = re.compile(
    r"^define (?:(?:private|internal|weak|weak_odr|linkonce|linkonce_odr|available_externally|external|"
    r"hidden|protected|dso_local) )*"
)
_VARIABLE = re.compile(r"^(@\S+) = ((?:[a-z_]+(?:\([a-z]+\))? )*)(global|constant) ")
_DECLARED = re.compile(r"\b(?:external|extern_weak) ")
_ALIGN = re.compile(r", align \d+")


def alone(module: Module, functions: Collection[str]) -> Module:
    """A module in which `functions` alone are defined, as copies; there are no aliases."""
    items: list[str | Function] = []
    for item in module.items:
        if isinstance(item, Function):
            items.append(item.copy() if item.name in functions else _declared(item.header))
        elif item.startswith("@llvm."):
            continue  # lists of what LLVM may not drop
        elif (m := _VARIABLE.match(item)) and not _DECLARED.search(m.group(2)):
            type_ = take_type(item[m.end() :])[0]
            align = _ALIGN.search("".join(f", {part}" for part in split_list(item[m.end() :])[1:]))
            items.append(f"{m.group(1)} = external dso_local {m.group(3)} {type_}{align.group() if align else ''}")
        else:
            items.append(item)
    return module.with_items(items)


def _declared(header: str) -> str:
    return _LINKAGE.sub("declare dso_local ", header[: header_span(header)[1] + 1], count=1)
