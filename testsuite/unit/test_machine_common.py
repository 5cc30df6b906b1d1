"""The decoders of common encodings say what `by_capstone` says, or leave it to that."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from popcc.linker.machine import MACHINES, aarch64, aarch64_common, x86_64, x86_64_common
from popcc.linker.machine.base import Code, Insn, Relocation, Undecodable

BASE = 0x10000000


@dataclass(frozen=True)
class Decoders:
    """Both of an ISA, encodings to try by their opcodes, and types of relocations in them."""

    isa: str
    common: Callable[[Code, int], Insn | None]
    by_capstone: Callable[[Code, int], Insn]
    opcodes: tuple[bytes, ...]
    encoding: Callable[[random.Random, bytes], bytes]
    relocations: tuple[int, ...]
    usual: tuple[bytes, ...]  # what common code has most of


# Intel SDM volume 2, tables
X86_64_OPCODES = (
    *(row << 3 | column for row in (0, 1, 4, 5, 6, 7) for column in range(6)),
    *range(0x50, 0x60),
    *(0x63, 0x69, 0x6B, 0x80, 0x81, 0x83, 0x84, 0x85, 0x88, 0x89, 0x8A, 0x8B, 0x8D, 0xA8, 0xA9),
    *range(0xB0, 0xC0),
    *(0xC0, 0xC1, 0xC3, 0xC6, 0xC7, 0xD0, 0xD1, 0xD2, 0xD3, 0xF6, 0xF7, 0xFE, 0xFF),
)
X86_64_USUAL = """
    833d78563412ff b82a000000 488b4308 ffd0 41ffd3 ff5018 ff1578563412 48894308 8b4308 488b0578563412 488d4308
    488d0578563412 488d0408 894308 48c74308feffffff 48c7057856341200000000 0fb64308 0fb6c1 400fb6fe 0fb74308
    48ff0d78563412 48832d7856341201 807b0805 f6430801 4883c008 4883f805 83f805 4863c1 48634308 8b048b 488b04cb
    498b44d508 4885c0 85c9
    31c0 4829c8 01c8 48c1e004 d3f8 480fafc1 69c164000000 55 4157 5b c3 0fbec1 480fbf4308 48b8efcdab8967452301 c6430800
    41884424ff 66894308 6683f805 0f1f440000 f7d8 ff35563412aa 8b042578563412 8b04c578563412
"""


def _x86_64_encoding(chance: random.Random, opcode: bytes) -> bytes:
    """With prefixes, operands and an immediate: more of the latter than most take, and edges."""
    prefixes = chance.choice((b"", b"", b"", b"\x66")) + chance.choice((b"", bytes((chance.randrange(0x40, 0x50),))))
    modrm = chance.randrange(256)
    operands = bytes((modrm,))
    if modrm < 0xC0:
        sib = bytes((chance.randrange(256),)) if modrm & 7 == 4 else b""
        wide = modrm >> 6 == 2 or (modrm >> 6 == 0 and ((sib or operands)[0] & 7) == 5)
        disp = chance.choice((0, 1, -1, -1 << 31, (1 << 31) - 1, chance.randrange(-1 << 31, 1 << 31)))
        operands += sib + (struct.pack("<i", disp) if wide else struct.pack("<b", disp % 256 - 128))
        if modrm >> 6 == 0 and not wide:
            operands = operands[:-1]
    immediate = chance.choice((bytes(8), b"\xff" * 8, b"\0\0\0\x80" * 2, b"\x7f\xff\xff\x7f" * 2, chance.randbytes(8)))
    return prefixes + opcode + operands + immediate


# the upper halves of words, Arm ARM C4.1; of the bits that these leave to chance the lowest 21 are drawn
AARCH64_OPCODES = """
    f940 f900 b940 b900 3940 3900 7940 7900 b980 7980 79c0 3980 39c0 3dc0 3d80 fd40 fd00 bd40 bd00
    f840 f800 b840 b800 3840 7800 b880 fc40 3cc0 3c80 a940 a900 a8c0 a880 a9c0 a980 2940 2900 6940 ad40 ad00 6d40 6d00
    9100 9140 d100 1100 1140 5100 f100 7100 b100 8b00 cb00 0b00 4b00 eb00 6b00 ab00 8b20 cb20 0b20
    8a00 aa00 ca00 0a00 2a00 4a00 ea00 6a00 9200 b240 d200 f240 1200 3200 5200 7200 d280 f280 9280 5280 7280 1280
    9000 b000 f000 1ac0 9ac0 1a80 9a80 1b00 9b00 9b20 9ba0 d340 5300 9340 1300
"""
AARCH64_USUAL = """
    f9400a68 f9000a68 f9400260 b9400a68 b9000a68 39400c08 39000c08 79400c08 b9800a68 f8408268 f8008268 f8686a60
    f8687a60 38696a60 38694a60 b868da60 f81f0ffe f84107fe a9bf7bfd a8c17bfd a9400808 a9000808 a9007c1f f900027f
    3dc00260 3d800260 fd400260 fd000260 ad000000 910083e0 91000400 d1000400 910003fd 11000400 f100041f 7100041f 7100001f
    8b010000 8b010c00 cb010000 0b010000 eb01001f 6b01001f 8b21c000 8b214800 aa0103e0 2a0103e0 2a1f03e0 aa010000 0a010000
    92401c00 12001c00 32000000 72001c1f f240001f 52800540 d2800540 92800000 f2a00020 90000000 b0000008
    9ac10800 1ac12000 9a810000 9b017c00 9b010800 9b210800 9ba10800 d37ef400 53027c00 9342fc00
"""


def _aarch64_encoding(chance: random.Random, opcode: bytes) -> bytes:
    """With registers and fields at their edges more often than chance would have them."""
    word = int.from_bytes(opcode, "big") << 16 | chance.getrandbits(21)
    for at in (0, 5, 10, 16):
        if chance.random() < 0.1:
            word |= 31 << at
        elif chance.random() < 0.2:
            word &= ~(31 << at)
    return struct.pack("<I", word)


DECODERS = (
    Decoders(
        "x86_64",
        x86_64_common.common,
        x86_64.by_capstone,
        (*(bytes((n,)) for n in X86_64_OPCODES), *(bytes((0x0F, n)) for n in (0x1F, 0xAF, 0xB6, 0xB7, 0xBE, 0xBF))),
        _x86_64_encoding,
        (1, 2, 4, 9, 10, 11, 41, 42),
        tuple(map(bytes.fromhex, X86_64_USUAL.split())),
    ),
    Decoders(
        "aarch64",
        aarch64_common.common,
        aarch64.by_capstone,
        tuple(map(bytes.fromhex, AARCH64_OPCODES.split())),
        _aarch64_encoding,
        (275, 276, 277, 278, 284, 285, 286, 299, 311, 312),
        tuple(bytes.fromhex(word)[::-1] for word in AARCH64_USUAL.split()),
    ),
)
each = pytest.mark.parametrize("decoders", DECODERS, ids=lambda d: d.isa)


def samples(decoders: Decoders, count: int, seed: int) -> Iterator[tuple[random.Random, bytes, bytes]]:
    """(source of chance, opcode, encoding), as many of each opcode."""
    chance = random.Random(seed)
    for opcode in decoders.opcodes:
        for _ in range(count):
            yield chance, opcode, decoders.encoding(chance, opcode)


def linked(data: bytes, address: int = BASE) -> Code:
    return Code(data, ".text", {}, b"", {}, (), address)


def facts(insn: Insn) -> tuple[Any, ...]:
    """All that an instruction says, whatever the order in which it names registers."""
    effects = [settled(e) for e in insn.effects]
    return insn.address, insn.end, insn.kind, insn.target, insn.callee, sorted(insn.reads), effects, insn.text


def settled(e: Any) -> Any:
    if not isinstance(e, tuple):
        return e
    return ("op", tuple(sorted(e[1])), e[2]) if e and e[0] == "op" else tuple(map(settled, e))


def agree(decoders: Decoders, code: Code) -> bool:
    """Whether the encoding is a common one; what is said of it then is the same."""
    ours = decoders.common(code, 0)
    if ours is None:
        return False
    theirs = decoders.by_capstone(code, 0)
    assert facts(ours) == facts(theirs), code.data.hex()
    assert ours.relative == theirs.relative, code.data.hex()
    return True


@each
def test_linked_code(decoders: Decoders) -> None:
    taken: dict[bytes, int] = dict.fromkeys(decoders.opcodes, 0)
    for _, opcode, data in samples(decoders, 150, 1):
        taken[opcode] += agree(decoders, linked(data))
    assert all(taken.values()), [opcode.hex() for opcode, n in taken.items() if not n]
    assert sum(taken.values()) > 0.6 * 150 * len(taken)


@each
def test_relocations(decoders: Decoders) -> None:
    taken = 0
    for chance, _, data in samples(decoders, 80, 2):
        found: dict[int, tuple[Relocation, ...]] = {}
        for at in chance.sample(range(8), chance.choice((1, 1, 2))):
            symbol, addend = chance.choice(("f", "section:.rodata")), chance.choice((0, -4, -5, 8, 1 << 20))
            found[at] = (Relocation(at, chance.choice(decoders.relocations), symbol, addend),)
        taken += agree(decoders, Code(data, ".text", found, b"", {}, ()))
    assert taken > 0.25 * 80 * len(decoders.opcodes)


@each
def test_what_compilers_emit_is_common(decoders: Decoders) -> None:
    assert [data.hex() for data in decoders.usual if not agree(decoders, linked(data))] == []


@each
def test_cut_code(decoders: Decoders) -> None:
    """Nothing but zeros follows: what is read beyond the end would be seen as an instruction."""
    for data in decoders.usual:
        for end in range(1, len(data)):
            assert not agree(decoders, linked(data[:end])), data[:end].hex()


@each
def test_what_is_remembered(decoders: Decoders) -> None:
    """Instructions one after the other, in other places and orders, are what each is by itself."""
    chance = random.Random(3)
    mix = [*decoders.usual]
    for _, _, data in samples(decoders, 3, 4):
        try:
            mix.append(data[: decoders.by_capstone(linked(data), 0).end - BASE])
        except Undecodable:
            continue
    for address in (BASE, BASE + 0x1234560):
        chance.shuffle(mix)
        code = linked(b"".join(mix), address)
        insns = MACHINES[decoders.isa].decode(code)
        assert len(insns) == len(mix)
        for insn in insns:
            assert facts(insn) == facts(decoders.by_capstone(code, insn.address - address))


@pytest.mark.parametrize("decode", [x86_64_common.common, x86_64.by_capstone])
def test_a_sum_with_a_symbol_is_more_than_its_registers(decode: Callable[[Code, int], Insn | None]) -> None:
    data = bytes.fromhex("488d840800000000")  # lea rax, [rax + rcx + symbol]
    insn = decode(Code(data, ".text", {4: (Relocation(4, 11, "table", 0),)}, b"", {}, ()), 0)
    assert insn is not None
    assert insn.effects == [("set", "rax", 8, ("op", (("rax", 8), ("rcx", 8)), ()))]
