"""Scanning the text of LLVM IR: brackets, lists, types, names."""

from __future__ import annotations

import re

NAME = r'%(?:"[^"]*"|[-a-zA-Z$._0-9]+)'
GLOBAL = r'@(?:"[^"]*"|[-a-zA-Z$._0-9]+)'
NAME_RE = re.compile(NAME)
GLOBAL_RE = re.compile(GLOBAL)
INCOMING = re.compile(rf"\[ (.*?), ({NAME}) \]")  # of a phi: value and block

_BRACKET_OR_QUOTE = re.compile(r'[()\[\]{}<>"]')
_SEPARATOR = re.compile(r'[()\[\]{}<>",]')
_PLAIN_TYPE = re.compile(r"ptr(?: addrspace\(\d+\))?(?![-\w$.])|" + NAME + r"|[a-z][\w.]*")


def closing(s: str, start: int) -> int:
    """Index of the bracket that closes the one at `start`; quoted text doesn't count."""
    depth = 0
    pos = start
    while m := _BRACKET_OR_QUOTE.search(s, pos):
        c = m.group()
        pos = m.end()
        if c == '"':
            pos = s.index('"', pos) + 1
        elif c in "([{<":
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                return m.start()
    raise ValueError(f"no closing bracket in {s!r}")


def split_list(s: str) -> list[str]:
    """The parts of a comma-separated list, outer level only, stripped. An empty list gives no parts."""
    if not _BRACKET_OR_QUOTE.search(s):
        return [part.strip() for part in s.split(",")] if s.strip() else []
    parts: list[str] = []
    depth = 0
    begin = pos = 0
    while m := _SEPARATOR.search(s, pos):
        c = m.group()
        pos = m.end()
        if c == '"':
            pos = s.index('"', pos) + 1
        elif c == ",":
            if depth == 0:
                parts.append(s[begin : m.start()].strip())
                begin = pos
        elif c in "([{<":
            depth += 1
        else:
            depth -= 1
    last = s[begin:].strip()
    if last or parts:
        parts.append(last)
    return parts


def take_type(s: str) -> tuple[str, str]:
    """Splits `s` into the type it begins with and the rest, both stripped on the left."""
    s = s.lstrip()
    if s[0] in "{[<":
        end = closing(s, 0) + 1
    elif s.startswith("target("):
        end = closing(s, 6) + 1
    else:
        m = _PLAIN_TYPE.match(s)
        if not m:
            raise ValueError(f"no type at {s[:60]!r}")
        end = m.end()
    return s[:end], s[end:].lstrip()


_ATTRIBUTE = re.compile(
    r"(?:align \d+|[a-z_]+(?=\()|zeroext|signext|noext|inreg|noalias|nocapture|nofree|nest|returned|nonnull|noundef|"
    r"readonly|writeonly|readnone|swiftself|swifterror|swiftasync|immarg|allocalign|allocptr|writable|"
    r"dead_on_unwind|dead_on_return|\"[^\"]*\"(?:=\"[^\"]*\")?)"
)


def take_attributes(s: str) -> tuple[list[str], str]:
    """Splits parameter or return attributes off the front of `s`: (attributes, rest)."""
    out: list[str] = []
    while True:
        s = s.lstrip()
        m = _ATTRIBUTE.match(s)
        if not m or (m.end() < len(s) and s[m.end()] not in " ("):
            return out, s
        end = m.end()
        if end < len(s) and s[end] == "(":
            if s.startswith(("ptr", "inttoptr", "getelementptr", "target")) or _is_constant_expression(m.group()):
                return out, s
            end = closing(s, end) + 1
        elif end == len(s):
            return out, s
        out.append(s[:end])
        s = s[end:]


_CONSTANT_EXPRESSIONS = frozenset(
    """inttoptr ptrtoint ptrtoaddr bitcast addrspacecast add sub mul xor trunc blockaddress dso_local_equivalent no_cfi
    getelementptr splat extractelement insertelement shufflevector""".split()
)


def _is_constant_expression(word: str) -> bool:
    return word in _CONSTANT_EXPRESSIONS


def substitute(s: str, names: dict[str, str]) -> str:
    """`s` with each local name that is a key of `names` replaced."""
    return NAME_RE.sub(lambda m: names.get(m.group(), m.group()), s)


def quote_free(name: str) -> str:
    """The bare name of a ``@name``, ``@"name"``, ``%name`` token."""
    return name[1:].strip('"')
