"""Blocks that end at their sites, for functions on the ladder's rung without optimisation.

Code generation works on a block at a time there, so nothing that it made before a call is used after it: it makes
constants, splats and addresses once more.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from popcc.ir.model import Block, Function, Inst
from popcc.ir.text import INCOMING

_SITE = "@llvm.experimental.gc.statepoint"
_OF_SITE = re.compile(r"@llvm\.experimental\.gc\.(?:result|relocate)\b")  # must stand in the site's block


def split_at_sites(function: Function) -> None:
    """Each site's block goes on in a new one."""
    last: dict[str, str] = {}  # by a block's name, the name of the one that now ends with its terminator
    fresh = itertools.count()
    blocks = []
    for block in function.blocks:
        blocks.append(block)
        while (end := _end_of_site(blocks[-1])) is not None:
            rest = Block(f"popcorn.apart.{next(fresh)}", blocks[-1].insts[end:])
            blocks[-1].insts[end:] = [Inst(f"  br label {rest.name}")]
            blocks.append(rest)
            last[block.name] = rest.name
    function.blocks = blocks
    for block in blocks:
        block.insts = [_coming_from(inst, last) if inst.opcode == "phi" else inst for inst in block.insts]


def _end_of_site(block: Block) -> int | None:
    """Where a block's first site, with its results, ends; None if the block ends there as well, or has no site."""
    found = next((k for k, inst in enumerate(block.insts) if _SITE in inst.text), None)
    if found is None:
        return None
    end = found + 1
    while _OF_SITE.search(block.insts[end].text):
        end += 1
    return end if end < len(block.insts) - 1 else None


def _coming_from(phi: Inst, last: Mapping[str, str]) -> Inst:
    return Inst(INCOMING.sub(lambda m: f"[ {m.group(1)}, {last.get(m.group(2), m.group(2))} ]", phi.text))
