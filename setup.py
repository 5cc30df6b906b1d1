"""Wheels hold the inner loops of completion and proof compiled by mypyc; an editable tree runs them as they stand.

Without a C compiler, or with POPCC_PURE set, a wheel has Python alone: everything works, slower.
"""

import os
import sys

from setuptools import setup

COMPILED = {
    "machine": "base aarch64_branches aarch64_common x86_64_branches x86_64_common x86_64_meanings",
    "maps": "complete flow live terms values",
    "verify": "claims expressions frame listing places placing poison preconditions writers",
}


def _extensions() -> list:
    if "editable_wheel" in sys.argv or "sdist" in sys.argv or os.environ.get("POPCC_PURE"):
        return []
    from mypyc.build import mypycify

    files = [f"popcc/linker/{part}/{name}.py" for part, names in COMPILED.items() for name in names.split()]
    extensions = mypycify(files, opt_level="2")
    for extension in extensions:
        extension.optional = True
    return extensions


setup(ext_modules=_extensions())
