"""Wheels hold the inner loops of completion and proof compiled by mypyc; an editable tree runs them as they stand.

Without a C compiler, or with POPCC_PURE set, a wheel has Python alone: everything works, slower.
"""

import os
import sys
from pathlib import Path

from setuptools import setup

COMPILED = (
    "machine/base.py",
    "machine/*64_*.py",  # of each ISA all but the decoder that finds its methods by name, which compiled classes lack
    *(f"maps/{name}.py" for name in "complete flow live terms values".split()),
    *(f"verify/{n}.py" for n in "claims expressions frame listing places placing poison preconditions writers".split()),
)


def _extensions() -> list:
    if "editable_wheel" in sys.argv or "sdist" in sys.argv or os.environ.get("POPCC_PURE"):
        return []
    from mypyc.build import mypycify

    files = sorted(str(file) for pattern in COMPILED for file in Path("popcc/linker").glob(pattern))
    extensions = mypycify(files, opt_level="2")
    for extension in extensions:
        extension.optional = True
    return extensions


setup(ext_modules=_extensions())
