"""Source positions out of the IR, where nobody asks for them any more: LLVM would only carry them along.

Behind the last pass that names one in a message, only calls need theirs, of which sites have their lines; behind the
site pass nothing does. The compile unit stays: it is what has LLVM make call frame information, by which debuggers
unwind.
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
_POSITION = ", !dbg !"


def with_positions_of_calls(text: str) -> str:
    """The module in which only calls have positions, and of those that instructions had only what is still named."""
    kept: list[str] = []
    locations: list[tuple[str, str]] = []
    used: set[str] = set()
    for line in text.split("\n"):
        if line.startswith("!"):
            name, _, node = line[1:].partition(" = ")
            if node.startswith("!DILocation("):
                locations.append((name, line))
                continue
            used.update(_REFERENCE.findall(node))  # a loop's node names its lines
        elif (at := line.find(_POSITION)) >= 0:
            end = line.find(",", at + 1)
            end = len(line) if end < 0 else end
            if " call " in line:
                used.add(line[at + len(_POSITION) : end])
            else:
                line = line[:at] + line[end:]
        kept.append(line)
    kept += (line for name, line in locations if name in used)
    return "\n".join(kept) + "\n"


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
