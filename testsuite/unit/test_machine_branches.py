"""Direct jumps and calls, which the decoders read by themselves, are what capstone says they are."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import capstone
import pytest

from popcc.linker.machine import MACHINES
from popcc.linker.machine.base import FLAGS, Code, Insn, Relocation, Undecodable

BASE = 0x10000000
KINDS = {"call": "call", "bl": "call", "jmp": "jump", "b": "jump"}


@dataclass(frozen=True)
class Forms:
    """An ISA's direct jumps and calls, and a decoder of somebody else's."""

    isa: str
    other: capstone.Cs
    codes: tuple[bytes, ...]


def _x86_64() -> Iterator[bytes]:
    for distance in (-128, -2, 0, 5, 127):
        for opcode in (0xEB, *range(0x70, 0x80)):
            yield struct.pack("<Bb", opcode, distance)
    for distance in (-70000, -1, 0, 3, 70000):
        for prefix in (b"\xe8", b"\xe9", *(bytes((0x0F, 0x80 + n)) for n in range(16))):
            yield prefix + struct.pack("<i", distance)


def _aarch64() -> Iterator[bytes]:
    for field in (0, 1, 1 << 13, (1 << 14) - 1, 1 << 18, (1 << 19) - 1):
        for low in (0, 1, 5, 13, 31):
            for form in (0x34, 0x35, 0xB4, 0xB5):
                yield struct.pack("<I", form << 24 | field << 5 | low)
            yield struct.pack("<I", 0x54 << 24 | field << 5 | (low & 13))
            for form in (0x36, 0x37, 0xB6, 0xB7):
                for bit in (0, 7, 8, 31):
                    yield struct.pack("<I", form << 24 | bit << 19 | (field & 0x3FFF) << 5 | low)
    for form in (0x14, 0x94):
        for field in (0, 1, 1 << 25, (1 << 26) - 1):
            yield struct.pack("<I", form << 24 | field)


FORMS = (
    Forms("x86_64", capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64), tuple(_x86_64())),
    Forms("aarch64", capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM), tuple(_aarch64())),
)
each = pytest.mark.parametrize("forms", FORMS, ids=lambda f: f.isa)


def _decoded(isa: str, data: bytes, address: int = BASE, relocations: tuple[Relocation, ...] = ()) -> Insn:
    at = {r.offset: (r,) for r in relocations}
    return MACHINES[isa].decode(Code(data, ".text", at, b"", {}, (), address, dead_end=False))[0]


@each
def test_form_and_target(forms: Forms) -> None:
    for data in forms.codes:
        (theirs,) = forms.other.disasm(data, BASE)
        ours = _decoded(forms.isa, data)
        assert ours.text == f"{theirs.mnemonic} {theirs.op_str}"
        assert ours.end - ours.address == theirs.size
        target = int(theirs.op_str.split(" ")[-1].removeprefix("#"), 16)
        kind = KINDS.get(theirs.mnemonic, "branch")
        if kind == "jump" and not BASE <= target < BASE + len(data):
            kind = "tail"
        assert (ours.kind, ours.target, ours.callee) == (
            kind,
            target if kind in ("branch", "jump") else None,
            target if kind == "call" else None,
        )
        assert not ours.effects


@each
def test_what_a_condition_reads(forms: Forms) -> None:
    for data in forms.codes:
        (theirs,) = forms.other.disasm(data, BASE)
        ours = _decoded(forms.isa, data)
        name, _, operands = ours.text.partition(" ")
        register = operands.split(",")[0]
        if ours.kind != "branch":
            assert ours.reads == []
        elif name[:2] not in ("cb", "tb"):
            assert ours.reads == [(FLAGS, 1)], theirs
        elif register[1:] == "zr":
            assert ours.reads == []
        else:
            ((place, width),) = ours.reads
            bit = int(operands.split("#")[1].split(",")[0], 0) if name[0] == "t" else 63 if register[0] == "x" else 31
            assert place == f"x{register[1:]}"
            assert 8 * width > bit


def _riscv64() -> Iterator[bytes]:
    """Every bit of every form's distance by itself, and all of them."""
    for form in (0xA001, 0xC001, 0xE001, 0xC481):  # c.j, c.beqz, c.bnez
        fields = range(2, 13) if form == 0xA001 else (*range(2, 7), *range(10, 13))
        for bit in fields:
            yield struct.pack("<H", form | 1 << bit)
        yield struct.pack("<H", form | sum(1 << bit for bit in fields))
    for opcode, fields in ((0x6F, range(12, 32)), (0xEF, range(12, 32)), (0x63, (*range(7, 12), *range(25, 32)))):
        for register in (0, 5, 31) if opcode == 0x63 else (0,):
            for bit in fields:
                yield struct.pack("<I", opcode | register << 15 | 1 << bit)
            yield struct.pack("<I", opcode | register << 15 | sum(1 << bit for bit in fields))


@pytest.mark.parametrize("data", tuple(_riscv64()), ids=bytes.hex)
def test_targets_by_assembly_that_counts_from_the_instruction(data: bytes) -> None:
    """Of riscv64, capstone shows short forms and distances; the decoder what they stand for, and addresses."""
    other = capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV64 | capstone.CS_MODE_RISCVC)
    (theirs,) = other.disasm(data, BASE)
    ours = _decoded("riscv64", data)
    name = theirs.mnemonic.removeprefix("c.")
    target = BASE + int(theirs.op_str.split(", ")[-1], 0)
    inside = BASE <= target < BASE + len(data)
    kind = "call" if name == "jal" else "branch" if name[0] == "b" else "jump" if inside else "tail"
    assert (ours.kind, ours.end - ours.address, ours.effects) == (kind, len(data), [])
    assert (ours.target, ours.callee) == (
        target if kind in ("branch", "jump") else None,
        target if kind == "call" else None,
    )
    registers = {r for r in theirs.op_str.split(", ")[:-1] if r != "zero"}
    assert set(ours.reads) == {(r, 8) for r in registers if kind == "branch"}


@pytest.mark.parametrize(
    ("isa", "field", "data"),
    [
        ("x86_64", 1, b"\xe9\0\0\0\0"),
        ("aarch64", 0, struct.pack("<I", 0x14000000)),
        ("riscv64", 0, struct.pack("<I", 0x6F)),
    ],
)
def test_a_jump_to_a_symbol_leaves_the_function(isa: str, field: int, data: bytes) -> None:
    relocation = Relocation(field, 4, "f", -4)
    assert _decoded(isa, data, 0, (relocation,)).kind == "tail"


@pytest.mark.parametrize(
    ("isa", "data"),
    [
        ("x86_64", b"\xe3\x00"),  # jrcxz
        ("x86_64", b"\xe2\x00"),  # loop
        ("x86_64", b"\xf2\xe9\0\0\0\0"),  # bnd jmp
        ("x86_64", b"\x0f\x05"),  # syscall
        ("x86_64", b"\xcd\x80"),  # int 0x80
        ("aarch64", struct.pack("<I", 0xD4000001)),  # svc 0
        ("aarch64", struct.pack("<I", 0xD69F03E0)),  # eret
        ("riscv64", struct.pack("<I", 0x73)),  # ecall
        ("riscv64", struct.pack("<I", 0x30200073)),  # mret
        ("riscv64", struct.pack("<II", 0x297, 0x28367)),  # auipc t0; jalr t1, t0: by a link register of one's own
    ],
)
def test_other_ways_out_are_refused(isa: str, data: bytes) -> None:
    with pytest.raises(Undecodable):
        _decoded(isa, data)


JUMPS = {"x86_64": b"\xeb\x00", "aarch64": struct.pack("<I", 0x14000001), "riscv64": struct.pack("<I", 0x0040006F)}


@pytest.mark.parametrize("isa", JUMPS)
@pytest.mark.parametrize(
    ("address", "dead_end", "kind"), [(0, True, "trap"), (BASE, True, "trap"), (BASE, False, "tail")]
)
def test_a_jump_to_the_end_of_the_code_leads_nowhere(isa: str, address: int, dead_end: bool, kind: str) -> None:
    """Unless a function may begin there."""
    code = Code(JUMPS[isa], ".text", {}, b"", {}, (), address, dead_end=dead_end)
    (insn,) = MACHINES[isa].decode(code)
    assert (insn.kind, insn.target) == (kind, None)


def test_a_conditional_jump_to_another_function() -> None:
    with pytest.raises(Undecodable, match=r"a conditional jump to another function at \.text\+0x0"):
        _decoded("x86_64", b"\x0f\x85\0\0\0\0", 0, (Relocation(2, 4, "f", -4),))
