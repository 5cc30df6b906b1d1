"""The IR passes, one module each, in the order of the design.

A pass is a class with a `name` and ``apply(module) -> Module``; the IR is valid before and after.
"""
