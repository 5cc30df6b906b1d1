"""Line tables out of the IR that code is made of: sites know their lines by then, LLVM would only read past them.

The compile unit stays: it is what has LLVM make call frame information, by which debuggers unwind.
"""

from __future__ import annotations

import re

# each begins with a text of its own, for which re.sub looks much faster than for alternatives
_ATTACHED = (
    re.compile(r", !dbg !\d+"),
    re.compile(r", !llvm\.loop !\d+"),  # a loop's node names its lines as well
    re.compile(r" !dbg !\d+(?= \{)"),
)
_NODE = re.compile(r"\n!([\w.]+) = (.*)")
_REFERENCE = re.compile(r"!(\d+)")


def without_debug(text: str) -> str:
    """The module without debug locations, and without the metadata that nothing else refers to."""
    for attached in _ATTACHED:
        text = attached.sub("", text)
    nodes = dict(_NODE.findall(text))
    code = _NODE.sub("", text)
    named = [name for name in nodes if not name.isdigit()]
    used = set(_REFERENCE.findall(code)).union(named)
    work = list(used)
    while work:
        new = set(_REFERENCE.findall(nodes.get(work.pop(), ""))) - used
        used |= new
        work += new
    return code + "".join(f"!{name} = {node}\n" for name, node in nodes.items() if name in used)
