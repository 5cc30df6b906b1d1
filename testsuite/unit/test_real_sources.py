"""Where real programs' sources come from: the archive that the system's own apt has Debian from, or a clear failure."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from real import apt, sources

STANZAS = """\
Types: deb
# a comment within
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
 contrib
Signed-By: /usr/share/keyrings/key.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""


def etc(folder: Path, **files: str) -> Path:
    """A directory like /etc/apt, with these files: `list` is sources.list, `sources` one of the newer format."""
    (folder / "sources.list.d").mkdir()
    for kind, text in files.items():
        (folder / ("sources.list" if kind == "list" else f"sources.list.d/debian.{kind}")).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "uri"),
    [
        ({"list": "deb http://one.example/debian bookworm main\n"}, "http://one.example/debian"),
        ({"list": "deb [arch=amd64 signed-by=/k] http://one.example/debian/ bookworm main # x"}, "http://one.example/debian/"),
        ({"list": "deb [ trusted=yes ] mirror+file:/etc/m.list bookworm contrib main"}, "mirror+file:/etc/m.list"),
        ({"list": "# deb http://old.example/debian bookworm main\n", "sources": STANZAS}, "http://mirror.example/debian"),
        ({"list": "deb http://tool.example/apt bookworm main\n", "sources": STANZAS}, "http://mirror.example/debian"),
    ],
    ids=["line", "options", "mirror list", "stanza", "another publisher"],
)  # fmt: skip
def test_the_archive_of_the_system(files: dict[str, str], uri: str, tmp_path: Path) -> None:
    assert apt.uri_of("bookworm", etc(tmp_path, **files)) == uri


@pytest.mark.parametrize(
    ("files", "others"),
    [
        ({}, "nothing"),
        ({"sources": STANZAS.replace("bookworm", "noble")}, "noble, noble-updates"),
        ({"list": "deb http://one.example/debian bookworm contrib\ndeb\ndeb x\n"}, "bookworm"),
        ({"sources": "Enabled: no\n" + STANZAS.partition("\n\n")[0]}, "nothing"),
    ],
    ids=["empty", "ubuntu", "component", "disabled"],
)
def test_what_is_missing_is_said(files: dict[str, str], others: str, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as caught:
        apt.uri_of("bookworm", etc(tmp_path, **files))
    assert str(caught.value) == f"apt's sources in {tmp_path} have no Debian bookworm main, only {others}"


def test_without_an_archive_the_user_is_told_what_to_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(apt.uri_of, "__defaults__", (etc(tmp_path),))
    with pytest.raises(RuntimeError) as caught:
        sources.fetch(sources.LUA)
    folder = tmp_path / "popcc" / "sources"
    assert str(caught.value).endswith(f"put lua5.4_5.4.4.orig.tar.gz (sha256 {sources.LUA.sha256}) into {folder}")


def test_without_apt_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match=r"^there is no apt-get here; put bzip2_1\.0\.8\.orig\.tar\.gz \(sha256 "):
        sources.fetch(sources.BZIP2)
