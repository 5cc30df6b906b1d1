"""Images: what the runtime writes is what popcorn reads; what is cut off or altered is refused, never believed."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from popcc.errors import PopccError
from popcc.isa import ISAS
from popcc.runtime.popcorn import actions, show
from popcc.runtime.popcorn.image import ImageFile, read_image
from popcc.schema.images import PAGE, FileKind

from state_fixtures import build_hand, start_hand  # isort: skip


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An image of the hand-written program, three frames deep, standard output in a file."""
    directory = tmp_path_factory.mktemp("image")
    with start_hand(directory, LIMIT=10**12) as process:
        actions.checkpoint(process.pid, directory / "image", leave_running=False)
        assert process.wait(10) == -9
    yield directory / "image"


def test_frames_and_tables(image: Path) -> None:
    read = read_image(image)
    (thread,) = read.threads
    assert [f.site for f in thread.frames] == [3, 2, 1]
    assert [f.values for f in thread.frames] == [(), (0x3333,), (0x1000100000, 0x1111, 0x2222)]
    assert read.isa == "x86_64"
    assert read.build_id == build_hand().info.build_id
    assert read.cwd == str(image.parent)
    assert [(m.start, m.end) for m, _ in read.mappings] == [(0x1000000000, 0x1000100000)]
    kinds = {f.fd: (FileKind(f.kind), path) for f, path in read.files}
    assert kinds[1] == (FileKind.REGULAR, str(image.parent / "out"))
    assert kinds[2][0] is FileKind.DUPLICATE


def test_memory_is_there_and_zero_pages_are_not(image: Path) -> None:
    read = read_image(image)
    assert read.read(0x1000080000, 8) == (0x5A5A).to_bytes(8, "little")
    assert read.read(0x1000000000, 8) is None
    assert sum(m.bytes for m in read.memory) <= 4 * PAGE


def test_readelf_finds_nothing_to_complain_about(image: Path) -> None:
    result = subprocess.run(["readelf", "-lnW", image], capture_output=True, text=True, check=True)
    assert not result.stderr
    assert len(re.findall("POPCORN", result.stdout)) > 10


def test_shown_as_text_and_json(image: Path) -> None:
    read = read_image(image)
    text = "\n".join(show.image_lines(read, None))
    assert "site 3" in text
    assert "0x3333" in text
    assert show.image_json(read, None)["threads"][0]["frames"][1]["values"] == [{"value": "0x3333"}]


def test_notes_are_private(image: Path) -> None:
    assert image.stat().st_mode & 0o777 == 0o600


@given(cut=st.floats(0, 1, exclude_max=True))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cut_off(image: Path, tmp_path: Path, cut: float) -> None:
    data = image.read_bytes()
    (tmp_path / "cut").write_bytes(data[: int(len(data) * cut)])
    with pytest.raises(PopccError, match=r"damaged|not an image"):
        read_image(tmp_path / "cut")


@given(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_altered(image: Path, tmp_path: Path, where: float, flip: int) -> None:
    """Any altered byte is noticed, but those of the padding between notes and memory."""
    data = bytearray(image.read_bytes())
    at = int(len(data) * where)
    data[at] ^= flip
    (tmp_path / "altered").write_bytes(data)
    try:
        read = read_image(tmp_path / "altered")
    except PopccError as e:
        assert re.search("damaged|not an image|format", str(e))
        return
    assert _in_padding(read, at)


def _in_padding(read: ImageFile, at: int) -> bool:
    first = min(m.offset for m in read.memory)
    return first - PAGE < at < first


@pytest.mark.parametrize("isa", ISAS)
def test_the_runtime_refuses_an_altered_image_itself(image: Path, tmp_path: Path, isa: str) -> None:
    """popcorn checks before it starts the program; the program trusts nobody."""
    hand = build_hand()
    data = bytearray(image.read_bytes())
    data[-100] ^= 1
    for text, contents in (
        ("damaged", bytes(data)),
        ("cut off", image.read_bytes()[:5000]),
        ("not an image|cut off", b"\x7fELF" + bytes(200)),
    ):
        (tmp_path / "bad").write_bytes(contents)
        with (tmp_path / "bad").open("rb") as f:
            result = subprocess.run(
                [*hand.runner(isa), hand.executable(isa)],
                env={"POPCORN_RESTORE": str(f.fileno())}, pass_fds=[f.fileno()], capture_output=True, text=True,
                timeout=60, check=False,
            )  # fmt: skip
        assert result.returncode == 125
        assert re.search(text, result.stderr), result.stderr


@pytest.mark.parametrize("isa", ISAS)
def test_restored_on_any_isa(image: Path, tmp_path: Path, isa: str) -> None:
    """It goes on three frames deep where it was, with its file, and can be written again."""
    hand = build_hand()
    before = read_image(image)
    with image.open("rb") as f, subprocess.Popen(
        [*hand.runner(isa), hand.executable(isa)],
        env={"POPCORN_RESTORE": str(f.fileno()), "POPCORN_PROGRAM": str(hand.path)}, pass_fds=[f.fileno()],
    ) as process:  # fmt: skip
        try:
            time.sleep(0.3)
            assert process.poll() is None
            assert Path(f"/proc/{process.pid}/fd/1").readlink() == image.parent / "out"
            actions.checkpoint(process.pid, tmp_path / "again", leave_running=True)
            assert process.poll() is None
        finally:
            process.kill()
    after = read_image(tmp_path / "again")
    assert after.isa == isa
    assert [f.values for f in after.threads[0].frames] == [f.values for f in before.threads[0].frames]
    assert after.threads[0].note.generation == before.threads[0].note.generation + 1
    assert after.head.pid == before.head.pid
