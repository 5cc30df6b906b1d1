"""Archives as GNU and BSD ar write them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from popcc.errors import PopccError
from popcc.linker.archive import Member, read_archive

LONG = "a_member_with_a_name_longer_than_fifteen.o"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    for name, data in (("a.o", b"odd"), (LONG, b"even"), ("empty.o", b"")):
        (tmp_path / name).write_bytes(data)
    subprocess.run(["ar", "rcS", "lib.a", "a.o", LONG, "empty.o"], cwd=tmp_path, check=True)
    return tmp_path / "lib.a"


def test_members_in_order_with_long_names_and_odd_sizes(archive: Path) -> None:
    assert read_archive(archive.read_bytes(), "lib.a") == [
        Member("a.o", b"odd"),
        Member(LONG, b"even"),
        Member("empty.o", b""),
    ]


def test_bsd_names() -> None:
    header = f"{'#1/8':<16}{0:<12}{0:<6}{0:<6}{0:<8}{12:<10}`\n".encode()
    assert read_archive(b"!<arch>\n" + header + b"name.o\0\0data", "lib.a") == [Member("name.o", b"data")]


def test_an_empty_archive() -> None:
    assert read_archive(b"!<arch>\n", "lib.a") == []


def thin(archive: Path) -> Path:
    """A thin archive in a folder of its own, of files in others, one with a long name."""
    folder = archive.parent
    (folder / "libs").mkdir()
    (folder / "a_name_of_more_than_sixteen_bytes.o").write_bytes(b"long")
    members = ["../a.o", "../a_name_of_more_than_sixteen_bytes.o"]
    subprocess.run(["ar", "rcsT", "thin.a", *members], cwd=folder / "libs", check=True)
    return folder / "libs" / "thin.a"


def test_a_thin_archive_holds_the_files_that_it_points_to(archive: Path) -> None:
    path = thin(archive)
    assert [m.data for m in read_archive(path.read_bytes(), str(path))] == [
        (archive.parent / "a.o").read_bytes(), b"long"
    ]  # fmt: skip


def test_a_thin_archive_whose_member_is_gone_or_another(archive: Path) -> None:
    path = thin(archive)
    (archive.parent / "a.o").write_bytes(b"something else")
    with pytest.raises(PopccError, match=r"thin\.a: thin archive, whose member .*a\.o has changed since"):
        read_archive(path.read_bytes(), str(path))
    (archive.parent / "a.o").unlink()
    with pytest.raises(PopccError, match=r"thin\.a: thin archive, whose member .*a\.o can't be read: No such file"):
        read_archive(path.read_bytes(), str(path))


@pytest.mark.parametrize("cut", [1, 30, 61])
def test_a_truncated_archive_is_refused(archive: Path, cut: int) -> None:
    with pytest.raises(PopccError, match=r"lib\.a: (truncated|damaged) archive"):
        read_archive(archive.read_bytes()[: 8 + 60 + 4 + cut], "lib.a")
