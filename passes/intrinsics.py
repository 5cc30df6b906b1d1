"""What looks like an instruction and is a call in the machine code, on one ISA at least.

Most intrinsics of LLVM's are instructions everywhere. Which are not is LLVM's choice: a test lets it generate code for
every name here, and for what else C programs make of mathematics. None of the functions called has a site: only
what must not run for long without a migration point has to ask.
"""

from __future__ import annotations

import re

from popcc.ir.calls import parse_call
from popcc.ir.model import Inst

# of the C library's mathematics, and a helper routine's (powi); vectors are taken apart into such calls
MATHEMATICS = frozenset(
    """
    acos asin atan atan2 ceil cos cosh exp exp10 exp2 floor fma frexp ldexp llround log log10 log2 lround nearbyint
    pow powi rint round roundeven sin sinh tan tanh trunc
    """.split()
)
# of its memory functions, with the length as third argument
MEMORY = frozenset(("memcpy", "memmove", "memset"))
FEW_BYTES = 128  # take no longer than other instructions do, called or not
# instructions: the rest of a division is fmod, and 128 bits are divided by helper routines
INSTRUCTIONS = re.compile(r"frem |[su](?:div|rem) (?:exact )?i128 ")

_INTRINSIC = re.compile(r"@llvm\.(\w+)\.(?!inline\.)")


def becomes_call(inst: Inst) -> bool:
    """Whether an instruction, or the call of an intrinsic, is a call in the end."""
    if inst.opcode != "call":
        return INSTRUCTIONS.match(inst.rhs) is not None
    m = _INTRINSIC.search(inst.rhs)
    if m is None or m[1] not in MATHEMATICS | MEMORY:
        return False
    call = parse_call(inst)
    if not call.callee.startswith(m[0]):  # it stands among the arguments of another
        return False
    length = call.arguments[2].value if m[1] in MEMORY else ""
    return not length.isdecimal() or int(length) > FEW_BYTES
