"""After every link: the executables agree with the layout and with each other (laws 1 and 2).

This reads lld's output afresh and shares nothing with the layout but its result. Whatever differs is a bug of
popcc, and better found here than by a program that migrates into it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from popcc.errors import ErrorGroup, PopccError
from popcc.linker.elf import SHF_ALLOC, SHT_NOBITS, STT_FUNC, STT_OBJECT, Elf, read_elf
from popcc.linker.layout import BASE, GOT_PAGE, Group, Layout
from popcc.linker.script import BUILD_ID_SECTION, OUTPUT_SECTIONS, SITES_SECTION

_SHOWN = 10
_KNOWN = {*OUTPUT_SECTIONS.values(), BUILD_ID_SECTION, SITES_SECTION, ".got"}
_SAME_BYTES = [
    OUTPUT_SECTIONS[g] for g in Group if not g.private and g not in (Group.TEXT, Group.BSS)
] + [BUILD_ID_SECTION]  # fmt: skip


def check_executables(executables: Mapping[str, bytes], layout: Layout, end: int) -> None:
    """Raises an `ErrorGroup` of everything that differs."""
    files = {isa: read_elf(data, f"executable for {isa}") for isa, data in executables.items()}
    errors = [text for isa, file in files.items() for text in _against_layout(isa, file, layout, end)]
    first, *others = files
    for other in others:
        errors += _symbols(first, files[first], other, files[other], layout)
        errors += _contents(first, files[first], other, files[other])
    if errors:
        shown = errors[:_SHOWN]
        if len(errors) > len(shown):
            shown.append(f"{len(errors) - len(shown)} more differences between ISAs")
        raise ErrorGroup(PopccError(f"internal error: {text}") for text in shown)


def _against_layout(isa: str, file: Elf, layout: Layout, end: int) -> Iterator[str]:
    for section in file.sections:
        if section.flags & SHF_ALLOC and section.size:
            if section.name not in _KNOWN:
                yield f"{isa}: the linker placed section {section.name}, which the layout does not know"
            if section.address + section.size > end:
                yield f"{isa}: section {section.name} ends at {section.address + section.size:#x}, behind {end:#x}"
        if section.name == ".got" and section.size > GOT_PAGE:
            yield f"{isa}: the global offset table has {section.size} bytes, more than a page"
    for group, name in OUTPUT_SECTIONS.items():
        start, stop = layout.ranges[group]
        found = file.section(name)
        if start != stop and (found is None or (found.address, found.size) != (start, stop - start)):
            where = "nowhere" if found is None else f"{found.address:#x}..{found.address + found.size:#x}"
            yield f"{isa}: section {name} lies {where}, not {start:#x}..{stop:#x}"


def _common(file: Elf, layout: Layout) -> Counter[tuple[str, int, int, int]]:
    """(name, address, kind, size of objects) of what the ISAs must agree on; names of locals may repeat."""
    start, stop = BASE, layout.ranges[Group.BSS][1]
    return Counter(
        (s.name, s.value, s.type, s.size if s.type == STT_OBJECT else 0)
        for s in file.symbols
        if s.type in (STT_FUNC, STT_OBJECT) and start <= s.value < stop
    )


def _symbols(isa: str, file: Elf, other_isa: str, other: Elf, layout: Layout) -> Iterator[str]:
    left, right = _common(file, layout), _common(other, layout)
    if left == right:
        return
    lacking = dict.fromkeys(name for name, *_ in (left - right) + (right - left))
    for name in lacking:
        here = sorted((a, s) for n, a, _, s in left.elements() if n == name)
        there = sorted((a, s) for n, a, _, s in right.elements() if n == name)
        yield f"symbol {name} is at {_places(here)} on {isa} and at {_places(there)} on {other_isa}"


def _places(found: Sequence[tuple[int, int]]) -> str:
    return ", ".join(f"{a:#x} (size {s})" if s else f"{a:#x}" for a, s in found) or "no address"


def _contents(isa: str, file: Elf, other_isa: str, other: Elf) -> Iterator[str]:
    for name in _SAME_BYTES:
        here, there = file.section(name), other.section(name)
        if here is None or there is None or SHT_NOBITS in (here.type, there.type):
            continue
        left, right = file.contents(here), other.contents(there)
        if left != right:
            offset = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), 0)
            address = here.address + offset
            yield (
                f"{name} differs at {address:#x} ({_nearest(file, address)}): "
                f"{left[offset : offset + 8].hex()} on {isa}, {right[offset : offset + 8].hex()} on {other_isa}"
            )


def _nearest(file: Elf, address: int) -> str:
    best = max((s for s in file.symbols if s.name and s.value <= address), key=lambda s: s.value, default=None)
    return f"{best.name}+{address - best.value:#x}" if best else "no symbol"
