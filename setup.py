"""Wheels hold the passes and the inner loops of completion, link and proof compiled by mypyc; an editable tree runs
them as they stand, unless POPCC_COMPILED is set: then what was compiled is used, whatever its source becomes.

MYPYC_OPT_LEVEL is gcc's -O, as in mypy's own setup. Without a C compiler, or with POPCC_PURE set, a wheel has Python
alone: everything works, slower.
"""

import os
import sys
from pathlib import Path

from setuptools import setup

_NAMED = {
    "linker": "addresses collect elf index layout resolve sitecode sitetable",
    "linker/maps": "complete encode flow",
    "linker/verify": "claims expressions fingerprints frame listing places placing poison preconditions tables writers",
}
COMPILED = (
    "ir/[!_]*.py",
    "passes/[!_]*.py",
    "linker/machine/base.py",
    "linker/machine/*64*.py",
    *(f"{folder}/{name}.py" for folder, names in _NAMED.items() for name in names.split()),
)
# llvmlite's values belong to a module that must outlive their last use; compiled code forgets names before it returns
PLAIN = {Path("popcc/passes/sizes.py")}


def _extensions() -> list:
    as_it_stands = "editable_wheel" in sys.argv and not os.environ.get("POPCC_COMPILED")
    if as_it_stands or "sdist" in sys.argv or os.environ.get("POPCC_PURE"):
        return []
    from mypyc.build import mypycify

    files = {file for pattern in COMPILED for file in Path("popcc").glob(pattern)} - PLAIN
    extensions = mypycify(sorted(map(str, files)), opt_level=os.environ.get("MYPYC_OPT_LEVEL", "2"), multi_file=True)
    for extension in extensions:
        extension.optional = True
    return extensions


setup(ext_modules=_extensions())
