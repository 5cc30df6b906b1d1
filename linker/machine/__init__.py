"""Machine code as the map analysis sees it: one decoder per ISA, one neutral form."""

from __future__ import annotations

from popcc.linker.machine.aarch64 import AARCH64_MACHINE
from popcc.linker.machine.base import Machine
from popcc.linker.machine.riscv64 import RISCV64_MACHINE
from popcc.linker.machine.x86_64 import X86_64_MACHINE

MACHINES: dict[str, Machine] = {m.isa.name: m for m in (X86_64_MACHINE, AARCH64_MACHINE, RISCV64_MACHINE)}
