"""Every function and object gets a section of its own, by attribute (design 4.8).

The linker gives each section one address on all ISAs, so nothing may be merged behind its back:
``unnamed_addr`` goes from constants, or LLVM would put them into mergeable sections. Constants that other units
define lose their constancy: code generation would keep what it read from them in registers across sites, where
the map has no value for it, and no recipe, since the object doesn't tell what lies there. Constructors become
arrays in ``.init_array``, since llvmlite would emit ``.ctors``.
"""

from __future__ import annotations

import re

from popcc.ir.model import Function, Module, header_span
from popcc.ir.text import quote_free, split_list, take_type

_LINKAGE = re.compile(r"((?:[a-z_]+(?:\([a-z]+\))? )*)(global|constant) ")
_NO_DEFINITION = re.compile(r"\b(?:external|available_externally|extern_weak|common|appending)\b")
_ELSEWHERE = re.compile(r"\b(?:external|extern_weak)\b")
_UNNAMED = re.compile(r"\b(?:local_)?unnamed_addr ")
_ZERO = re.compile(r"(?:\bzeroinitializer|\bnull| 0| 0\.0+e\+00)$")
_HEADER_TAIL = re.compile(r" (align \d+|gc |![a-z_]+ |prefix |personality |comdat)")
_ARRAYS = {"@llvm.global_ctors": ".init_array", "@llvm.global_dtors": ".fini_array"}
_DEFAULT_PRIORITY = 65535


class Sections:
    """The pass."""

    name: str = "sections"

    def apply(self, module: Module) -> Module:
        """Names the sections."""
        items: list[str | Function] = []
        for item in module.items:
            if isinstance(item, Function):
                if ' section "' not in item.header:
                    item.header = in_section(item.header, f".text.{item.name}")
                items.append(item)
            elif item.startswith("@") and " = " in item:
                name, body = item.split(" = ", 1)
                items.extend(_arrays(name, body) if name in _ARRAYS else [f"{name} = {_variable(name, body)}"])
            else:
                items.append(item)
        return module.with_items(items)


def in_section(header: str, section: str) -> str:
    """A function's ``define`` line with the section that it goes to."""
    end = header_span(header)[1]
    m = _HEADER_TAIL.search(header, end)
    at = m.start() if m else len(header) - 2
    return f'{header[:at]} section "{section}"{header[at:]}'


def _variable(name: str, body: str) -> str:
    m = _LINKAGE.match(body)
    if m and m.group(2) == "constant" and _ELSEWHERE.search(m.group(1)) and not name.startswith("@llvm."):
        return f"{m.group(1)}global {body[m.end() :]}"
    if not m or _NO_DEFINITION.search(m.group(1)) or name.startswith("@llvm."):
        return body
    body = _UNNAMED.sub("", body, count=1)
    if ', section "' in body:
        return body
    m = _LINKAGE.match(body)
    assert m is not None
    initial_end = _end_of_initialiser(body, m.end())
    zero = _ZERO.search(body[m.end() : initial_end])
    kind = ".rodata" if m.group(2) == "constant" else ".bss" if zero else ".data"
    return f'{body[:initial_end]}, section "{kind}.{quote_free(name)}"{body[initial_end:]}'


def _end_of_initialiser(body: str, start: int) -> int:
    """Where ``, align …`` or metadata begins: behind the initialiser, whose own text may hold commas and quotes."""
    parts = split_list(body[start:])
    return start + body[start:].index(parts[0]) + len(parts[0])


def _arrays(name: str, body: str) -> list[str]:
    """One pointer object per constructor, in a section that says its priority."""
    m = _LINKAGE.match(body)
    assert m is not None
    initial = body[m.end() : _end_of_initialiser(body, m.end())]
    elements = take_type(initial)[1]
    if not elements.startswith("["):
        return []
    out = []
    for k, element in enumerate(split_list(elements[1:-1])):
        fields = split_list(take_type(element)[1].strip("{} "))
        priority = int(fields[0].split()[1])
        section = _ARRAYS[name] + ("" if priority == _DEFAULT_PRIORITY else f".{priority:05}")
        symbol = f"@popcorn{_ARRAYS[name].replace('.', '_')}.{k}"
        out.append(f'{symbol} = internal constant ptr {fields[1].split(" ", 1)[1]}, section "{section}", align 8')
    return out
