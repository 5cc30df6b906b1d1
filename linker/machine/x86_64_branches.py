"""Direct jumps and calls of x86_64: most of what means something else in every place where it stands.

Each is an opcode and a distance from its end (Intel SDM volume 2, CALL, JMP, Jcc).
"""

from __future__ import annotations

from msgspec import Struct

from popcc.linker.machine.base import FLAGS, Code, Insn, Undecodable

_CONDITIONS = "o no b ae e ne be a s ns p np l ge le g".split()


class _Form(Struct, frozen=True):
    name: str
    kind: str
    opcode: int  # bytes of it
    distance: int  # and of what follows


_FORMS = {
    b"\xe8": _Form("call", "call", 1, 4),
    b"\xe9": _Form("jmp", "jump", 1, 4),
    b"\xeb": _Form("jmp", "jump", 1, 1),
    **{bytes((0x70 + n,)): _Form(f"j{c}", "branch", 1, 1) for n, c in enumerate(_CONDITIONS)},
    **{bytes((0x0F, 0x80 + n)): _Form(f"j{c}", "branch", 2, 4) for n, c in enumerate(_CONDITIONS)},
}
OPENINGS = frozenset(opcode[0] for opcode in _FORMS)  # first bytes, of other instructions as well


def direct_branch(code: Code, at: int) -> Insn | None:
    """The direct jump or call at an offset of the code; None if there is none, or it is cut."""
    data = code.data
    form = _FORMS.get(data[at : at + 1]) or _FORMS.get(data[at : at + 2])
    if form is None:
        return None
    field = at + form.opcode
    end = field + form.distance
    if end > len(data):
        return None
    target = code.address + end + int.from_bytes(data[field:end], "little", signed=True)
    insn = Insn(code.address + at, code.address + end, f"{form.name} {target:#x}")
    insn.kind = form.kind
    if form.kind == "branch":
        if code.address + field in code.relocations:
            raise Undecodable(f"a conditional jump to another function at {code.section}+{at:#x}")
        insn.target = target
        insn.reads.append((FLAGS, 1))
    elif form.kind == "call":
        insn.callee = target if code.address else None
    else:
        insn.kind = code.jump_to(target, code.address + field in code.relocations)
        insn.target = target if insn.kind == "jump" else None
    return insn
