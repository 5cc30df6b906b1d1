"""Pieces of the verifier by themselves: which steps its poison analysis passes without looking, what callees take."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from execute_fixtures import assemble
from link_fixtures import EVERY, compiled

from popcc.linker.elf import read_elf
from popcc.linker.machine import MACHINES
from popcc.linker.machine.base import Code
from popcc.linker.verify import expressions
from popcc.linker.verify.callees import Callees
from popcc.linker.verify.frame import read_body
from popcc.linker.verify.placing import Unprovable
from popcc.linker.verify.poison import _Analysis
from popcc.linker.verify.tables import TableFunction

SOURCE = """
struct node { struct node *next; long key; double weight; short small; char flag; };
double f(struct node *n, long k, unsigned *out, double w, const short *table)
{
	double sum = 0;
	unsigned long a = k * 3, b = k ^ 5, c = k >> 3, d = k % 7, e = -k, g = k * k, h = k - 9, i = k / 5;
	unsigned long o = k | 77, p = k & 99, q = k * 11, r = k + 13;
	for (; n; n = n->next) {
		if (n->key > k && n->flag) sum += n->weight * w;
		else if (n->small == table[n->key & 7]) *out += (unsigned)n->small;
		a += b ^ (char)n->small, b -= c * a, c ^= d >> 2, d += (unsigned)e, e ^= g + h, g *= i, h -= a;
		i ^= b + o, o += p * q, p ^= r, q -= o ^ e, r += (short)q;
		sum -= (float)i;
	}
	return sum / ((a ^ b ^ c ^ d ^ e ^ g ^ h ^ i ^ o ^ p ^ q ^ r) | 1);
}
"""


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("level", ["-O1", "-O2", "-Os"])
def test_a_step_does_nothing_to_what_it_does_not_concern(isa: str, level: str) -> None:
    elf = read_elf(compiled(SOURCE, isa, (level,)), isa)
    text = elf.section(".text.f")
    assert text is not None
    machine = MACHINES[isa]
    function = TableFunction("f", 0, text.size, 0, ())
    body = read_body(machine, Code(elf.contents(text), text.name, {}, b"", {}, ()), function)
    analysis = _Analysis(machine, function, body, Callees(machine, lambda start, size: None))
    analysis.faults = {}
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    bits = analysis.places.zero + analysis.places.high
    passed = 0
    for n in body.order:
        for step, concerns in analysis.steps[n]:
            for _ in range(40 if concerns >= 0 else 0):
                state = chance.getrandbits(bits) & chance.getrandbits(bits) & ~concerns
                assert analysis._step(step, state) == state, step.insn
                passed += 1
    assert not analysis.faults
    assert passed > 500


CALLEES = {
    "x86_64": [
        ("xor %ecx,%ecx; mov %rsi,%rdx; mov $7,%esi; ret", {"rcx", "rdx"}),  # rsi is read before it is overwritten
        ("mov $1,%dl; mov (%rdi),%rdi; xor %r8d,%r8d; jmp 1f; xor %r9d,%r9d; 1: ret", {"r8"}),
        ("call 1f; xor %ecx,%ecx; 1: ret", set()),
        (".byte 0xff, 0xff", set()),
    ],
    "aarch64": [
        ("mov x3,xzr; mov x2,x1; mov w1,#7; ret", {"x3", "x2"}),
        ("ldr x0,[x0]; mov w4,wzr; cbz x4,1f; mov x5,xzr; 1: ret", {"x4"}),
        ("str x6,[sp,#-16]!; mov x6,xzr; mov x7,sp; ret", {"x7"}),
    ],
    "riscv64": [
        ("li a3,0; mv a2,a1; li a1,7; ret", {"a3", "a2"}),
        ("ld a0,0(a0); li a4,0; beqz a4,1f; li a5,0; 1: ret", {"a4"}),
        ("addi sp,sp,-16; sd a6,8(sp); li a6,0; mv a7,sp; ret", {"a7"}),
    ],
}


@pytest.mark.parametrize(("isa", "text", "ignored"), [(isa, *row) for isa, rows in CALLEES.items() for row in rows])
def test_what_a_callee_overwrites_unread_was_not_passed(isa: str, text: str, ignored: set[str], tmp_path: Path) -> None:
    elf = read_elf(assemble(f'.section .text.f,"ax"\n{text.replace("; ", chr(10))}\n', isa, tmp_path, "f"), isa)
    section = elf.section(".text.f")
    assert section is not None
    data = elf.contents(section)
    start = 0x1000

    def code(at: int, size: int) -> Code | None:
        return Code(data[:size], ".text.f", {}, b"", {}, (), start) if at == start and size <= len(data) else None

    callees = Callees(MACHINES[isa], code)
    assert callees.ignores(start) == ignored
    assert callees.ignores(start + 1) == callees.ignores(None) == frozenset()


SOMETIMES = {
    "x86_64": ("test %edi,%edi; je 1f; lea -8(%rsp),%rsi; 1: {}ret", "mov %rdi,%rsi; ", "mov (%rsi),%rax; ", "rsi"),
    "aarch64": ("cbz w0,1f; sub x1,sp,#16; 1: {}ret", "mov x1,x0; ", "ldr x0,[x1]; ", "x1"),
    "riscv64": ("beqz a0,1f; addi a1,sp,-16; 1: {}ret", "mv a1,a0; ", "ld a0,0(a1); ", "a1"),
}


@pytest.mark.parametrize("isa", SOMETIMES)
@pytest.mark.parametrize("loop", [False, True])
def test_an_address_in_the_frame_on_one_path_is_none_to_go_by(isa: str, loop: bool, tmp_path: Path) -> None:
    """Whatever reads the register behind the join is refused; that it is overwritten there, is not."""
    text, overwritten, read, register = SOMETIMES[isa]
    turns = {"x86_64": "test %edi,%edi; jne 1b; ", "aarch64": "cbnz w0,1b; ", "riscv64": "bnez a0,1b; "}
    again = turns[isa] if loop else ""

    def body(what: str) -> None:
        lines = text.format(what + again).replace("; ", "\n")
        elf = read_elf(assemble(f'.section .text.f,"ax"\n{lines}\n', isa, tmp_path, "f"), isa)
        section = elf.section(".text.f")
        assert section is not None
        code = Code(elf.contents(section), ".text.f", {}, b"", {}, (), 0x1000)
        read_body(MACHINES[isa], code, TableFunction("f", 0x1000, section.size, 0, ()))

    body(overwritten + read)
    with pytest.raises(Unprovable, match=f"{register} holds an address in the frame on some paths only"):
        body(read)


def test_extensions_in_other_guises_are_extensions() -> None:
    """riscv64 extends by shifting to and fro, and puts ones above a float of 4 bytes."""
    a0, above = ("r", "a0"), ("c", 0xFFFFFFFF << 32)
    shifted = expressions.alu("shl", a0, ("c", 32))
    assert expressions.alu("shr", shifted, ("c", 32)) == expressions.extended("z", 4, a0)
    assert expressions.alu("sar", shifted, ("c", 32)) == expressions.extended("s", 4, a0)
    assert expressions.alu("shr", shifted, ("c", 30))[0] == "alu"
    boxed = expressions.alu("or", a0, above)
    assert expressions.extended("z", 4, boxed) == expressions.extended("z", 4, a0)
    assert expressions.extended("z", 8, boxed) == boxed
