"""Parts of the coherence protocol by themselves: what is a message, futexes, prefetch; and that it needs no libc."""

from __future__ import annotations

import re
import struct
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from dsm.library import ENGINE, PARTS, library
from hypothesis import given
from hypothesis import strategies as st

from popcc.frontend import clang, wheel
from popcc.isa import ISAS
from popcc.runtime.libc.runtime import FLAGS

PAGE = 4096
PAGES = 1000
HEADER = struct.Struct("<II BBBB I QQ QQ IIII")
NAMES = (
    "READ WRITE PREFETCH ACK DATA GRANT DENY INVALIDATE SHARE TAKE ENDED WAIT WAKE REQUEUE CANCEL RESULT MAIL "
    "HELLO HEARD"
)
KINDS = {name: number for number, name in enumerate(NAMES.split(), 1)}
TO_REMOTE = {"GRANT", "DENY", "INVALIDATE", "SHARE", "TAKE", "ENDED", "RESULT"}
BOTH = {"MAIL", "HELLO", "HEARD"}


@dataclass(frozen=True)
class Message:
    """struct popcorn_dsm_message, as a test fills it in."""

    kind: str
    page: int = 0
    magic: int = 0x4D534450
    size: int = HEADER.size
    version: int = 1
    access: int = 0
    reason: int = 0
    thread: int = 0
    target: int = 0
    ticket: int = 0
    value: int = 0
    count: int = 0
    limit: int = 0

    def pack(self) -> bytes:
        return HEADER.pack(
            self.magic, self.size, self.version, KINDS[self.kind], self.access, self.reason, self.thread, 0, 0,
            self.page, self.target, self.ticket, self.value, self.count, self.limit,
        )  # fmt: skip


def check(data: bytes, to_origin: bool = True) -> int:
    """What the validator says, of bytes behind which nothing can be read."""
    return int(library().c.bench_check(data, len(data), to_origin, PAGES))


def good(kind: str) -> Message:
    """A message of that kind that is as it should be."""
    access = 1 if kind == "GRANT" else 0
    size = HEADER.size + {"DATA": PAGE, "MAIL": 24}.get(kind, 0)
    return Message(kind, access=access, reason=1 if kind == "DENY" else 0, size=size)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_direction(kind: str) -> None:
    message = good(kind)
    data = message.pack() + bytes(message.size - HEADER.size)
    assert check(data, to_origin=True) == (-1 if kind in TO_REMOTE else len(data))
    assert check(data, to_origin=False) == (len(data) if kind in TO_REMOTE | BOTH else -1)


def test_a_header_as_the_engine_makes_it() -> None:
    made = library().ffi.new("char[64]")
    library().c.bench_message(made, KINDS["READ"], 77)
    assert bytes(library().ffi.buffer(made)) == Message("READ", 77).pack()


@pytest.mark.parametrize("kind", ["DATA", "GRANT"])
def test_a_message_that_has_not_come_whole_is_waited_for(kind: str) -> None:
    data = replace(good(kind), size=HEADER.size + PAGE).pack() + bytes(PAGE)
    to_origin = kind == "DATA"
    for n in (0, 1, HEADER.size - 1, HEADER.size, len(data) - 1):
        assert check(data[:n], to_origin) == 0
    assert check(data + b"next", to_origin) == len(data)


@pytest.mark.parametrize(
    "wrong",
    [
        Message("READ", magic=0x4D534451),
        Message("READ", version=2),
        Message("READ", PAGES),
        Message("READ", 2**64 - 1),
        Message("READ", size=HEADER.size + PAGE),
        Message("READ", size=HEADER.size - 1),
        Message("DATA", size=HEADER.size + PAGE - 1),
        Message("MAIL"),
        Message("MAIL", size=HEADER.size + PAGE + 1),
        Message("READ", size=2**32 - 1),
        Message("READ", access=1),
        Message("DATA", size=HEADER.size),
        Message("WAIT", 2),
        Message("WAIT", PAGES * PAGE),
        Message("REQUEUE", target=1),
        Message("REQUEUE", target=PAGES * PAGE),
        Message("REQUEUE", access=2),
        Message("HELLO", 16),
    ],
    ids=str,
)
def test_what_no_node_sends_is_refused(wrong: Message) -> None:
    assert check(wrong.pack() + bytes(PAGE)) == -1


@pytest.mark.parametrize(
    "wrong", [Message("GRANT"), Message("GRANT", access=3), Message("DENY"), Message("DENY", reason=4)]
)
def test_an_answer_says_what_it_grants_or_why_not(wrong: Message) -> None:
    assert check(wrong.pack(), to_origin=False) == -1


@given(st.binary(max_size=200), st.booleans())
def test_noise_is_no_message(data: bytes, to_origin: bool) -> None:
    assert check(data, to_origin) == (0 if len(data) < 4 else -1)


def test_another_protocol_is_refused_at_its_first_bytes() -> None:
    assert check(b"GET / HTTP/1.1\r\n\r\n") == -1


@given(st.binary(min_size=HEADER.size, max_size=HEADER.size), st.sampled_from(sorted(KINDS)), st.booleans())
def test_a_length_that_is_accepted_is_one_of_two(data: bytes, kind: str, to_origin: bool) -> None:
    """Whatever else is in it."""
    header = Message(kind).pack()
    assert check(header[:10] + data[10:] + bytes(PAGE), to_origin) in (-1, HEADER.size)


class Futexes:
    """The origin's queue of sleepers, all of whose words are one."""

    def __init__(self, word: int, readable: bool = True) -> None:
        self.library = library()
        self.library.c.bench_futex_begin(word, readable)
        self.seen = 0

    def call(self, node: int, kind: str, **fields: int) -> None:
        message = Message(kind, **{"limit": 2**32 - 1} | fields)
        assert not self.library.c.bench_futex_deliver(node, message.pack())

    def results(self) -> list[tuple[int, int, int]]:
        """(node, thread, value) of the calls that returned since this was asked."""
        out = []
        node, thread, value = (self.library.ffi.new(t) for t in ("unsigned *", "uint32_t *", "int32_t *"))
        while self.library.c.bench_futex_result(self.seen, node, thread, value):
            out.append((int(node[0]), int(thread[0]), int(value[0])))
            self.seen += 1
        return out


def test_a_futex_wakes_in_order_and_only_its_own() -> None:
    futexes = Futexes(word=7)
    for thread, page in [(1, 64), (2, 64), (3, 128), (4, 64)]:
        futexes.call(thread % 3, "WAIT", page=page, value=7, thread=thread)
    assert futexes.results() == []
    futexes.call(0, "WAKE", page=64, count=2, thread=9)
    assert futexes.results() == [(1, 1, 0), (2, 2, 0), (0, 9, 2)]
    futexes.call(0, "WAKE", page=64, count=2, thread=9)
    assert futexes.results() == [(1, 4, 0), (0, 9, 1)]


def test_bits_choose_who_is_woken() -> None:
    futexes = Futexes(word=0)
    futexes.call(1, "WAIT", page=0, thread=1, limit=1)
    futexes.call(1, "WAIT", page=0, thread=2, limit=2)
    futexes.call(0, "WAKE", page=0, count=9, thread=3, limit=2)
    assert futexes.results() == [(1, 2, 0), (0, 3, 1)]


def test_another_value_is_said_at_once() -> None:
    futexes = Futexes(word=7)
    futexes.call(2, "WAIT", page=0, value=8, thread=1)
    assert futexes.results() == [(2, 1, -11)]


def test_a_word_outside_of_all_mappings() -> None:
    futexes = Futexes(word=7, readable=False)
    futexes.library.c.bench_futex_begin(7, -1)
    futexes.call(2, "WAIT", page=0, value=7, thread=1)
    assert futexes.results() == [(2, 1, -14)]


def test_a_call_begins_when_its_word_can_be_read() -> None:
    """A wake before that is for others; then the word decides."""
    futexes = Futexes(word=7, readable=False)
    futexes.call(1, "WAIT", page=PAGE, value=7, thread=1)
    futexes.call(2, "WAIT", page=PAGE, value=8, thread=2)
    futexes.call(0, "WAKE", page=PAGE, count=9, thread=3)
    assert futexes.results() == [(0, 3, 0)]
    futexes.library.c.bench_futex_opened(0, 7)
    assert futexes.results() == []
    futexes.library.c.bench_futex_opened(1, 8)
    assert futexes.results() == [(1, 1, -11)]
    futexes.call(0, "WAKE", page=PAGE, count=9, thread=3)
    assert futexes.results() == [(2, 2, 0), (0, 3, 1)]


def test_requeue_wakes_some_and_moves_some() -> None:
    futexes = Futexes(word=7)
    for thread in (1, 2, 3, 4):
        futexes.call(thread, "WAIT", page=0, value=7, thread=thread)
    futexes.call(0, "REQUEUE", page=0, target=64, count=1, limit=2, thread=9)
    assert futexes.results() == [(1, 1, 0), (0, 9, 3)]
    futexes.call(0, "WAKE", page=0, count=9, thread=9)
    futexes.call(0, "WAKE", page=64, count=9, thread=9)
    assert futexes.results() == [(4, 4, 0), (0, 9, 1), (2, 2, 0), (3, 3, 0), (0, 9, 2)]


def test_requeue_compares_if_asked_to() -> None:
    futexes = Futexes(word=7)
    futexes.call(1, "WAIT", page=0, value=7, thread=1)
    futexes.call(0, "REQUEUE", page=0, target=0, count=1, access=1, value=6, thread=9)
    assert futexes.results() == [(0, 9, -11)]
    futexes.call(0, "REQUEUE", page=0, target=0, count=1, access=1, value=7, thread=9)
    assert futexes.results() == [(1, 1, 0), (0, 9, 1)]


def test_a_wait_ends_once() -> None:
    """By a wake or by its time; a cancellation of an earlier call finds nothing."""
    futexes = Futexes(word=7)
    futexes.call(1, "WAIT", page=0, value=7, thread=1, ticket=1)
    futexes.call(1, "WAIT", page=0, value=7, thread=2, ticket=1)
    futexes.call(1, "CANCEL", thread=1, ticket=1, value=2**32 - 110)
    futexes.call(1, "CANCEL", thread=1, ticket=1, value=2**32 - 110)
    assert futexes.results() == [(1, 1, -110)]
    futexes.call(0, "WAKE", page=0, count=9, thread=9)
    assert futexes.results() == [(1, 2, 0), (0, 9, 1)]
    futexes.call(1, "WAIT", page=0, value=7, thread=2, ticket=2)
    futexes.call(1, "CANCEL", thread=2, ticket=1, value=2**32 - 110)
    assert futexes.results() == []


def test_a_lost_node_sleeps_no_more() -> None:
    """Its threads take no wake away from others, and nobody is told of them."""
    futexes = Futexes(word=7)
    futexes.call(1, "WAIT", page=0, value=7, thread=1)
    futexes.call(2, "WAIT", page=0, value=7, thread=2)
    futexes.library.c.bench_futex_lost(1)
    futexes.call(0, "WAKE", page=0, count=1, thread=9)
    assert futexes.results() == [(2, 2, 0), (0, 9, 1)]


def test_more_sleepers_than_threads_are_refused() -> None:
    futexes = Futexes(word=7)
    for thread in range(9):
        futexes.call(1, "WAIT", page=0, value=7, thread=thread)
    assert futexes.results() == [(1, 8, -12)]


def ahead(*pages: int) -> list[int]:
    ffi = library().ffi
    out = ffi.new("unsigned[]", len(pages))
    library().c.bench_ahead(ffi.new("uint64_t[]", pages), len(pages), out)
    return [int(n) for n in out]


def test_prefetch_follows_whoever_reads_forward() -> None:
    """The next fault is expected behind what was asked for; twice as much each time, up to a bound."""
    assert ahead(10, 11, 13, 16, 21, 30) == [0, 1, 2, 4, 8, 8]
    assert ahead(10, 12, 14, 16) == [0, 0, 0, 0]
    assert ahead(12, 11, 10) == [0, 0, 0]


def test_prefetch_follows_several_at_once() -> None:
    assert ahead(10, 100, 200, 11, 101, 201, 13, 103, 203) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@dataclass(frozen=True)
class Entry:
    """Of the directory; the newest writer is the lowest digit of `recent`."""

    state: int
    owner: int
    sharers: int
    bounces: int
    recent: int


EXCLUSIVE, HOME, GONE = range(3)
CHUNK = 512


class Wide:
    """A directory of a few chunks of pages; its remotes answer at once."""

    def __init__(self) -> None:
        self.library = library()
        self.pages = int(self.library.c.wide_begin())

    def write(self, node: int, *pages: int) -> None:
        for page in pages:
            self.library.c.wide_ask(node, page, 1)

    def read(self, node: int, *pages: int) -> None:
        for page in pages:
            self.library.c.wide_ask(node, page, 0)

    def lose(self, node: int) -> list[int]:
        room = self.library.ffi.new("uint64_t[]", self.pages)
        return [int(page) for page in room[0 : self.library.c.wide_lose(node, room)]]

    def entry(self, page: int) -> Entry:
        room = self.library.ffi.new("unsigned[5]")
        self.library.c.wide_entry(page, room)
        return Entry(*(int(n) for n in room))


def test_a_recall_takes_many_pages_a_few_at_a_time() -> None:
    """From chunks of the directory that were touched; what lies beside stays where it is."""
    wide = Wide()
    here = [2, 3, CHUNK - 1, CHUNK, *range(3 * CHUNK + 100, 3 * CHUNK + 200), wide.pages - 2]
    wide.write(1, 0, 1, *here, wide.pages - 1)
    assert wide.library.c.wide_recall(2, wide.pages - 3, True) == 32
    assert {wide.entry(page).state for page in here} == {HOME}
    assert {wide.entry(page).state for page in (0, 1, wide.pages - 1)} == {EXCLUSIVE}
    assert wide.library.c.wide_recall(0, wide.pages, False) == 3
    assert wide.entry(0) == Entry(EXCLUSIVE, owner=0, sharers=0, bounces=0, recent=1)


def test_what_is_gone_with_a_node_is_told() -> None:
    """All that it alone had, and nothing else."""
    wide = Wide()
    wide.write(1, 5, CHUNK, 4 * CHUNK + 1, wide.pages - 1)
    wide.write(2, 6)
    wide.read(2, CHUNK)
    assert wide.lose(1) == [5, 4 * CHUNK + 1, wide.pages - 1]
    assert wide.entry(CHUNK) == Entry(HOME, owner=1, sharers=1 << 2, bounces=0, recent=1)
    assert wide.entry(5).state == GONE
    assert wide.library.c.wide_recall(5, 1, False) == 0
    assert wide.entry(5).state == EXCLUSIVE


def test_the_writers_of_a_page_are_counted() -> None:
    """Every node but the first took it from another; the last four are known."""
    wide = Wide()
    wide.write(1, 9)
    for node in (2, 3, 4, 2, 15):
        wide.write(node, 9)
    assert wide.entry(9) == Entry(EXCLUSIVE, owner=15, sharers=0, bounces=5, recent=0x342F)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("part", PARTS)
def test_the_engine_is_fit_for_the_runtime(part: str, isa: str, tmp_path: Path) -> None:
    """It compiles as libpopcorn's files do, and calls the runtime alone: no memcpy, which would be the program's."""
    output = tmp_path / "part.o"
    target = (f"--target={ISAS[isa].triple}", *ISAS[isa].clang_flags)
    include = ("-isystem", str(wheel() / "lib/include"), f"-I{ENGINE}")
    subprocess.run([*clang(), *target, *FLAGS, *include, "-c", ENGINE / part, "-o", output], check=True)
    symbols = subprocess.run(["nm", "-u", output], check=True, capture_output=True, text=True).stdout
    names = set(re.findall(r"\bU (\w+)", symbols))
    assert not {n for n in names if not n.startswith("popcorn_")}
