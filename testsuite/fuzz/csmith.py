"""Programs of Csmith (Debian packages csmith and libcsmith-dev), small enough to be compiled in a second."""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
from pathlib import Path

HEADERS = Path("/usr/include/csmith")
FLAGS = (f"-I{HEADERS}",)
TIMEOUT = 20.0

# Packed structures would have misaligned members whose addresses are taken. The rest keeps programs small.
_ALWAYS = (
    "--no-packed-struct", "--no-argc", "--concise", "--no-volatile-pointers", "--max-array-len-per-dim", "6",
    "--max-array-dim", "2", "--max-struct-fields", "6", "--max-union-fields", "4",
)  # fmt: skip
_CHOICES = ("--no-bitfields", "--no-volatiles", "--no-unions", "--no-jumps", "--no-inline-function", "--no-pointers",
            "--no-const-pointers", "--no-arrays", "--check-global", "--math-notmp")  # fmt: skip


def missing() -> str:
    """What is to be installed, "" if nothing is."""
    if shutil.which("csmith") is None or not (HEADERS / "csmith.h").exists():
        return "csmith is missing; install it: apt install csmith libcsmith-dev"
    return ""


def generate(seed: str) -> str:
    """The program of a seed. Raises `subprocess.CalledProcessError` or `TimeoutExpired` when Csmith fails."""
    rng = random.Random(seed)
    options = [o for o in _CHOICES if rng.random() < 0.15]
    options += ["--max-funcs", str(rng.randint(2, 6)), "--max-block-depth", str(rng.randint(2, 4))]
    options += ["--max-block-size", str(rng.randint(2, 4)), "--max-expr-complexity", str(rng.randint(3, 8))]
    options += ["--inline-function-prob", str(rng.choice((0, 20, 50)))]
    command = ["csmith", "--seed", str(rng.getrandbits(31)), *_ALWAYS, *options]
    with tempfile.TemporaryDirectory() as place:  # where it leaves a file of its own
        return subprocess.run(command, capture_output=True, check=True, text=True, timeout=TIMEOUT, cwd=place).stdout
