"""What tests of passes share: IR in, IR out, both verified by LLVM; comparisons that ignore layout and metadata."""

from __future__ import annotations

import re

import pytest

from popcc import codegen
from popcc.errors import PopccError
from popcc.ir import model
from popcc.passes.base import Pass
from popcc.passes.sites import Sites
from popcc.unit import SiteInfo

codegen.initialise()

_METADATA = re.compile(r",? ![a-z]+ ![0-9]+|,? !dbg ![0-9]+")
_LABEL = re.compile(r'(?:"[^"]*"|[-\w.$]+):')
_COMMENT = re.compile(r" ; \(%[^)]*\)$")  # what LLVM says of relocations
_GROUP = re.compile(r" #[0-9]+(?= |$)")


def tidy(text: str) -> str:
    """IR indented as LLVM prints it, however the test's source is indented."""
    out = []
    inside = False
    for line in map(str.strip, text.strip().splitlines()):
        begins = line.startswith("define ")
        inside = (inside or begins) and line != "}"
        out.append(f"  {line}" if inside and not begins and line and not _LABEL.match(line) else line)
    return "\n".join(out) + "\n"


def apply(p: Pass, text: str) -> str:
    """The module that `p` makes of `text`. LLVM accepts it before and after."""
    text = tidy(text)
    codegen.parse(text, "the test's author")
    out = p.apply(model.parse(text)).text()
    codegen.parse(out, p.name)
    return out


def refused(p: Pass, text: str, message: str) -> None:
    """`p` raises a user's error that matches."""
    codegen.parse(tidy(text), "the test's author")
    with pytest.raises(PopccError, match=message):
        p.apply(model.parse(tidy(text)))


def lines_of(text: str) -> list[str]:
    """Lines without indentation, blank lines, comments, metadata, attribute groups."""
    plain = (_GROUP.sub("", _METADATA.sub("", _COMMENT.sub("", " ".join(line.split())))) for line in text.splitlines())
    return [line for line in plain if line and not line.startswith(";")]


def body(text: str, name: str) -> list[str]:
    """The lines between the braces of function `name`."""
    for function in model.parse(text).functions():
        if function.name == name:
            return lines_of("\n".join(function.lines()))[1:-1]
    raise AssertionError(f"no function {name}")


def header(text: str, name: str) -> str:
    """A function's ``define`` line."""
    return next(f.header for f in model.parse(text).functions() if f.name == name)


def line(text: str, start: str) -> str:
    """The one line outside functions that begins so."""
    (found,) = (i for i in model.parse(text).lines() if i.startswith(start))
    return found


def check_body(text: str, name: str, expected: str) -> None:
    """The function's body is `expected`, but for layout, metadata and attribute groups."""
    assert body(text, name) == lines_of(expected), "\n".join(body(text, name))


def sites(text: str) -> tuple[str, list[SiteInfo]]:
    """The module with sites, and what is known of them."""
    p = Sites()
    return apply(p, text), p.found
