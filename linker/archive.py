"""System V / GNU archives: members and their names.

    "!<arch>\\n"  then per member a 60-byte text header and the contents, padded to even length.
    name field: "/" symbol index, "//" table of long names, "/123" offset in that table, "name/" a short name;
    BSD writes "#1/20" and puts the name in front of the contents.

The archive's own symbol index is not read: what members define is read from the members, so that an archive
that was never indexed links as well.

A thin archive ("!<thin>\\n", GNU ar's T, what meson makes) holds headers and names only: a name is a path from the
archive's directory, and the member is that file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from popcc.errors import PopccError

MAGIC = b"!<arch>\n"
THIN_MAGIC = b"!<thin>\n"
_HEADER = 60
_TABLES = ("/", "//", "/SYM64/", "__.SYMDEF", "__.SYMDEF SORTED")


class Member(Struct, frozen=True):
    """A file in an archive."""

    name: str
    data: bytes


def member(name: str, data: bytes) -> bytes:
    """A member with a short name, as it stands in an archive that says nothing of owners and times."""
    return f"{name + '/':16}{0:<12}{0:<6}{0:<6}{644:<8}{len(data):<10}`\n".encode() + data + bytes(len(data) & 1)


def is_archive(data: bytes) -> bool:
    """Whether `data` starts like an archive, thin or not."""
    return data.startswith((MAGIC, THIN_MAGIC))


def read_archive(data: bytes, where: str) -> list[Member]:
    """The members of the archive with that path, without its index.

    Raises `PopccError` when it is damaged, or thin and a file that it points to is not what it was.
    """
    if not is_archive(data):
        raise PopccError(f"{where}: not an archive")
    return list(_members(data, where))


def _members(data: bytes, where: str) -> Iterator[Member]:
    thin = data.startswith(THIN_MAGIC)
    long_names = b""
    pos = len(MAGIC)
    while pos < len(data):
        header = data[pos : pos + _HEADER]
        if len(header) < _HEADER or header[58:] != b"`\n" or not header[48:58].strip().isdigit():
            raise PopccError(f"{where}: damaged archive: no member header at offset {pos}; make it again")
        field_ = header[:16].decode("utf-8", "surrogateescape").rstrip(" ")
        size = int(header[48:58])
        start = pos + _HEADER
        if thin and field_ not in _TABLES:
            name = _long_name(long_names, int(field_[1:]), where) if field_[1:].isdigit() else field_
            yield Member(name, _outside(name.removesuffix("/"), size, where))
            pos = start
            continue
        contents = data[start : start + size]
        if len(contents) != size:
            raise PopccError(f"{where}: truncated archive: the member at offset {pos} is incomplete; make it again")
        pos = start + size + (size & 1)
        if field_ == "//":
            long_names = contents
        elif field_ in _TABLES:
            continue
        elif field_.startswith("#1/") and field_[3:].isdigit():
            length = int(field_[3:])
            name = contents[:length].rstrip(b"\0").decode("utf-8", "surrogateescape")
            if not name.startswith("__.SYMDEF"):
                yield Member(name, contents[length:])
        elif field_.startswith("/") and field_[1:].isdigit():
            yield Member(_long_name(long_names, int(field_[1:]), where), contents)
        else:
            yield Member(field_.removesuffix("/"), contents)


def _long_name(table: bytes, offset: int, where: str) -> str:
    end = table.find(b"\n", offset)
    if offset >= len(table) or end < 0:
        raise PopccError(f"{where}: damaged archive: long name at offset {offset} is missing; make it again")
    return table[offset:end].decode("utf-8", "surrogateescape").removesuffix("/")


def _outside(name: str, size: int, where: str) -> bytes:
    """The file that a thin archive means."""
    path = Path(where).parent / name
    try:
        contents = path.read_bytes()
    except OSError as problem:
        raise PopccError(f"{where}: thin archive, whose member {path} can't be read: {problem.strerror}") from None
    if len(contents) != size:
        raise PopccError(f"{where}: thin archive, whose member {path} has changed since; make it again")
    return contents
