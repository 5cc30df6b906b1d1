"""A small lossless line-level model of LLVM's canonical textual IR.

Every line is kept verbatim unless a pass changes it; names, types and operands are parsed where asked for.
"""
