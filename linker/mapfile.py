"""The link map that -Wl,-Map= asks for: which section of which object lies where, on all ISAs."""

from __future__ import annotations

from collections.abc import Iterator

from popcc.linker.link import Linked
from popcc.linker.script import OUTPUT_SECTIONS


def map_text(linked: Linked) -> str:
    """One line a section: address, size per ISA, output section, object and name."""
    return "\n".join(_lines(linked)) + "\n"


def _lines(linked: Linked) -> Iterator[str]:
    isas = linked.metadata.isas
    yield f"build id {linked.metadata.build_id}"
    yield f"{'address':>10} " + " ".join(f"{isa:>8}" for isa in isas) + "  section"
    for placed in linked.layout.placed:
        sizes = (sum(s.size for s in placed.parts.get(isa, ())) for isa in isas)
        origin = linked.resolution.units[placed.key.unit].origin
        where = f"{OUTPUT_SECTIONS[placed.group]} {origin}:({placed.key.name})"
        yield f"{placed.address:#10x} " + " ".join(f"{size:8x}" for size in sizes) + f"  {where}"
    for symbol, address in sorted(linked.layout.symbols.items(), key=lambda item: item[1]):
        yield f"{address:#10x}  {symbol}"
