"""The program file: the executable of one ISA that carries those of the others.

    ELF executable of the outer ISA     runs as it is
    .popcorn.note                       JSON: format, build id, this file's ISA, all ISAs, checksums of what is loaded;
                                        in every executable
    .popcorn.meta                       zlib-compressed JSON: functions and sites, the same for all ISAs
    .popcorn.exe.<isa>                  the whole executable of another ISA

None of them is loaded. One file is what cp, scp and make install move.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import Struct

from popcc.errors import PopccError
from popcc.linker.elf import Elf, NewSection, append_sections, drop_sections, is_elf, read_elf
from popcc.linker.intact import check_intact, checksums

VERSION = 2
NOTE, META, EXECUTABLE = ".popcorn.note", ".popcorn.meta", ".popcorn.exe."


class FunctionInfo(Struct, frozen=True):
    """A function with sites."""

    name: str
    file: str
    tier: str  # "register" | "memory"


class ProgramSite(Struct, frozen=True):
    """A site; its global id is its position in `Metadata.sites`."""

    function: int  # index into Metadata.functions
    line: int
    callee: str
    values: tuple[tuple[str, str], ...]  # (name, IR type)


class Metadata(Struct, frozen=True):
    """What is the same on all ISAs."""

    build_id: str
    isas: tuple[str, ...]
    program: str
    functions: tuple[FunctionInfo, ...]
    sites: tuple[ProgramSite, ...]

    def encode(self) -> bytes:
        """The contents of `.popcorn.meta`."""
        text = json.dumps(
            {
                "version": VERSION,
                "build_id": self.build_id,
                "isas": self.isas,
                "program": self.program,
                "functions": [{"name": f.name, "file": f.file, "tier": f.tier} for f in self.functions],
                "sites": [[s.function, s.line, s.callee, s.values] for s in self.sites],
            },
            separators=(",", ":"),
        )
        return zlib.compress(text.encode("utf-8", "surrogatepass"), 6)


class ProgramInfo(Struct, frozen=True, dict=True):
    """A program file, opened."""

    path: Path
    build_id: str  # hex
    isa: str  # that of the file itself
    isas: tuple[str, ...]  # all that the program was linked for
    available: tuple[str, ...]  # those whose executables are in this file
    elf: Elf

    @cached_property
    def metadata(self) -> Metadata:
        """Functions and sites. Raises `PopccError` when this file does not carry them."""
        section = self.elf.section(META)
        if section is None:
            raise PopccError(f"{self.path}: is the executable of {self.isa} alone; give the file that popcc linked")
        try:
            j = json.loads(zlib.decompress(self.elf.contents(section)))
            meta = Metadata(
                j["build_id"],
                tuple(j["isas"]),
                j["program"],
                tuple(FunctionInfo(f["name"], f["file"], f["tier"]) for f in j["functions"]),
                tuple(ProgramSite(f, n, callee, tuple((v[0], v[1]) for v in vs)) for f, n, callee, vs in j["sites"]),
            )
        except (zlib.error, ValueError, KeyError, TypeError) as e:
            raise PopccError(f"{self.path}: section {META} is damaged ({e}); link the program again") from None
        if meta.build_id != self.build_id:
            raise PopccError(f"{self.path}: section {META} is of another build; link the program again")
        return meta

    def executable(self, isa: str) -> bytes:
        """The executable of one ISA alone, as it was linked.

        Raises `PopccError` when there is none, naming those there are, and when it was altered.
        """
        if isa == self.isa:
            self.check()
            return drop_sections(self.elf.data, str(self.path), (EXECUTABLE, META))
        section = self.elf.section(EXECUTABLE + isa)
        if section is None:
            raise PopccError(f"{self.path}: has no executable for {isa}, only for {', '.join(self.available)}")
        data = self.elf.contents(section)
        elf = read_elf(data, f"{self.path} [{isa}]")
        note = _note(elf)
        if note["build_id"] != self.build_id:
            raise PopccError(f"{self.path}: its executable for {isa} is of another build; link the program again")
        check_intact(elf, note["checksums"])
        return data

    def check(self) -> None:
        """Raises `PopccError` when what is loaded of the file itself is not what was linked."""
        check_intact(self.elf, _note(self.elf)["checksums"])


def make_program(executables: Mapping[str, bytes], outer: str, meta: Metadata) -> bytes:
    """The bytes of the program file."""
    noted = {isa: _with_note(data, isa, meta) for isa, data in executables.items()}
    others = (NewSection(EXECUTABLE + isa, 0, data) for isa, data in noted.items() if isa != outer)
    return append_sections(noted[outer], outer, (NewSection(META, 0, meta.encode()), *others))


def read_program(path: Path) -> ProgramInfo:
    """Open a program file, or the executable of one ISA. Raises `PopccError` for anything else."""
    try:
        data = path.read_bytes()
    except OSError as e:
        raise PopccError(f"cannot read '{path}': {e.strerror}") from None
    if not is_elf(data):
        raise PopccError(f"{path}: not a program that popcc linked (not an ELF file)")
    elf = read_elf(data, str(path))
    note = _note(elf)
    prefix = len(EXECUTABLE)
    carried = {s.name[prefix:] for s in elf.sections if s.name.startswith(EXECUTABLE)} | {note["isa"]}
    isas = tuple(note["isas"])
    return ProgramInfo(path, note["build_id"], note["isa"], isas, tuple(i for i in isas if i in carried), elf)


def extract_isa(path: Path, isa: str) -> bytes:
    """The executable of `isa` out of a program file."""
    return read_program(path).executable(isa)


def _with_note(data: bytes, isa: str, meta: Metadata) -> bytes:
    note = {
        "version": VERSION, "build_id": meta.build_id, "isa": isa, "isas": meta.isas,
        "checksums": checksums(read_elf(data, isa)),
    }  # fmt: skip
    return append_sections(data, isa, (NewSection(NOTE, 0, json.dumps(note, separators=(",", ":")).encode()),))


def _note(elf: Elf) -> dict[str, Any]:
    section = elf.section(NOTE)
    if section is None:
        raise PopccError(f"{elf.where}: not a program that popcc linked (no section {NOTE})")
    try:
        note: dict[str, Any] = json.loads(elf.contents(section))
        version = note["version"]
        if version == VERSION and not (
            isinstance(note["build_id"], str) and note["isa"] in note["isas"] and isinstance(note["checksums"], dict)
        ):
            raise ValueError("contradicts itself")
    except (ValueError, KeyError, TypeError) as e:
        raise PopccError(f"{elf.where}: section {NOTE} is damaged ({e}); link the program again") from None
    if version != VERSION:
        raise PopccError(f"{elf.where}: made by another popcc (program format {version}, this one reads {VERSION})")
    return note
