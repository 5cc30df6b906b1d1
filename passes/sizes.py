"""Sizes and alignments of IR types, the same for all ISAs (law 1): those of the x86_64 data layout."""

from __future__ import annotations

import llvmlite.binding as llvm

from popcc.ir.model import Module

DATA_LAYOUT = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"

_SCALARS = {
    "i1": 1,
    "i8": 1,
    "i16": 2,
    "i32": 4,
    "i64": 8,
    "ptr": 8,
    "float": 4,
    "double": 8,
    "half": 2,
    "i128": 16,
    "fp128": 16,
}


class TypeSizes:
    """Answers for the types of one module; asks LLVM once per type that is no scalar."""

    def __init__(self, module: Module) -> None:
        self._structs = "\n".join(module.struct_lines())
        self._known = dict(_SCALARS)

    def size(self, type_: str) -> int:
        """Bytes from one element of an array of `type_` to the next."""
        known = self._known.get(type_)
        if known is None:
            text = f'target datalayout = "{DATA_LAYOUT}"\n{self._structs}\n@x = external global {type_}\n'
            variable = llvm.parse_assembly(text, llvm.create_context()).get_global_variable("x")
            # a data layout of its own: it remembers structures by address, which a later context may give to others
            data = llvm.create_target_data(DATA_LAYOUT)
            known = self._known[type_] = int(data.get_abi_size(variable.global_value_type))
        return known
