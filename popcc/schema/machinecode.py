"""What the analysis of site maps in linker/maps/*.c and its caller agree on; above all decoded instructions, as 64-bit
numbers, one behind the other.

    instruction    Insn, number of reads, number of effects; reads: (register, width) each; effects
    effect         SET, length, register, width, expression
                   STORE, length, size, mem, expression
    expression     Expr and what follows it there
    mem            base, index (a register or -1), displacement, Mem, symbol, addend

Registers and symbols are numbers; what it all means: popcc.linker.machine.base.
"""

from __future__ import annotations

from enum import IntEnum

MAX_EFFECTS = 16  # of an instruction


class Fact(IntEnum):
    """What a register is, as bits."""

    VECTOR = 1
    CALLEE_SAVED = 2
    ARGUMENT = 4
    RESULT = 8
    UNDEFINED_AT_ENTRY = 16


class Outcome(IntEnum):
    """What comes of a site's map."""

    UNREACHED = 0
    UNPROVED = 1
    PROVED = 2


class Wild(IntEnum):
    """Why no site of a function can be used."""

    TAME = 0
    INDEXED = 1  # access to the frame
    PASSED = 2  # an address in the frame
    STORED = 3
    UNSETTLED = 4
    TOO_WIDE = 5


class Insn(IntEnum):
    """Kinds of instructions."""

    ORDINARY = 0
    CALL = 1
    RETURN = 2
    JUMP = 3
    BRANCH = 4
    INDIRECT = 5
    TAIL = 6
    TRAP = 7


class Effect(IntEnum):
    """What an instruction changes."""

    SET = 0
    STORE = 1


class Expr(IntEnum):
    """Kinds of expressions."""

    CONSTANT = 0  # value
    SYMBOL = 1  # symbol, addend
    PAGE = 2  # symbol, addend
    LO12 = 3  # register, symbol, addend
    REGISTER = 4  # register, width, Extend
    LOAD = 5  # mem, size, Extend
    ADDRESS = 6  # mem
    INSERT = 7  # register, value, shift
    ALU = 8  # Alu, expression, expression
    THREAD_POINTER = 9
    OTHER = 10  # number of reads, number of mems; reads: (register, width) each; mems: (mem, size) each


class Extend(IntEnum):
    """How low bytes become a whole register."""

    NOT = 0
    ZERO = 1
    SIGN = 2


class Mem(IntEnum):
    """How an address is made of a symbol."""

    NONE = 0
    ABS = 1
    GOT = 2
    LO12 = 3


class Alu(IntEnum):
    """Operations of two expressions, in 64 bits."""

    AND = 0
    OR = 1
    XOR = 2
    SHL = 3
    SHR = 4
    SAR = 5
    ADD = 6
    SUB = 7
    ADDW = 8
