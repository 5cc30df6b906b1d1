"""The ISAs popcc generates code for: one module each, exporting one frozen `Isa`.

Consumers take what they need from the table and never test an ISA's name. To add an ISA, add a module
here, its folder under ``runtime/lib/arch`` and its decoder under ``linker/machine``.
"""

from __future__ import annotations

from popcc.errors import PopccError
from popcc.isa.aarch64 import AARCH64
from popcc.isa.base import Isa
from popcc.isa.riscv64 import RISCV64
from popcc.isa.x86_64 import X86_64

__all__ = ["ISAS", "Isa", "isa_named"]

ISAS: dict[str, Isa] = {isa.name: isa for isa in (X86_64, AARCH64, RISCV64)}


def isa_named(name: str) -> Isa:
    """The ISA called `name`. Raises `PopccError` naming the known ones."""
    try:
        return ISAS[name]
    except KeyError:
        raise PopccError(f"unknown ISA '{name}'; known are {', '.join(ISAS)}") from None
