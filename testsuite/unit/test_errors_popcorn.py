"""What popcorn says of images that contradict themselves and of programs that answer oddly.

The sums of such an image are right: it was made so, not altered on its way.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from popcc.errors import PopccError
from popcc.runtime.popcorn import actions, output, processes, request
from popcc.runtime.popcorn.image import read_image
from popcc.runtime.popcorn.launch import Launch
from popcc.runtime.popcorn.processes import Process
from popcc.schema.images import Image, ImageFlag, Note
from popcc.schema.requests import REQUEST_MAGIC, TEXT_MAX, Op, Reply, Status

from state_fixtures import build_hand, start_hand  # isort: skip

NAME = b"POPCORN\0"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("image")
    with start_hand(directory, LIMIT=10**12) as process:
        actions.checkpoint(process.pid, directory / "image", leave_running=False)
    return directory / "image"


def notes_of(data: bytes) -> tuple[int, list[tuple[int, bytes]]]:
    """Where they begin, and each's type and contents."""
    begin, _, _, size = struct.unpack_from("<QQQQ", data, 64 + 8)
    at, found = begin, []
    while at < begin + size:
        _, n, kind = struct.unpack_from("<III", data, at)
        found.append((kind, data[at + 20 : at + 20 + n]))
        at += 20 + (n + 3 & ~3)
    return begin, found


def with_notes(data: bytes, notes: list[tuple[int, bytes]], sum_too: bool = True) -> bytes:
    """An image of these notes, no longer than those before, and a sum that is right."""
    begin, _ = notes_of(data)
    out = bytearray(data[:begin])
    size = sum(20 + (len(b) + 3 & ~3) for _, b in notes)
    size += 24 if sum_too else 0
    struct.pack_into("<Q", out, 64 + 32, size)
    for kind, body in notes:
        out += struct.pack("<III", len(NAME), len(body), kind) + NAME + body + bytes(-len(body) % 4)
    if sum_too:
        out += struct.pack("<III", len(NAME), 4, Note.SUM) + NAME + struct.pack("<I", zlib.crc32(out))
    return bytes(out) + data[len(out) :]


Notes = list[tuple[int, bytes]]


def threads(change: Callable[[bytes], bytes]) -> Callable[[Notes], Notes]:
    return lambda notes: [(k, change(b) if k == Note.THREAD else b) for k, b in notes]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ns: [(k, struct.pack("<I", 99) + b[4:] if k == Note.IMAGE else b) for k, b in ns],
         "has image format 99, this popcorn reads "),
        (lambda ns: ns[1:], "not an image made by popcorn"),
        (lambda ns: [n for n in ns if n[0] != Note.THREAD], "the image is damaged (0 threads instead of 1)"),
        (lambda ns: [n for n in ns if n[0] != Note.SEGMENT], "the image is damaged (segments without sums)"),
        (lambda ns: [*ns[:1], (Note.SUM, bytes(4)), *ns[1:]], "the image is damaged (no sum)"),
        (threads(lambda b: b[:-8]), "the image is damaged (frames cut off)"),
        (threads(lambda b: b + bytes(8)), "the image is damaged (frames of an odd size)"),
        (threads(lambda b: b[:20]), "the image is damaged (popcorn_thread_note cut off)"),
    ],
)  # fmt: skip
def test_images(change: Callable[[Notes], Notes], message: str, image: Path, tmp_path: Path) -> None:
    data = image.read_bytes()
    notes = [n for n in notes_of(data)[1] if n[0] != Note.SUM]
    (tmp_path / "same").write_bytes(with_notes(data, notes))
    assert read_image(tmp_path / "same").threads
    (tmp_path / "bad").write_bytes(with_notes(data, change(notes)))
    with pytest.raises(PopccError, match=f"^{tmp_path}/bad: {re.escape(message)}"):
        read_image(tmp_path / "bad")


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (64 + 56, struct.pack("<I", 9), r"the image is damaged \(segment 1\)"),
        (64 + 32, struct.pack("<Q", 9), r"the image is damaged \(notes cut off\)"),
        (64 + 32, struct.pack("<Q", 24), r"the image is damaged \(notes cut off\)"),
        (64 + 32, struct.pack("<Q", 1 << 40), r"the image is damaged \(cut off\)"),
        (56, struct.pack("<H", 0), "not an image made by popcorn"),
        (70, b"\xff", r"the image is damaged \(sum of its notes\)"),
    ],
)
def test_headers(at: int, value: bytes, message: str, image: Path, tmp_path: Path) -> None:
    data = bytearray(image.read_bytes())
    data[at : at + len(value)] = value
    (tmp_path / "bad").write_bytes(data)
    with pytest.raises(PopccError, match=f"^{tmp_path}/bad: {message}$"):
        read_image(tmp_path / "bad")


def test_an_image_without_memory(image: Path, tmp_path: Path) -> None:
    data = image.read_bytes()
    notes = [n for n in notes_of(data)[1] if n[0] != Note.SUM]
    head = Image.unpack(notes[0][1])
    head = replace(head, flags=head.flags | ImageFlag.NOTES_ONLY)
    (tmp_path / "notes").write_bytes(with_notes(data, [(Note.IMAGE, head.pack()), *notes[1:]]))
    with pytest.raises(PopccError, match=f"^{tmp_path}/notes: holds no memory; it was made for inspection only$"):
        actions.restore(tmp_path / "notes", None, None)


def test_an_image_whose_program_is_gone(image: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    message = f"{image} needs its program: cannot read '{nowhere}': No such file or directory; give its place with"
    with pytest.raises(PopccError, match=f"^{re.escape(message)} --program$"):
        actions.restore(image, None, nowhere)
    with pytest.raises(PopccError, match=f"^cannot read '{nowhere}': No such file or directory$"):
        actions.restore(nowhere, None, None)


@pytest.fixture
def conversation() -> Iterator[tuple[request.Conversation, socket.socket]]:
    """One with this process itself, whose end plays the program."""
    talk = request.Conversation(Process(os.getpid(), "x86_64", False, os.getuid(), None, "self"))
    here, there = socket.socketpair()
    talk._accept = lambda: here  # type: ignore[method-assign]
    with talk, there:
        yield talk, there


def reply(**changes: int) -> bytes:
    values = {
        "magic": REQUEST_MAGIC, "version": 1, "status": Status.DONE, "isa": 1, "threads": 1, "frames": 1,
        "text_bytes": 0, "pad": 0, "image_bytes": 0, "stopped": 0,
    }  # fmt: skip
    return Reply(**{k: v for k, v in {**values, **changes}.items() if k in Reply.__struct_fields__}).pack()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (b"junk" * 30, "process {} answered in another protocol; is popcorn older than the program?"),
        (reply(text_bytes=TEXT_MAX + 1), "process {} answered in another protocol; is popcorn older than the program?"),
        (b"", "process {} closed the connection without an answer"),
        (reply(text_bytes=9), "process {} closed the connection without an answer"),
        (reply(status=Status.REFUSED), "process {}: refused"),
    ],
)
def test_odd_answers(
    words: bytes, message: str, conversation: tuple[request.Conversation, socket.socket], tmp_path: Path
) -> None:
    talk, there = conversation

    def answer() -> None:
        socket.recv_fds(there, 4096, 1)
        there.sendall(words)
        there.shutdown(socket.SHUT_RDWR)

    program = threading.Thread(target=answer)
    program.start()
    with (tmp_path / "x").open("wb") as f, pytest.raises(PopccError) as caught:
        talk.ask(Op.INFO, descriptor=f.fileno())
    program.join()
    assert str(caught.value) == message.format(os.getpid())


def test_a_lost_connection(conversation: tuple[request.Conversation, socket.socket], tmp_path: Path) -> None:
    talk, there = conversation
    there.close()
    with (tmp_path / "x").open("wb") as f, pytest.raises(PopccError) as caught:
        talk.ask(Op.INFO, descriptor=f.fileno())
    assert str(caught.value) == f"lost the connection to process {os.getpid()}: Broken pipe"


def test_no_answer(
    conversation: tuple[request.Conversation, socket.socket], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "ANSWER_SECONDS", 0.1)
    with (tmp_path / "x").open("wb") as f, pytest.raises(PopccError, match=r"did not answer within 0 s$"):
        conversation[0].ask(Op.INFO, descriptor=f.fileno())


def test_an_answer_from_the_wrong_isa(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(actions, "runner_for", lambda isa: "")
    monkeypatch.setattr(
        request.Conversation, "ask", lambda *_, **__: request.Answer(1, 1, 1, 0, 0.0, 0.0)
    )  # fmt: skip
    with start_hand(tmp_path, LIMIT=10**12) as process:
        message = f"process {process.pid} answered from x86_64 instead of aarch64; please report this"
        with pytest.raises(PopccError, match=f"^{message}$"):
            actions.migrate(process.pid, "aarch64", build_hand().path)
        with pytest.raises(PopccError, match=f"^process {process.pid} runs on x86_64 already$"):
            actions.migrate(process.pid, "x86_64", build_hand().path)


def test_processes_that_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "CONNECT_SECONDS", 0.2)
    me = Process(os.getpid(), "aarch64", True, os.getuid(), None, "self")
    for process in (me, replace(me, emulated=False)):  # a signal would end this process
        message = rf"^process {me.pid} does not listen for requests; is it still being started\?$"
        with request.Conversation(process) as talk, pytest.raises(PopccError, match=message):
            talk.ask(Op.INFO, descriptor=0)
    with pytest.raises(
        PopccError, match=f"^the program file of process {me.pid} is not known; give it with --program$"
    ):
        processes.program_of(me)
    for error, message in (
        (PermissionError(13, "Permission denied"), f"the kernel does not let process {me.pid} be examined"),
        (OSError(5, "Input/output error"), f"cannot examine process {me.pid}: Input/output error"),
        (ProcessLookupError(3, "No such process"), f"no process {me.pid}"),
    ):

        def failing(*_: object, error: OSError = error) -> None:
            raise error

        monkeypatch.setattr(processes, "_examine", failing)
        with pytest.raises(PopccError, match=f"^{message}$"):
            processes.find_process(me.pid)


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(PopccError, match=f"^cannot start '{tmp_path}': Permission denied$"):
        Launch(str(tmp_path), ("x",), {}).exec()
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN  # as Python has it: what writes the message needs it


def test_a_signal_on_the_way_to_the_program_is_not_lost() -> None:
    """An exec would drop one that Python has noted and not handled yet."""
    script = (
        "import os, signal; from popcc.interrupts import Interrupts; from popcc.runtime.popcorn.launch import Launch;"
        "Interrupts(); os.execve = lambda *_: os.kill(os.getpid(), signal.SIGINT); Launch('x', ('x',), {}).exec()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")  # by the default action, not by a handler of Python's


def test_standard_output_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(PopccError, match=r"^standard output is closed$"):
        output.print_text("x")
