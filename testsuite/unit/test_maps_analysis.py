"""The analysis of maps as a library in C: what it refuses, what it is told, and how it comes to be."""

from __future__ import annotations

from pathlib import Path

import pytest
from map_fixtures import ISA, USE_B, B, recipes, site

from popcc.errors import PopccError
from popcc.linker.maps import library
from popcc.schema.sites import RecipeKind
from popcc.unit import Recipe


@ISA
def test_a_frame_has_bounds(isa: str) -> None:
    """Sets of live places have a bit per byte of the frame; a made-up offset must not make them huge."""
    far = {
        "x86_64": "mov rax, [rsp + 0x2000000]",
        "aarch64": "add x0, sp, #0xfff, lsl #12\n" + "add x0, x0, #0xfff, lsl #12\n" * 2 + "ldr x0, [x0]",
        "riscv64": "addi a0, sp, 0\n" + "addi a0, a0, 2047\n" * 8300 + "ld a0, 0(a0)",
    }
    assert site(isa, far[isa]).unproved == "accesses to the frame lie too far apart"


def test_symbols_are_told_apart_however_many_there_are() -> None:
    before = "\n".join(f"lea {{B}}, [rip + s{n}]" for n in range(300))
    made = recipes("x86_64", {"x86_64": before}, {"x86_64": USE_B["x86_64"]})
    assert made == [Recipe(B["x86_64"], RecipeKind.CONST, 8, 0, 0, "s299")]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POPCC_CACHE", str(tmp_path))
    return tmp_path


def test_the_library_is_built_once_and_what_was_left_of_a_killed_build_goes(cache: Path) -> None:
    first = library.library.__wrapped__()
    (folder,) = (p for p in cache.iterdir() if p.is_dir())
    built = (folder / "maps.so").stat().st_mtime_ns
    assert library.library.__wrapped__()._name == first._name
    assert (folder / "maps.so").stat().st_mtime_ns == built
    left = cache / f".{folder.name}-killed"
    left.mkdir()
    folder.rename(cache / "elsewhere")
    library.library.__wrapped__()
    assert not left.exists() and folder.exists()


def test_a_damaged_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Path(library.library()._name).parent.name  # in the cache of everybody
    monkeypatch.setenv("POPCC_CACHE", str(tmp_path))
    file = tmp_path / whole / "maps.so"
    file.parent.mkdir()
    file.write_bytes(b"none")
    with pytest.raises(PopccError, match=rf"can't be loaded: .*; remove {file.parent}$"):
        library.library.__wrapped__()


def test_a_cache_that_is_full_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("popcc.linker.maps.library.subprocess.run", full)
    with pytest.raises(PopccError, match=rf"can't be kept in {cache}: No space left on device; set POPCC_CACHE"):
        library.library.__wrapped__()
    assert not [p for p in cache.iterdir() if p.is_dir()]
