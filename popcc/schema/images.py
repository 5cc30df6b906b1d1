"""The notes of an image: a stopped process as an ELF core file.

    ELF header | program headers | notes | page-aligned memory, one PT_LOAD per run of pages

PT_NOTE comes first. The last note is a `Sum` over everything in front of it, so that a damaged image is known before
anything is mapped; each PT_LOAD has a `Segment` note with its own CRC.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from popcc.schema.record import C, Record

IMAGE_VERSION = 3
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
    POSIX_TIMER = 0x5000000D  # struct popcorn_posix_timer


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


class Image(Record, frozen=True):
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


class Runner(Record, frozen=True):
    """Emulator for an ISA's programs; path follows ("" native)."""

    c_name = "popcorn_runner"
    isa: Annotated[int, C("u32", "")]


class SignalAction(Record, frozen=True):
    """The program's action for a signal, common format."""

    c_name = "popcorn_signal_action"
    handler: Annotated[int, C("u64", "")]
    flags: Annotated[int, C("u64", "")]
    mask: Annotated[int, C("u64", "")]


class Map(Record, frozen=True):
    """A mapping in the arena; the path of a shared file mapping follows."""

    c_name = "popcorn_map"
    start: Annotated[int, C("u64", "")]
    end: Annotated[int, C("u64", "")]
    offset: Annotated[int, C("u64", "")]
    prot: Annotated[int, C("u32", "as given to mmap, common format")]
    flags: Annotated[int, C("u32", "")]
    file: Annotated[int, C("u32", "1: shared file mapping, path follows")]
    reserved: Annotated[int, C("u32", "")]


class ThreadNote(Record, frozen=True):
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
    name: Annotated[bytes, C("u8", "PR_GET_NAME", 16)]


class File(Record, frozen=True):
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


class Timer(Record, frozen=True):
    """A pending interval timer, microseconds."""

    c_name = "popcorn_timer"
    which: Annotated[int, C("u32", "ITIMER_REAL 0, VIRTUAL 1, PROF 2")]
    reserved: Annotated[int, C("u32", "")]
    interval: Annotated[int, C("u64", "")]
    value: Annotated[int, C("u64", "left until it goes off")]


class PosixTimer(Record, frozen=True):
    """A timer made by timer_create. Times are nanoseconds of its clock."""

    c_name = "popcorn_posix_timer"
    id: Annotated[int, C("u32", "as the program knows it")]
    clock: Annotated[int, C("s32", "")]
    signo: Annotated[int, C("u32", "")]
    notify: Annotated[int, C("u32", "SIGEV_*")]
    value: Annotated[int, C("u64", "sigev_value")]
    tid: Annotated[int, C("u32", "thread that gets the signal, 0 any")]
    owner: Annotated[int, C("u32", "thread whose processor time it counts, 0 none")]
    at: Annotated[int, C("s64", "first time it goes off that the program has not noticed, past or future; 0 not armed")]
    now: Annotated[int, C("s64", "when that was asked")]
    interval: Annotated[int, C("u64", "")]
    absolute: Annotated[int, C("u32", "1: armed by TIMER_ABSTIME")]
    overrun: Annotated[int, C("u32", "as timer_getoverrun has it")]


class Limit(Record, frozen=True):
    """A resource limit."""

    c_name = "popcorn_limit"
    resource: Annotated[int, C("u32", "RLIMIT_*, common format")]
    reserved: Annotated[int, C("u32", "")]
    soft: Annotated[int, C("u64", "")]
    hard: Annotated[int, C("u64", "")]


class Segment(Record, frozen=True):
    """A PT_LOAD's check sum."""

    c_name = "popcorn_segment"
    start: Annotated[int, C("u64", "p_vaddr")]
    bytes: Annotated[int, C("u64", "p_filesz")]
    crc: Annotated[int, C("u32", "CRC-32 (zlib's)")]
    reserved: Annotated[int, C("u32", "")]


class Sum(Record, frozen=True):
    """Check sum over the file from its start to this note's own header."""

    c_name = "popcorn_sum"
    crc: Annotated[int, C("u32", "CRC-32 (zlib's)")]
