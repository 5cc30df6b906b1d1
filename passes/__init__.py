"""The IR passes, one module each, in the order of the design.

A pass is a frozen dataclass with a `name` and ``apply(module) -> Module``; the IR is valid before and after.
"""
