"""aarch64: AAPCS64 2023Q3.

Peculiarities: a call leaves the return address in x30, which a non-leaf function saves in its own frame;
d8 to d15 (the low halves of v8 to v15) survive a call (section 6.1.2); x29 is an ordinary callee-saved
register here, since frames are not chained. DWARF numbers: "DWARF for the Arm 64-bit Architecture", 4.1.
"""

from __future__ import annotations

from popcc.isa.base import Idiom, Isa

AARCH64 = Isa(
    name="aarch64",
    number=2,
    triple="aarch64-unknown-linux-musl",
    features="-outline-atomics",
    abi="",
    code_model="small",
    elf_machine=183,
    emulation="aarch64linux",
    qemu="qemu-aarch64-static",
    qemu_package="qemu-user-static",
    machine_names=("aarch64", "arm64"),
    oci_architecture="arm64",
    registers={
        **{n: f"x{n}" for n in range(31)},
        31: "sp",
        **{64 + n: f"v{n}" for n in range(32)},
    },
    callee_saved=(*range(19, 31),),
    callee_saved_fp=tuple(range(72, 80)),
    stack_pointer=31,
    table_relocations=frozenset((275, 277)),  # R_AARCH64_ADR_PREL_PG_HI21, _ADD_ABS_LO12_NC
    return_register=30,
    trap=b"\x00\x00\x00\x00",  # udf #0
    idioms={
        r"nop|yield|isb( sy)?": Idiom.HINT,
        r"d[ms]b (sy|(ish|nsh|osh)?(ld|st)?)": Idiom.FENCE,
        r"mrs (\$0|\$\{0:x\}), ?cntvct_el0": Idiom.CLOCK,
    },
    llvm_options=("-aarch64-enable-copyelim=0", "-aarch64-enable-compress-jump-tables=0"),
)
