"""What goes into a link: objects, and libraries whose members are taken when a symbol asks for them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from popcc.errors import PopccError
from popcc.linker.archive import is_archive, read_archive
from popcc.linker.elf import is_elf, read_elf
from popcc.linker.objects import defined_symbols, read_units
from popcc.unit import Unit, decode_units


class LinkUnit(Struct, frozen=True):
    """A unit and where it came from, as messages say it."""

    unit: Unit
    origin: str  # "main.o", "libz.a(inflate.o)"


class Library(Protocol):
    """Members that can be taken one by one."""

    @property
    def symbols(self) -> Mapping[str, str]:
        """Global symbol -> key of the first member that defines it on some ISA."""
        ...

    def load(self, member: str) -> list[LinkUnit]:
        """The units of a member."""
        ...


class Objects(Struct, frozen=True):
    """Units that are linked whether or not anything refers to them."""

    units: tuple[LinkUnit, ...]


Input = Objects | Library


class ArchiveLibrary(Struct, frozen=True):
    """An archive on disk."""

    path: str
    members: Mapping[str, bytes]  # by position, since names may repeat
    symbols: Mapping[str, str]

    def load(self, member: str) -> list[LinkUnit]:
        """The units of a member."""
        origin = f"{self.path}({member.split(':', 1)[1]})"
        return [LinkUnit(u, origin) for u in read_units(self.members[member], origin)]


class IndexedLibrary(Struct, frozen=True):
    """A directory of unit payloads with an ``index.json``: the C library and the helpers, as popcc keeps them."""

    name: str  # as messages say it: "libc"
    directory: Path
    symbols: Mapping[str, str]  # symbol -> payload file

    def load(self, member: str) -> list[LinkUnit]:
        """The units of a payload file."""
        origin = f"{self.name}({Path(member).stem})"
        try:
            payload = (self.directory / member).read_bytes()
        except OSError as e:
            raise _damaged(self.name, self.directory, e) from None
        return [LinkUnit(u, origin) for u in decode_units(payload, origin)]


def read_library(name: str, directory: Path) -> IndexedLibrary:
    """Open a directory that holds an ``index.json`` from symbols to payload files."""
    try:
        symbols = json.loads((directory / "index.json").read_text())
    except (OSError, ValueError) as e:
        raise _damaged(name, directory, e) from None
    return IndexedLibrary(name, directory, symbols)


def _damaged(name: str, directory: Path, why: Exception) -> PopccError:
    return PopccError(f"{directory}: the cached {name} is damaged ({why}); delete the directory")


def read_file(path: Path) -> bytes:
    """The contents of a file that was named. Raises `PopccError` in the usual words."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise PopccError(f"no such file or directory: '{path}'") from None
    except OSError as e:
        raise PopccError(f"cannot read '{path}': {e.strerror}") from None


def read_input(path: Path, whole_archive: bool = False) -> Input:
    """An object or archive given by name."""
    where, data = str(path), read_file(path)
    if not is_archive(data):
        return Objects(tuple(LinkUnit(u, where) for u in read_units(data, where)))
    members = {f"{i}:{m.name}": m.data for i, m in enumerate(read_archive(data, where))}
    symbols: dict[str, str] = {}
    for key, contents in members.items():
        if is_elf(contents):
            for name in defined_symbols(read_elf(contents, f"{where}({key.split(':', 1)[1]})")):
                symbols.setdefault(name, key)
    library = ArchiveLibrary(where, members, symbols)
    if whole_archive:
        return Objects(tuple(u for key, contents in members.items() if is_elf(contents) for u in library.load(key)))
    return library


def find_library(name: str, directories: Sequence[Path]) -> Path:
    """The archive that ``-lNAME`` means. Raises `PopccError` as lld words it."""
    file_names = [name[1:]] if name.startswith(":") else [f"lib{name}.a"]
    for directory in directories:
        for file_name in file_names:
            if (directory / file_name).is_file():
                return directory / file_name
    shared = next((d / f"lib{name}.so" for d in directories if (d / f"lib{name}.so").is_file()), None)
    if shared:
        raise PopccError(
            f"unable to find library -l{name}: there is only {shared}, and popcc links statically; "
            f"build lib{name}.a with popcc"
        )
    raise PopccError(f"unable to find library -l{name}; give its directory with -L")
