"""A manual page in man(7)'s markup, the part of it that man-db, mandoc and groff agree on.

click-man was looked at: it writes one page per command, with click's `\\b` marks and backslashes as they stand, and
could not do popcc, which is not click's.
"""

from __future__ import annotations

from collections.abc import Sequence


def text(words: str) -> str:
    """Running text: nothing in it is markup."""
    escaped = words.replace("\\", "\\e").replace("'", "\\(aq").replace("-", "\\-").replace("^", "\\(ha")
    escaped = escaped.replace("~", "\\(ti").replace("`", "\\(ga").replace('"', "\\(dq").replace("…", "...")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


class Page:
    """A page while it is written."""

    def __init__(self, name: str, section: int, about: str, version: str) -> None:
        # no date: the page is the same whenever it is made
        self.lines = [f'.TH {name.upper()} {section} "" "popcc {version}" "User Commands"']
        self.section("NAME")
        self.lines.append(f"{text(name)} \\- {text(about)}")

    def section(self, title: str) -> None:
        self.lines.append(f'.SH "{text(title.upper())}"')

    def subsection(self, title: str) -> None:
        self.lines.append(f'.SS "{text(title)}"')

    def paragraph(self, words: str) -> None:
        self._apart()
        self.lines.append(text(" ".join(words.split())))

    def synopsis(self, command: str, rest: str) -> None:
        """How to call it: `command` as it stands, of the rest words in capitals are for the reader to fill in."""
        self._apart()
        self.lines.append(f"\\fB{text(command)}\\fR {_placeholders(rest)}".rstrip())

    def entry(self, name: str, value: str, words: str) -> None:
        """An option or a command and what it means; `value` follows as it stands, a space before it included."""
        self.lines += [".TP", f"\\fB{text(name)}\\fR{_placeholders(value)}", text(" ".join(words.split())) or "\\&"]

    def verbatim(self, lines: Sequence[str]) -> None:
        """Commands to type."""
        self._apart()
        self.lines += [".RS 4", ".nf", *(text(line) for line in lines), ".fi", ".RE"]

    def _apart(self) -> None:
        """Paragraphs have a mark between them; the first of a section needs none, and gets warned of with one."""
        if not self.lines[-1].startswith((".SH", ".SS")):
            self.lines.append(".PP")

    def __str__(self) -> str:
        return "\n".join(self.lines) + "\n"


def _placeholders(words: str) -> str:
    """Names in capitals, in italics."""
    parts = []
    for part in words.split(" "):
        name = part.strip("[]=.,|")
        if name and name.isupper():
            before, _, after = part.partition(name)
            part = f"{text(before)}\\fI{text(name)}\\fR{text(after)}"
        else:
            part = text(part)
        parts.append(part)
    return " ".join(parts)
