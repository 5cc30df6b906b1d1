"""Everything that crosses between Python and the C runtime, declared once.

Each `Record` is a C structure: little endian, fields in order, naturally aligned without holes. The
constants are enums. ``python -m popcc.schema`` writes ``runtime/lib/popcorn_schema.h`` from this module; a
unit test fails when that file is stale. Sections: the site table in programs (written by the linker, read
by the runtime and `popcorn sites`), requests to running programs, and the notes of an image.

    image:  ELF header | program headers | notes | page-aligned memory, one PT_LOAD per run of pages
            PT_NOTE first. The last note is a `Sum` over everything in front of it, so that a damaged
            image is known before anything is mapped; each PT_LOAD has a `Segment` note with its own CRC.
"""

from __future__ import annotations

import dataclasses
import struct
import sys
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, get_type_hints

from popcc.isa import ISAS

HEADER = Path(__file__).parent / "runtime" / "lib" / "popcorn_schema.h"

_CODES = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "s32": "i", "s64": "q"}
_C_TYPES = {
    "u8": "uint8_t",
    "u16": "uint16_t",
    "u32": "uint32_t",
    "u64": "uint64_t",
    "s32": "int32_t",
    "s64": "int64_t",
}


@dataclass(frozen=True)
class C:
    """The C side of a field: type, array length (0: scalar) and what it means."""

    type: str
    doc: str
    count: int = 0

    @property
    def code(self) -> str:
        if self.count and self.type == "u8":
            return f"{self.count}s"
        return f"{self.count or ''}{_CODES[self.type]}"


class Record:
    """Base of the declared structures. Byte arrays are `bytes`, other arrays tuples of int."""

    c_name: ClassVar[str]

    @classmethod
    @cache
    def layout(cls) -> tuple[tuple[str, C], ...]:
        hints = get_type_hints(cls, include_extras=True)
        return tuple((f.name, hints[f.name].__metadata__[0]) for f in dataclasses.fields(cls))  # type: ignore[arg-type]

    @classmethod
    @cache
    def packer(cls) -> struct.Struct:
        return struct.Struct("<" + "".join(c.code for _, c in cls.layout()))

    @classmethod
    def size(cls) -> int:
        return cls.packer().size

    def pack(self) -> bytes:
        out: list[Any] = []
        for name, c in self.layout():
            value = getattr(self, name)
            if c.count and c.type != "u8":
                assert len(value) == c.count, f"{type(self).__name__}.{name}"
                out += value
            else:
                out.append(value)
        return self.packer().pack(*out)

    @classmethod
    def unpack(cls, data: bytes | memoryview, offset: int = 0) -> Self:
        """The record at `offset`. Raises struct.error when `data` ends before the record does."""
        flat = cls.packer().unpack_from(data, offset)
        values: list[Any] = []
        at = 0
        for _, c in cls.layout():
            n = c.count if c.count and c.type != "u8" else 1
            values.append(flat[at : at + n] if n > 1 or (c.count and c.type != "u8") else flat[at])
            at += n
        return cls(*values)


SITES_MAGIC = 0x54495350  # "PSIT"
SITES_VERSION = 1
NO_SITE = 0xFFFFFFFF  # in the id index: this site can't be rebuilt on this ISA
NO_LOCATION = 0x7FFFFFFF  # location word: this ISA's code has the value as a constant, nothing to read or write
SLOT = 0x80000000  # location word: slot at CFA - (word & ~SLOT); else a DWARF register number


class SiteFlag(IntEnum):
    """Flags of a site."""

    UNUSABLE = 1  # unproved: a thread here can't move now; frame and saved registers hold nevertheless
    SETJMP = 2  # the call of __popcorn_setjmp
    NORETURN = 4  # control never comes back: what stands behind the call is not its continuation


class FunctionFlag(IntEnum):
    """Flags of a function with sites."""

    HAS_FRAME = 1  # value 0 of each of its sites, except setjmp sites, is the common frame pointer
    MEMORY_TIER = 2
    CALLS_SETJMP = 4


class RecipeKind(IntEnum):
    """How a machine value that is no IR value is remade."""

    CONST = 0  # imm
    VALUE = 1  # value[k] + imm
    TP = 2  # thread pointer + imm
    CFA = 3  # CFA + imm
    LOAD = 4  # from address imm, `width` bytes
    ZEXT = 5  # the low imm bytes of value[k], zero extended
    SEXT = 6  # the low imm bytes of value[k], sign extended


@dataclass(frozen=True)
class SitesHeader(Record):
    """Head of the site table. Offsets in bytes from the table's start, all multiples of 8 but string_off."""

    c_name = "popcorn_sites_header"
    magic: Annotated[int, C("u32", "POPCORN_SITES_MAGIC")]
    version: Annotated[int, C("u32", "POPCORN_SITES_VERSION")]
    nsites: Annotated[int, C("u32", "entries in ra[] and site[]")]
    nids: Annotated[int, C("u32", "global site ids of the program")]
    nfuncs: Annotated[int, C("u32", "entries in func[]")]
    ra_off: Annotated[int, C("u32", "u32 ra[nsites], ascending return addresses")]
    site_off: Annotated[int, C("u32", "struct popcorn_site[nsites], parallel to ra")]
    id_off: Annotated[int, C("u32", "u32 index[nids]: site id to index into site[], or POPCORN_NO_SITE")]
    func_off: Annotated[int, C("u32", "struct popcorn_func[nfuncs], ascending by start")]
    word_off: Annotated[int, C("u32", "u32 words[]: locations and saved-register words")]
    recipe_off: Annotated[int, C("u32", "struct popcorn_recipe[]")]
    string_off: Annotated[int, C("u32", "NUL-terminated names")]
    bytes: Annotated[int, C("u32", "size of the whole table")]


@dataclass(frozen=True)
class Site(Record):
    """One call address of a site on one ISA."""

    c_name = "popcorn_site"
    id: Annotated[int, C("u32", "global site id")]
    func: Annotated[int, C("u32", "index into func[]")]
    frame: Annotated[int, C("u32", "CFA - SP, SP being the value right after the call has returned")]
    values: Annotated[int, C("u32", "first location word")]
    saved: Annotated[int, C("u32", "first saved word: DWARF register << 24 | (CFA - save slot) / 8")]
    recipes: Annotated[int, C("u32", "first recipe")]
    nvalues: Annotated[int, C("u16", "")]
    nsaved: Annotated[int, C("u16", "")]
    nrecipes: Annotated[int, C("u16", "")]
    flags: Annotated[int, C("u16", "POPCORN_SITE_*")]


@dataclass(frozen=True)
class Func(Record):
    """A function with sites."""

    c_name = "popcorn_func"
    start: Annotated[int, C("u32", "first address")]
    bytes: Annotated[int, C("u32", "length of its code")]
    name: Annotated[int, C("u32", "offset from string_off")]
    flags: Annotated[int, C("u32", "POPCORN_FUNC_*")]


@dataclass(frozen=True)
class Recipe(Record):
    """Remakes one register or slot; a register is always written whole."""

    c_name = "popcorn_recipe"
    dest: Annotated[int, C("u32", "location word")]
    kind: Annotated[int, C("u8", "POPCORN_RECIPE_*")]
    width: Annotated[int, C("u8", "bytes written to the destination: 1, 2, 4, 8, 16")]
    value: Annotated[int, C("u16", "k")]
    imm: Annotated[int, C("s64", "")]


REQUEST_SIGNAL = 50  # guest number; qemu-user shifts real-time signals on the host side
REQUEST_MAGIC = 0x51455250  # "PREQ"
REQUEST_VERSION = 1
TEXT_MAX = 65536  # bytes of text behind a request or a reply


class Op(IntEnum):
    """What a request asks for."""

    CHECKPOINT = 1  # image into the file descriptor that comes along
    MIGRATE = 2  # exec the executable that comes along (descriptor), through the runner named in the text
    INFO = 3  # notes of an image, no memory, into the descriptor


class RequestFlag(IntEnum):
    """Flags of a request."""

    LEAVE_RUNNING = 1  # CHECKPOINT: the program goes on afterwards


class Status(IntEnum):
    """Outcome of a request."""

    DONE = 0
    REFUSED = 1  # the text says why; the program goes on unharmed


@dataclass(frozen=True)
class Request(Record):
    """popcorn to program; text follows. MIGRATE's text is runner NUL program NUL, runner "" when native."""

    c_name = "popcorn_request"
    magic: Annotated[int, C("u32", "POPCORN_REQUEST_MAGIC")]
    version: Annotated[int, C("u32", "POPCORN_REQUEST_VERSION")]
    op: Annotated[int, C("u32", "POPCORN_OP_*")]
    isa: Annotated[int, C("u32", "MIGRATE: ISA number to go to")]
    flags: Annotated[int, C("u32", "POPCORN_REQUEST_*")]
    text_bytes: Annotated[int, C("u32", "")]


@dataclass(frozen=True)
class Reply(Record):
    """Program to popcorn; text follows.

    After CHECKPOINT without LEAVE_RUNNING the program waits for one byte (the image is safe: end) or for the
    end of the connection (go on).
    """

    c_name = "popcorn_reply"
    magic: Annotated[int, C("u32", "POPCORN_REQUEST_MAGIC")]
    status: Annotated[int, C("u32", "POPCORN_STATUS_*")]
    isa: Annotated[int, C("u32", "ISA that answers")]
    text_bytes: Annotated[int, C("u32", "")]
    threads: Annotated[int, C("u32", "")]
    frames: Annotated[int, C("u32", "of all threads")]
    image_bytes: Annotated[int, C("u64", "")]
    stopped: Annotated[int, C("u64", "nanoseconds from the first thread's stop to this reply")]


IMAGE_VERSION = 2
NOTE_NAME = "POPCORN"
PAGE = 4096


class Note(IntEnum):
    """Types of the notes in an image; far from those that `readelf -n` has names for in a core file."""

    IMAGE = 0x50000001  # struct popcorn_image, first
    PROGRAM = 0x50000002  # path of the multi-ISA file
    CWD = 0x50000003
    RUNNER = 0x50000004  # struct popcorn_runner, path
    HANDLERS = 0x50000005  # struct popcorn_signal_action[64]
    MAPPING = 0x50000006  # struct popcorn_map, path
    THREAD = 0x50000007  # struct popcorn_thread_note, frames: u32 nframes, per frame u32 site, u32 nvalues, u64 value[]
    FILE = 0x50000008  # struct popcorn_file, path
    TIMER = 0x50000009  # struct popcorn_timer
    LIMIT = 0x5000000A  # struct popcorn_limit
    SEGMENT = 0x5000000B  # struct popcorn_segment, one per PT_LOAD, in their order
    SUM = 0x5000000C  # struct popcorn_sum, last


class ImageFlag(IntEnum):
    """Flags of an image."""

    MOVE = 1  # goes to the same process by exec: open files stay, no sums
    NOTES_ONLY = 2  # INFO: no memory


class FileKind(IntEnum):
    """What an open file is and how it follows."""

    REGULAR = 1  # reopened by path, at the offset
    DIRECTORY = 2
    DEVICE = 3  # character devices that have no state of their own (/dev/null, zero, full, random, urandom, tty)
    STANDARD = 4  # 0, 1 or 2: the restorer's own, unless regular
    KEPT = 5  # MOVE: stays open through exec, only FD_CLOEXEC is set again
    DUPLICATE = 6  # shares the open file of descriptor `same`
    STAYS = 7  # can't follow into an image; only where an image holds notes alone


class Rounding(IntEnum):
    """Rounding modes in common form."""

    NEAREST = 0
    DOWN = 1
    UP = 2
    ZERO = 3


class FpException(IntEnum):
    """Sticky floating-point exceptions in common form."""

    INVALID = 1
    DIVZERO = 2
    OVERFLOW = 4
    UNDERFLOW = 8
    INEXACT = 16


@dataclass(frozen=True)
class Image(Record):
    """What holds for the whole process."""

    c_name = "popcorn_image"
    version: Annotated[int, C("u32", "POPCORN_IMAGE_VERSION")]
    isa: Annotated[int, C("u32", "ISA it was taken on")]
    flags: Annotated[int, C("u32", "POPCORN_IMAGE_*")]
    nthreads: Annotated[int, C("u32", "THREAD notes")]
    build_id: Annotated[bytes, C("u8", "of the program", 20)]
    umask: Annotated[int, C("u32", "")]
    pid: Annotated[int, C("u32", "as the program knows it")]
    exe_fd: Annotated[int, C("s32", "MOVE: descriptor of the executable, to be closed; -1 none")]
    reply_fd: Annotated[int, C("s32", "MOVE: connection to popcorn to answer on, -1 none")]
    reserved: Annotated[int, C("u32", "")]
    data_start: Annotated[int, C("u64", "writable common memory of the program")]
    data_end: Annotated[int, C("u64", "")]
    brk_start: Annotated[int, C("u64", "")]
    brk_end: Annotated[int, C("u64", "")]
    rebuild_every: Annotated[int, C("u64", "configuration, see struct popcorn_config")]
    move_every: Annotated[int, C("u64", "")]
    seed: Annotated[int, C("u64", "")]
    realtime: Annotated[int, C("s64", "CLOCK_REALTIME when taken, nanoseconds")]
    monotonic: Annotated[int, C("s64", "CLOCK_MONOTONIC when taken, nanoseconds")]


@dataclass(frozen=True)
class Runner(Record):
    """Emulator for an ISA's programs; path follows ("" native)."""

    c_name = "popcorn_runner"
    isa: Annotated[int, C("u32", "")]


@dataclass(frozen=True)
class SignalAction(Record):
    """The program's action for a signal, common format."""

    c_name = "popcorn_signal_action"
    handler: Annotated[int, C("u64", "")]
    flags: Annotated[int, C("u64", "")]
    mask: Annotated[int, C("u64", "")]


@dataclass(frozen=True)
class Map(Record):
    """A mapping in the arena; the path of a shared file mapping follows."""

    c_name = "popcorn_map"
    start: Annotated[int, C("u64", "")]
    end: Annotated[int, C("u64", "")]
    offset: Annotated[int, C("u64", "")]
    prot: Annotated[int, C("u32", "as given to mmap, common format")]
    flags: Annotated[int, C("u32", "")]
    file: Annotated[int, C("u32", "1: shared file mapping, path follows")]
    reserved: Annotated[int, C("u32", "")]


@dataclass(frozen=True)
class ThreadNote(Record):
    """A stopped thread; its frames follow."""

    c_name = "popcorn_thread_note"
    tid: Annotated[int, C("u32", "as the program knows it")]
    rounding: Annotated[int, C("u32", "POPCORN_ROUNDING_*")]
    exceptions: Annotated[int, C("u32", "POPCORN_FP_EXCEPTION_* raised so far")]
    reserved: Annotated[int, C("u32", "")]
    tp: Annotated[int, C("u64", "thread pointer")]
    mask: Annotated[int, C("u64", "signal mask")]
    altstack: Annotated[tuple[int, ...], C("u64", "ss_sp, ss_flags, ss_size", 3)]
    clear_child_tid: Annotated[int, C("u64", "")]
    robust_list: Annotated[int, C("u64", "")]
    robust_len: Annotated[int, C("u64", "")]
    generation: Annotated[int, C("u64", "rebuilds so far")]
    points: Annotated[int, C("u64", "migration points passed through the runtime")]
    pending: Annotated[int, C("u64", "signals that wait for the mask to let them through, the process's included")]


@dataclass(frozen=True)
class File(Record):
    """An open file; its path follows."""

    c_name = "popcorn_file"
    fd: Annotated[int, C("u32", "")]
    kind: Annotated[int, C("u32", "POPCORN_FILE_*")]
    flags: Annotated[int, C("u32", "as F_GETFL gives them, common format")]
    fd_flags: Annotated[int, C("u32", "FD_CLOEXEC")]
    offset: Annotated[int, C("u64", "")]
    same: Annotated[int, C("u32", "DUPLICATE: descriptor it shares with")]
    mode: Annotated[int, C("u32", "st_mode")]
    length: Annotated[int, C("u64", "REGULAR: of the file then")]


@dataclass(frozen=True)
class Timer(Record):
    """A pending interval timer, microseconds."""

    c_name = "popcorn_timer"
    which: Annotated[int, C("u32", "ITIMER_REAL 0, VIRTUAL 1, PROF 2")]
    reserved: Annotated[int, C("u32", "")]
    interval: Annotated[int, C("u64", "")]
    value: Annotated[int, C("u64", "left until it goes off")]


@dataclass(frozen=True)
class Limit(Record):
    """A resource limit."""

    c_name = "popcorn_limit"
    resource: Annotated[int, C("u32", "RLIMIT_*, common format")]
    reserved: Annotated[int, C("u32", "")]
    soft: Annotated[int, C("u64", "")]
    hard: Annotated[int, C("u64", "")]


@dataclass(frozen=True)
class Segment(Record):
    """A PT_LOAD's check sum."""

    c_name = "popcorn_segment"
    start: Annotated[int, C("u64", "p_vaddr")]
    bytes: Annotated[int, C("u64", "p_filesz")]
    crc: Annotated[int, C("u32", "CRC-32 (zlib's)")]
    reserved: Annotated[int, C("u32", "")]


@dataclass(frozen=True)
class Sum(Record):
    """Check sum over the file from its start to this note's own header."""

    c_name = "popcorn_sum"
    crc: Annotated[int, C("u32", "CRC-32 (zlib's)")]


RECORDS: tuple[type[Record], ...] = (
    SitesHeader, Site, Func, Recipe, Request, Reply, Image, Runner, SignalAction, Map, ThreadNote, File, Timer, Limit,
    Segment, Sum,
)  # fmt: skip
ENUMS: tuple[tuple[str, type[IntEnum]], ...] = (
    ("SITE", SiteFlag), ("FUNC", FunctionFlag), ("RECIPE", RecipeKind), ("OP", Op), ("REQUEST", RequestFlag),
    ("STATUS", Status), ("NOTE", Note), ("IMAGE", ImageFlag), ("FILE", FileKind), ("ROUNDING", Rounding),
    ("FP_EXCEPTION", FpException),
)  # fmt: skip
CONSTANTS = (
    "SITES_MAGIC", "SITES_VERSION", "NO_SITE", "NO_LOCATION", "SLOT", "REQUEST_SIGNAL", "REQUEST_MAGIC",
    "REQUEST_VERSION", "TEXT_MAX", "IMAGE_VERSION", "NOTE_NAME", "PAGE",
)  # fmt: skip


def c_header() -> str:
    """The text of ``popcorn_schema.h``."""
    out = ["/* Generated from popcc/schema.py by `python -m popcc.schema`: change it there. */"]
    out += ["#ifndef POPCORN_SCHEMA_H", "#define POPCORN_SCHEMA_H", "", "#include <stdint.h>", ""]
    for name in CONSTANTS:
        value = globals()[name]
        text = f'"{value}"' if isinstance(value, str) else _number(value)
        out.append(f"#define POPCORN_{name} {text}")
    out += ["", "/* the ISAs: X(number, name, ELF machine) */", "#define POPCORN_ISAS(X) \\"]
    out += [f"\tX({isa.number}, {isa.name}, {isa.elf_machine}) \\" for isa in ISAS.values()]
    out[-1] = out[-1].removesuffix(" \\")
    for prefix, enum in ENUMS:
        out += ["", f"/* {enum.__doc__} */", "enum {"]
        out += [f"\tPOPCORN_{prefix}_{member.name} = {_number(member.value)}," for member in enum]
        out.append("};")
    for record in RECORDS:
        out += ["", *_comment(record.__doc__ or ""), f"struct {record.c_name} {{"]
        for name, c in record.layout():
            array = f"[{c.count}]" if c.count else ""
            out.append(f"\t{_C_TYPES[c.type]} {name}{array};" + (f" /* {c.doc} */" if c.doc else ""))
        out += ["};", f'_Static_assert(sizeof(struct {record.c_name}) == {record.size()}, "{record.c_name}");']
    return "\n".join([*out, "", "#endif", ""])


def _number(value: int) -> str:
    return f"{value:#x}u" if value > 65536 else str(value)


def _comment(doc: str) -> list[str]:
    lines = [line.strip() for line in doc.strip().splitlines()]
    lines = [line for line in lines if line]
    lines[0] = "/* " + lines[0]
    lines[1:] = [" * " + line for line in lines[1:]]
    lines[-1] += " */"
    return lines


def main() -> None:
    """Write the header; with ``--check`` only say whether it is stale."""
    if "--check" in sys.argv[1:]:
        sys.exit(0 if HEADER.read_text() == c_header() else f"{HEADER} is stale; run python -m popcc.schema")
    HEADER.write_text(c_header())


if __name__ == "__main__":
    main()
