"""x86_64: System V psABI 1.0.

Peculiarities: a call pushes the return address, so a frame's CFA is the stack pointer before the call and
the address sits at CFA-8; no floating register survives a call; 32-bit writes clear the upper half of a
register, 8- and 16-bit writes keep it. DWARF numbers: section 3.6.2, figure 3.36.
"""

from __future__ import annotations

from popcc.isa.base import Idiom, Isa

_GENERAL = ("rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp")

# cpuid overwrites rbx, which 32-bit position-independent code may not lose: programs keep it elsewhere meanwhile
_RBX = "%[er]bx"
_OTHER = r"%[er](?:[acd]x|[sd]i)|%r\d+d?|\$\d+|\$\{\d+:[kq]\}"

X86_64 = Isa(
    name="x86_64",
    number=1,
    triple="x86_64-unknown-linux-musl",
    features="",
    abi="",
    code_model="small",
    elf_machine=62,
    emulation="elf_x86_64",
    qemu="qemu-x86_64-static",
    qemu_package="qemu-user-static",
    machine_names=("x86_64", "amd64"),
    oci_architecture="amd64",
    registers={
        **dict(enumerate(_GENERAL)),
        **{n: f"r{n}" for n in range(8, 16)},
        **{17 + n: f"xmm{n}" for n in range(16)},
    },
    callee_saved=(3, 6, 12, 13, 14, 15),
    callee_saved_fp=(),
    stack_pointer=7,
    table_relocations=frozenset((1, 10, 11)),  # R_X86_64_64, _32, _32S
    return_register=None,
    trap=b"\xcc\xcc\xcc\xcc",  # int3
    idioms={
        r"rep|lock": Idiom.HINT,  # prefixes that stand apart, as in "rep; nop" and "lock; addl $0, (%rsp)"
        r"(rep )?nop|pause": Idiom.HINT,
        r"[mls]fence": Idiom.FENCE,
        r"(lock )?(add|or)[lq] ?\$0(x0)?, ?-?\d*\(%[er]sp\)": Idiom.FENCE,
        r"rdtscp?|\.byte 0x0f, ?0x31": Idiom.CLOCK,
        r"rdtsc to rax": Idiom.WHOLE_CLOCK,  # no instruction: see `phrases`
        r"cpuid|xgetbv|\.byte 0x0f, ?0x01, ?0xd0": Idiom.PROBE,
        r"@llvm\.x86\.sse2\.pause": Idiom.HINT,
        r"@llvm\.x86\.sse2?\.[mls]fence": Idiom.FENCE,
        r"@llvm\.x86\.rdtscp?": Idiom.CLOCK,
        r"@llvm\.x86\.xgetbv": Idiom.PROBE,
    },
    phrases={
        rf"(?:xchg[lq]? {_RBX}, ({_OTHER})|xchg[lq]? ({_OTHER}), {_RBX}|mov[lq]? {_RBX}, ({_OTHER})); cpuid"
        rf"; xchg[lq]? (?:{_RBX}, (?:\1|\2|\3)|(?:\1|\2|\3), {_RBX})": "cpuid",
        rf"pushq? %rbx; cpuid(?:; mov[lq]? {_RBX}, (?:{_OTHER}))?; popq? %rbx": "cpuid",
        rf"mov[lq]? {_RBX}, ({_OTHER}); cpuid; mov[lq]? {_RBX}, (?:{_OTHER}); mov[lq]? \1, {_RBX}": "cpuid",
        r"rdtscp?; shlq? \$(?:32|0x20), %rdx; (?:or|add)q? %rdx, (?:%rax|\$0)": "rdtsc to rax",
    },
    clock_parts={"{ax}": (0, 32), "{dx}": (32, 32), "{cx}": (0, 0)},
)
