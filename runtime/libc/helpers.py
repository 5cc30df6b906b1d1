"""Helper routines that LLVM calls by itself (128-bit arithmetic, half and quad floats): compiler-rt's, from the
wheel's sources, one object a member so that programs carry only what they use.

They contain no sites and are private to each ISA. What clang calls in common IR with a calling convention of
x86_64's own, complex arithmetic, is in the overlay instead (``src/complex/__mulsc3.c``).
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from popcc.errors import PopccError
from popcc.frontend import wheel
from popcc.isa import isa_named
from popcc.linker.index import private_unit
from popcc.unit import Unit

HELPERS = (
    "divti3 modti3 udivti3 umodti3 udivmodti4 mulXi3 mulo shift negXi2 absv negv powiXf2 popcount parity count0bits "
    "bswap cmp "
    "fixdfti fixsfti fixunsdfti fixunssfti floattidf floattisf floatuntidf floatuntisf "
    "extendhfsf2 extendhfdf2 truncsfhf2 truncdfhf2 "
    "addtf3 subtf3 multf3 divtf3 cmptf2 getf2 unordtf2 extenddftf2 extendsftf2 trunctfdf2 trunctfsf2 "
    "fixtfsi fixtfdi fixtfti fixunstfsi fixunstfdi fixunstfti floatsitf floatditf floattitf floatunsitf floatunditf "
    "floatuntitf atomics"
).split()


def source_of(name: str) -> Path:
    """The source of a helper."""
    return wheel() / "lib/compiler_rt" / f"{name}.zig"


def build_helper(name: str, isas: tuple[str, ...]) -> Unit:
    """One member for every ISA. Raises `PopccError` with the compiler's words."""
    return private_unit(name, {isa: _object(name, isa) for isa in isas})


def _object(name: str, isa: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="popcc-helper-") as folder:
        output = Path(folder) / f"{name}.o"
        target = isa_named(isa).triple.replace("-unknown", "")
        command = [
            str(wheel() / "zig"), "build-obj", str(source_of(name)), "-target", target, "-mcpu=baseline",
            "-O", "ReleaseFast", "-fstrip", "-fno-stack-check", "-fno-PIC", f"-femit-bin={output}",
            "--cache-dir", f"{folder}/cache",
        ]  # fmt: skip
        run = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        if run.returncode or not output.exists():
            raise PopccError(f"helper routine {name} [{isa}] can't be built: {run.stderr.strip()}")
        return output.read_bytes()
