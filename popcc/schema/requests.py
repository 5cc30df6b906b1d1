"""Requests of popcorn to running programs, and their replies."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from popcc.schema.record import C, Record

REQUEST_SIGNAL = 50  # guest number; qemu-user shifts real-time signals on the host side
REQUEST_MAGIC = 0x51455250  # "PREQ"
REQUEST_VERSION = 3
TEXT_MAX = 65536  # bytes of text behind a request or a reply


class Op(IntEnum):
    """What a request asks for."""

    CHECKPOINT = 1  # image into the file descriptor that comes along
    MIGRATE = 2  # exec the executable that comes along (descriptor), through the runner named in the text
    INFO = 3  # notes of an image, no memory, into the descriptor
    THREAD = 4  # one thread goes on at another node of the machine; nothing comes along
    STATUS = 5  # lines of text: the process's nodes, threads and pages


class RequestFlag(IntEnum):
    """Flags of a request."""

    LEAVE_RUNNING = 1  # CHECKPOINT: the program goes on afterwards


class Status(IntEnum):
    """Outcome of a request."""

    DONE = 0
    REFUSED = 1  # the text says why; the program goes on unharmed


class Request(Record, frozen=True):
    """popcorn to program; text follows.

    MIGRATE's text is runner NUL program NUL, runner "" when native, and socket NUL if it is to be at another node then.
    """

    c_name = "popcorn_request"
    magic: Annotated[int, C("u32", "POPCORN_REQUEST_MAGIC")]
    version: Annotated[int, C("u32", "POPCORN_REQUEST_VERSION")]
    op: Annotated[int, C("u32", "POPCORN_OP_*")]
    isa: Annotated[int, C("u32", "MIGRATE: ISA number to go to")]
    flags: Annotated[int, C("u32", "POPCORN_REQUEST_*")]
    thread: Annotated[int, C("u32", "THREAD: as the program numbers it; 0: all of them")]
    node: Annotated[int, C("u32", "THREAD: where to, as the machine counts")]
    text_bytes: Annotated[int, C("u32", "")]


class Reply(Record, frozen=True):
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
