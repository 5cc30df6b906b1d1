"""Reads an image: bounds and sums are checked before anything in it is believed."""

from __future__ import annotations

import struct
import zlib
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from popcc.errors import PopccError
from popcc.isa import ISAS
from popcc.schema.images import (
    IMAGE_VERSION,
    NOTE_NAME,
    PAGE,
    File,
    Limit,
    Map,
    Note,
    PosixTimer,
    Segment,
    SignalAction,
    Sum,
    ThreadNote,
    Timer,
)
from popcc.schema.images import Image as Head
from popcc.schema.record import Record

_ELF_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_ELF_SEGMENT = struct.Struct("<IIQQQQQQ")
_ELF_NOTE = struct.Struct("<III")
_IDENT = b"\x7fELF\x02\x01\x01"
_CORE, _LOAD, _NOTE = 4, 1, 4
_NAME = NOTE_NAME.encode() + b"\0"

R = TypeVar("R", bound=Record)


class Frame(Struct, frozen=True):
    """Site and values of one frame."""

    site: int
    values: tuple[int, ...]


class Thread(Struct, frozen=True):
    """A stopped thread, innermost frame first."""

    note: ThreadNote
    frames: tuple[Frame, ...]


class Memory(Struct, frozen=True):
    """A run of pages."""

    start: int
    offset: int
    bytes: int


class ImageFile(Struct, frozen=True, dict=True):
    """An image, checked."""

    path: Path
    head: Head
    program: str
    cwd: str
    threads: tuple[Thread, ...]
    mappings: tuple[tuple[Map, str], ...]
    files: tuple[tuple[File, str], ...]
    handlers: tuple[SignalAction, ...]
    timers: tuple[Timer, ...]
    posix_timers: tuple[PosixTimer, ...]
    limits: tuple[Limit, ...]
    memory: tuple[Memory, ...]
    data: memoryview

    @property
    def build_id(self) -> str:
        return self.head.build_id.hex()

    @cached_property
    def isa(self) -> str:
        """The ISA it was taken on."""
        return next((i.name for i in ISAS.values() if i.number == self.head.isa), f"ISA {self.head.isa}")

    def read(self, address: int, n: int) -> bytes | None:
        """`n` bytes of the program's memory, None when the image does not hold all of them (pages of zeros)."""
        for m in self.memory:
            if m.start <= address and address + n <= m.start + m.bytes:
                at = m.offset + address - m.start
                return bytes(self.data[at : at + n])
        return None


def read_image(path: Path) -> ImageFile:
    """Open and check an image. Raises `PopccError` saying what is wrong with it."""
    try:
        data = memoryview(path.read_bytes())
    except OSError as e:
        raise PopccError(f"cannot read '{path}': {e.strerror}") from None
    return _Reader(path, data).image()


class _Reader:
    def __init__(self, path: Path, data: memoryview) -> None:
        self.path, self.data = path, data

    def damaged(self, what: str) -> PopccError:
        return PopccError(f"{self.path}: the image is damaged ({what})")

    def image(self) -> ImageFile:
        segments = self.segments()
        notes = self.notes(segments[0])
        if not notes or notes[0][0] != Note.IMAGE or len(notes[0][1]) < 4:
            raise PopccError(f"{self.path}: not an image made by popcorn")
        (version,) = struct.unpack_from("<I", notes[0][1])
        if version != IMAGE_VERSION:
            raise PopccError(f"{self.path}: has image format {version}, this popcorn reads {IMAGE_VERSION}")
        memory = tuple(Memory(vaddr, offset, filesz) for _, _, offset, vaddr, _, filesz, _, _ in segments[1:])
        self.check_sums(notes, memory)
        head = self.record(Head, notes[0][1])

        def all_of(kind: Note, record: type[R]) -> tuple[tuple[R, bytes], ...]:
            return tuple((self.record(record, body), bytes(body[record.size() :])) for t, body, _ in notes if t == kind)

        def text_of(kind: Note) -> str:
            return next((bytes(body).decode(errors="surrogateescape") for t, body, _ in notes if t == kind), "")

        threads = tuple(Thread(note, self.frames(rest)) for note, rest in all_of(Note.THREAD, ThreadNote))
        if not threads or len(threads) != head.nthreads:
            raise self.damaged(f"{len(threads)} threads instead of {head.nthreads}")
        actions = next((body for t, body, _ in notes if t == Note.HANDLERS), memoryview(b""))
        size = SignalAction.size()
        return ImageFile(
            self.path, head, text_of(Note.PROGRAM), text_of(Note.CWD), threads,
            tuple((m, p.decode(errors="surrogateescape")) for m, p in all_of(Note.MAPPING, Map)),
            tuple((f, p.decode(errors="surrogateescape")) for f, p in all_of(Note.FILE, File)),
            tuple(SignalAction.unpack(actions, at) for at in range(0, len(actions) - size + 1, size)),
            tuple(t for t, _ in all_of(Note.TIMER, Timer)),
            tuple(t for t, _ in all_of(Note.POSIX_TIMER, PosixTimer)),
            tuple(n for n, _ in all_of(Note.LIMIT, Limit)),
            memory, self.data,
        )  # fmt: skip

    def segments(self) -> list[tuple[int, ...]]:
        data = self.data
        if len(data) < 16 or bytes(data[:7]) != _IDENT[: len(data)]:
            raise PopccError(f"{self.path}: not an image made by popcorn")
        if len(data) < _ELF_HEADER.size:
            raise self.damaged("cut off")
        _, kind, machine, _, _, phoff, _, _, _, phentsize, phnum, _, _, _ = _ELF_HEADER.unpack_from(data)
        if kind != _CORE or machine != 0 or phoff != _ELF_HEADER.size or phentsize != _ELF_SEGMENT.size or not phnum:
            raise PopccError(f"{self.path}: not an image made by popcorn")
        if phoff + phnum * phentsize > len(data):
            raise self.damaged("cut off")
        segments = [_ELF_SEGMENT.unpack_from(data, phoff + i * phentsize) for i in range(phnum)]
        for i, (kind, _, offset, vaddr, _, filesz, _, _) in enumerate(segments):
            if kind != (_LOAD if i else _NOTE) or (i and (vaddr % PAGE or filesz % PAGE)):
                raise self.damaged(f"segment {i}")
            if offset + filesz > len(data):
                raise self.damaged("cut off")
        return segments

    def notes(self, segment: tuple[int, ...]) -> list[tuple[int, memoryview, int]]:
        """(type, contents, file offset) of every note."""
        at, end = segment[2], segment[2] + segment[5]
        notes = []
        while at < end:
            if end - at < _ELF_NOTE.size + len(_NAME):
                raise self.damaged("notes cut off")
            namesz, descsz, kind = _ELF_NOTE.unpack_from(self.data, at)
            body = at + _ELF_NOTE.size + len(_NAME)
            if namesz != len(_NAME) or bytes(self.data[body - len(_NAME) : body]) != _NAME:
                raise PopccError(f"{self.path}: not an image made by popcorn")
            if body + descsz > end:
                raise self.damaged("notes cut off")
            notes.append((kind, self.data[body : body + descsz], at))
            at = body + (descsz + 3 & ~3)
        return notes

    def check_sums(self, notes: list[tuple[int, memoryview, int]], memory: tuple[Memory, ...]) -> None:
        kind, body, at = notes[-1]
        if kind != Note.SUM or sum(t == Note.SUM for t, _, _ in notes) != 1:
            raise self.damaged("no sum")
        if zlib.crc32(self.data[:at]) != self.record(Sum, body).crc:
            raise self.damaged("sum of its notes")
        segments = [self.record(Segment, b) for t, b, _ in notes if t == Note.SEGMENT]
        if len(segments) != len(memory):
            raise self.damaged("segments without sums")
        for s, m in zip(segments, memory, strict=True):
            if (s.start, s.bytes) != (m.start, m.bytes) or zlib.crc32(
                self.data[m.offset : m.offset + m.bytes]
            ) != s.crc:
                raise self.damaged(f"memory at {m.start:#x}")

    def record(self, record: type[R], body: memoryview) -> R:
        try:
            return record.unpack(body)
        except struct.error:
            raise self.damaged(f"{record.c_name} cut off") from None

    def frames(self, body: bytes) -> tuple[Frame, ...]:
        frames = []
        try:
            (n,) = struct.unpack_from("<I", body)
            at = 4
            for _ in range(n):
                site, count = struct.unpack_from("<II", body, at)
                frames.append(Frame(site, struct.unpack_from(f"<{count}Q", body, at + 8)))
                at += 8 + 8 * count
        except struct.error:
            raise self.damaged("frames cut off") from None
        if at != len(body):
            raise self.damaged("frames of an odd size")
        return tuple(frames)
