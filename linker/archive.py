"""System V / GNU archives: members and their names.

    "!<arch>\\n"  then per member a 60-byte text header and the contents, padded to even length.
    name field: "/" symbol index, "//" table of long names, "/123" offset in that table, "name/" a short name;
    BSD writes "#1/20" and puts the name in front of the contents.

The archive's own symbol index is not read: what members define is read from the members, so that an archive
that was never indexed links as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from popcc.errors import PopccError

MAGIC = b"!<arch>\n"
THIN_MAGIC = b"!<thin>\n"
_HEADER = 60


@dataclass(frozen=True)
class Member:
    """A file in an archive."""

    name: str
    data: bytes = field(repr=False)


def is_archive(data: bytes) -> bool:
    """Whether `data` starts like an archive, thin or not."""
    return data.startswith((MAGIC, THIN_MAGIC))


def read_archive(data: bytes, where: str) -> list[Member]:
    """The members of the archive, without its index. Raises `PopccError` when it is thin or damaged."""
    if data.startswith(THIN_MAGIC):
        raise PopccError(f"{where}: thin archive, which only points to its members; make it without 'T' (ar rcs)")
    if not data.startswith(MAGIC):
        raise PopccError(f"{where}: not an archive")
    return list(_members(data, where))


def _members(data: bytes, where: str) -> Iterator[Member]:
    long_names = b""
    pos = len(MAGIC)
    while pos < len(data):
        header = data[pos : pos + _HEADER]
        if len(header) < _HEADER or header[58:] != b"`\n" or not header[48:58].strip().isdigit():
            raise PopccError(f"{where}: damaged archive: no member header at offset {pos}; make it again")
        size = int(header[48:58])
        start = pos + _HEADER
        contents = data[start : start + size]
        if len(contents) != size:
            raise PopccError(f"{where}: truncated archive: the member at offset {pos} is incomplete; make it again")
        pos = start + size + (size & 1)
        field_ = header[:16].decode("utf-8", "surrogateescape").rstrip(" ")
        if field_ == "//":
            long_names = contents
        elif field_ in ("/", "/SYM64/", "__.SYMDEF", "__.SYMDEF SORTED"):
            continue
        elif field_.startswith("#1/") and field_[3:].isdigit():
            length = int(field_[3:])
            name = contents[:length].rstrip(b"\0").decode("utf-8", "surrogateescape")
            if not name.startswith("__.SYMDEF"):
                yield Member(name, contents[length:])
        elif field_.startswith("/") and field_[1:].isdigit():
            offset = int(field_[1:])
            end = long_names.find(b"\n", offset)
            if offset >= len(long_names) or end < 0:
                raise PopccError(f"{where}: damaged archive: long name at offset {offset} is missing; make it again")
            yield Member(long_names[offset:end].decode("utf-8", "surrogateescape").removesuffix("/"), contents)
        else:
            yield Member(field_.removesuffix("/"), contents)
