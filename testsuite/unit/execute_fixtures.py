"""A bench that executes single instructions, natively or under qemu, on states that a test chooses.

A state is a record of bytes: registers, flags, and a stretch of memory that base registers point into. The bench
(execute/bench.c and one assembly file per ISA) loads a state, runs one instruction, and writes what it left.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from popcc.frontend import clang, wheel
from popcc.isa import ISAS
from popcc.linker.elf import read_elf
from popcc.linker.machine import MACHINES
from popcc.linker.machine.base import Code, Insn

HERE = Path(__file__).parent / "execute"
STATE = 0x20000000
MEMORY_BYTES = 1024


@dataclass(frozen=True)
class Bench:
    """Where an ISA's bench keeps what in a state: byte offsets, as its assembly file says."""

    isa: str
    general: tuple[str, ...]  # 8 bytes each, from 0 on
    vectors: tuple[str, ...]  # 16 bytes each
    base: str  # in instructions with operands in memory it points into the memory
    index: str  # … and is small
    stack_pointer: str
    reserved: frozenset[str]  # the bench's own
    flags_mask: int  # the condition codes within the flags word
    flags_rest: int
    comment: str
    operand: str  # what operands in memory, and nothing else, have in them
    jump: str  # to a label
    syntax: str = ""
    faulting: tuple[str, ...] = ()  # how divisions begin that fault when the quotient of rdx:rax does not fit

    @property
    def flags(self) -> int:
        return 8 * len(self.general) + 16 * len(self.vectors)

    @property
    def number(self) -> int:
        return self.flags + 8

    @property
    def jumped(self) -> int:
        return self.flags + 16

    @property
    def target(self) -> int:
        return self.flags + 24

    @property
    def memory(self) -> int:
        return (self.flags + 32 + 1023) & -1024

    @property
    def record(self) -> int:
        return self.memory + MEMORY_BYTES

    def register(self, name: str) -> tuple[int, int]:
        """(offset, bytes) of a register in a state."""
        if name == "flags":
            return self.flags, 8
        if name in self.general:
            return 8 * self.general.index(name), 8
        return 8 * len(self.general) + 16 * self.vectors.index(name), 16

    def registers(self) -> list[str]:
        """All that a test may change; the stack pointer is not among them."""
        return [r for r in (*self.general, *self.vectors) if r not in self.reserved and r != self.stack_pointer]


BENCHES = {
    "x86_64": Bench(
        "x86_64",
        ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", *(f"r{n}" for n in range(8, 16))),
        tuple(f"xmm{n}" for n in range(16)),
        "rsi", "rcx", "rsp", frozenset(), 0x8D5, 0x202, "#", "[", "jmp", ".intel_syntax noprefix\n",
        ("div ", "idiv "),
    ),
    "aarch64": Bench(
        "aarch64",
        (*(f"x{n}" for n in range(31)), "sp"),
        tuple(f"v{n}" for n in range(32)),
        "x1", "x2", "sp", frozenset(("x28",)), 0xF0000000, 0, "//", "[", "b",
    ),
    "riscv64": Bench(
        "riscv64",
        tuple(MACHINES["riscv64"].registers),
        (),
        "a1", "a2", "sp", frozenset(("t6",)), 0, 0, "//", "(", "j",
    ),
}  # fmt: skip


def instructions(isa: str) -> list[str]:
    """The instructions that LLVM emits, one of each form: ``execute/<isa>.txt``."""
    lines = (HERE / f"{isa}.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("//")]


@dataclass(frozen=True)
class Built:
    """An assembled bench and what its instructions are in the decoder's neutral form."""

    bench: Bench
    command: tuple[str, ...]
    texts: tuple[str, ...]
    insns: tuple[Insn, ...]

    def run(self, records: Sequence[bytes]) -> list[bytes]:
        """The states that the instructions leave; fails the test when one of them faults."""
        done = subprocess.run(self.command, input=b"".join(records), capture_output=True, timeout=120)
        size = self.bench.record
        out = [done.stdout[k : k + size] for k in range(0, len(done.stdout), size)]
        if done.returncode or len(out) != len(records):
            at = self.bench.number
            number = int.from_bytes(records[len(out)][at : at + 8], "little")
            pytest.fail(f"{self.bench.isa}: '{self.texts[number]}' faults (state {len(out)}, {done.returncode})")
        return out


def assemble(text: str, isa: str, folder: Path, name: str) -> bytes:
    """The ELF object of assembly text."""
    source, out = folder / f"{name}.S", folder / f"{name}.o"
    source.write_text(text)
    target = (f"--target={ISAS[isa].triple}", *ISAS[isa].clang_flags)
    command = [*clang(), *target, f"-DSTATE={STATE:#x}", "-c", str(source), "-o", str(out)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return out.read_bytes()


def decode(elf: bytes, isa: str, section: str) -> list[Insn]:
    """A section's instructions, without relocations."""
    file = read_elf(elf, section)
    header = file.section(section)
    assert header is not None, section
    return MACHINES[isa].decode(Code(file.contents(header), section, {}, b"", {}, ()))


def build(isa: str, texts: Sequence[str], folder: Path) -> Built:
    """Assembles the bench with `texts` as its cases; a branch goes to ``taken``."""
    bench = BENCHES[isa]
    cases = [
        f'.section .case.{k},"ax"\ncase{k}: {text.replace("taken", "1f")}\n'
        f"{bench.jump} fallen\n1: {bench.jump} landed\n"
        for k, text in enumerate(texts)
    ]
    table = ".data\n.balign 8\n.globl bench_cases\nbench_cases:\n" + "".join(
        f".quad case{k}\n" for k in range(len(texts))
    )
    elf = assemble(bench.syntax + "".join(cases) + table, isa, folder, "cases")
    insns = tuple(_first(elf, isa, k) for k in range(len(texts)))
    assemble((HERE / f"{isa}.S").read_text(), isa, folder, "start")
    defines = {"STATE": STATE, "RECORD": bench.record, "NUMBER": bench.number, "TARGET": bench.target}
    bench_c, bench_o = str(HERE / "bench.c"), str(folder / "bench.o")
    c = [
        *clang(), f"--target={ISAS[isa].triple}", *ISAS[isa].clang_flags, "-O1",
        "-ffreestanding", "-fno-pic", "-fno-stack-protector",
        "-fno-builtin", *(f"-D{k}={v}L" for k, v in defines.items()), "-c", bench_c, "-o", bench_o,
    ]  # fmt: skip
    subprocess.run(c, check=True)
    executable = folder / "bench"
    link = [str(wheel() / "zig"), "ld.lld", "-m", ISAS[isa].emulation, "-static", "-o", str(executable)]
    subprocess.run([*link, *(str(folder / f"{n}.o") for n in ("start", "bench", "cases"))], check=True)
    return Built(bench, (*_runner(isa), str(executable)), tuple(texts), insns)


def _first(elf: bytes, isa: str, k: int) -> Insn:
    return decode(elf, isa, f".case.{k}")[0]


def _runner(isa: str) -> list[str]:
    if platform.machine() in ISAS[isa].machine_names:
        return []
    qemu = shutil.which(ISAS[isa].qemu)
    if not qemu:
        pytest.skip(f"needs {ISAS[isa].qemu_package}")
    return [qemu]
