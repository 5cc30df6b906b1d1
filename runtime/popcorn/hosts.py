"""What this machine can run: its own ISA natively, the others through qemu's user-mode emulators."""

from __future__ import annotations

import os
import shutil

from popcc.errors import PopccError
from popcc.isa import ISAS, Isa, isa_named


def host_isa() -> Isa:
    """The ISA of this machine. Raises `PopccError` when popcc does not know it."""
    machine = os.uname().machine
    for isa in ISAS.values():
        if machine in isa.machine_names:
            return isa
    raise PopccError(f"this machine is a {machine}; popcorn runs on {', '.join(ISAS)}")


def runner_for(name: str) -> str:
    """The emulator that runs `name`'s programs here, "" when none is needed. Raises `PopccError` if it is missing."""
    isa = isa_named(name)
    if isa is host_isa():
        return ""
    path = shutil.which(isa.qemu)
    if path is None:
        raise PopccError(
            f"{isa.qemu} is needed to run {isa.name} programs here; install it: apt install {isa.qemu_package}"
        )
    return path


def available_runners() -> dict[str, str]:
    """The runners of all ISAs that can run here."""
    found = {}
    for name in ISAS:
        try:
            found[name] = runner_for(name)
        except PopccError:
            continue
    return found
