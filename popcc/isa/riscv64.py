"""riscv64: RISC-V psABI 1.0, LP64D; the RV64GC profile (unprivileged specification, M A F D C).

Peculiarities: a call leaves the return address in ra, which a non-leaf function saves in its own frame; there are
no condition codes; results of 32 bits are sign-extended to 64, floats of 32 bits stand in their register below
ones ("NaN boxing", unprivileged specification, chapter D). Linker relaxation is off everywhere, since it moves code
whose addresses the maps know; gp, which serves nothing else, is not used, nor are sections of small data, which are
for it. DWARF numbers: psABI, "DWARF".
"""

from __future__ import annotations

from popcc.isa.base import Idiom, Isa

GENERAL = (
    "zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6"
).split()
FLOATING = (
    "ft0 ft1 ft2 ft3 ft4 ft5 ft6 ft7 fs0 fs1 fa0 fa1 fa2 fa3 fa4 fa5 fa6 fa7 "
    "fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 fs10 fs11 ft8 ft9 ft10 ft11"
).split()

RISCV64 = Isa(
    name="riscv64",
    number=3,
    triple="riscv64-unknown-linux-musl",
    features="+m,+a,+f,+d,+c,-relax",
    abi="lp64d",
    code_model="small",
    elf_machine=243,
    emulation="elf64lriscv",
    qemu="qemu-riscv64-static",
    qemu_package="qemu-user-static",
    machine_names=("riscv64",),
    oci_architecture="riscv64",
    registers={
        **{n: name for n, name in enumerate(GENERAL) if name not in ("zero", "gp", "tp")},
        **{32 + n: name for n, name in enumerate(FLOATING)},
    },
    callee_saved=tuple(n for n, name in enumerate(GENERAL) if name[0] == "s" and name != "sp"),
    callee_saved_fp=tuple(32 + n for n, name in enumerate(FLOATING) if name.startswith("fs")),
    stack_pointer=2,
    table_relocations=frozenset((26, 27, 28)),  # R_RISCV_HI20, _LO12_I, _LO12_S
    return_register=1,
    trap=b"\x00\x00\x00\x00",  # illegal by definition
    idioms={
        r"nop|pause": Idiom.HINT,
        r"fence( [iorw]+, ?[iorw]+)?": Idiom.FENCE,
        r"rd(time|cycle) \$0": Idiom.CLOCK,
    },
    clang_flags=("-mno-relax", "-msmall-data-limit=0"),
    llvm_options=("-riscv-enable-copyelim=0",),
    wide_relocations=frozenset((18, 19)),  # R_RISCV_CALL, _CALL_PLT: auipc and jalr
)
