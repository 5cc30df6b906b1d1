"""What may ever come into a register, by whatever registers and places on the stack: for jump tables' addresses."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from popcc.linker.machine.base import Expr, Insn, Mem

_SHIFTS = frozenset(("shl", "shr", "sar"))  # they make no address


def ever_in(
    insns: list[Insn], registers: Collection[str], made: Mapping[int, tuple[str, int]], stack_pointer: str
) -> set[int]:
    """All addresses that come into one of `registers`, in whatever order a function's instructions run.

    `made`: by index of the instruction that makes an address, where it puts it, and the address.
    """
    addresses: dict[str, set[int]] = {}
    sources: dict[str, set[str]] = {}  # of a register, or of a place "[sp, #n]": from where it is set
    for k, insn in enumerate(insns):
        for e in insn.effects:
            target = _place(e[1], stack_pointer) if e[0] == "store" else e[1]
            if k in made and made[k][0] == target:
                addresses.setdefault(target, set()).add(made[k][1])
            elif target:
                sources.setdefault(target, set()).update(_sources(e[3], stack_pointer))
    seen = set(registers)
    work = list(registers)
    while work:
        new = sources.get(work.pop(), set()) - seen
        seen |= new
        work += new
    return {address for place in seen for address in addresses.get(place, ())}


def _place(mem: Mem, stack_pointer: str) -> str:
    base, index, disp, _ = mem
    return f"[{stack_pointer}, #{disp}]" if base == stack_pointer and index is None else ""


def _sources(e: Expr, stack_pointer: str) -> set[str]:
    """The registers and places on the stack that an expression takes a value from."""
    if e[0] in ("r", "ins"):
        return {e[1]}
    if e[0] == "ld":
        return {_place(e[1], stack_pointer)} - {""}
    if e[0] == "lea":
        return {r for r in e[1][:2] if r}
    if e[0] == "alu" and e[1] not in _SHIFTS:
        return _sources(e[2], stack_pointer) | _sources(e[3], stack_pointer)
    if e[0] == "op":
        return {r for r, _ in e[1]} | {_place(mem, stack_pointer) for mem, _ in e[2]} - {""}
    return set()
