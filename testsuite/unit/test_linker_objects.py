"""Objects: what other tools may do to them, and what popcc says about those it can't link."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from link_fixtures import EVERY, compiled, unit
from msgspec.structs import replace

from popcc.errors import PopccError
from popcc.linker.elf import NewSection, append_sections
from popcc.linker.index import private_unit
from popcc.linker.inputs import Objects, read_input
from popcc.linker.objects import merge_objects, read_units, write_object
from popcc.unit import Unit, decode_units

SOURCE = "int shared = 3; static int hidden; int f(int x) { return x + shared + hidden++; }"


def tool(*command: str | Path) -> str:
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def object_file(tmp_path: Path) -> Path:
    path = tmp_path / "f.o"
    path.write_bytes(write_object(unit("f.c", SOURCE), "x86_64"))
    return path


def read(path: Path) -> list[Unit]:
    return read_units(path.read_bytes(), path.name)


def test_an_object_is_an_ordinary_relocatable_that_carries_its_unit(object_file: Path) -> None:
    assert "T f" in tool("nm", object_file)
    assert read(object_file) == [unit("f.c", SOURCE)]


def test_writing_an_object_is_reproducible() -> None:
    assert write_object(unit("f.c", SOURCE), "x86_64") == write_object(unit("f.c", SOURCE), "x86_64")


def test_the_unit_survives_strip_g_and_objcopy(object_file: Path, tmp_path: Path) -> None:
    tool("strip", "-g", object_file)
    tool("objcopy", object_file, tmp_path / "copy.o")
    assert read(tmp_path / "copy.o") == [unit("f.c", SOURCE)]


def test_the_unit_survives_ar_and_ranlib(object_file: Path, tmp_path: Path) -> None:
    archive = tmp_path / "libf.a"
    tool("ar", "rcs", archive, object_file)
    tool("ranlib", archive)
    library = read_input(archive)
    assert not isinstance(library, Objects)
    assert set(library.symbols) == {"f", "shared"}
    (loaded,) = library.load(library.symbols["f"])
    assert loaded.origin == f"{archive}(f.o)"
    assert loaded.unit == unit("f.c", SOURCE)


@pytest.mark.parametrize("linker", ["ld", "popcc"])
def test_ld_r_joins_units(linker: str, object_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "g.o"
    other.write_bytes(write_object(unit("g.c", "int g(void) { return 1; }"), "x86_64"))
    joined = tmp_path / "joined.o"
    if linker == "ld":
        tool("ld", "-r", "-o", joined, object_file, other)
    else:
        joined.write_bytes(merge_objects([(p.name, p.read_bytes()) for p in (object_file, other)], "x86_64"))
    assert [u.source for u in read(joined)] == ["f.c", "g.c"]


def test_an_object_of_another_compiler_is_refused() -> None:
    with pytest.raises(PopccError, match=r"g\.o: was not compiled by popcc.*compile its source with popcc"):
        read_units(compiled(SOURCE, "x86_64"), "g.o")


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(PopccError, match=r"x: unknown file type"):
        read_units(b"INPUT(libfoo.a)", "x")


def test_a_truncated_object_is_refused(object_file: Path) -> None:
    data = object_file.read_bytes()
    for size in (40, 64, len(data) // 2, len(data) - 1):
        with pytest.raises(PopccError, match=r"^f\.o: truncated ELF"):
            read_units(data[:size], "f.o")


def test_a_truncated_unit_is_refused() -> None:
    u = unit("f.c", SOURCE)
    data = append_sections(u.objects["x86_64"].elf, "f.o", (NewSection(".popcorn.unit", 0, u.encode()[:-1]),))
    with pytest.raises(PopccError, match=r"f\.o: section \.popcorn\.unit is truncated.*compile the file again"):
        read_units(data, "f.o")


def test_a_renamed_symbol_is_refused(object_file: Path) -> None:
    tool("objcopy", "--redefine-sym", "f=g", object_file)
    with pytest.raises(PopccError, match=r"f\.o: symbol f and others were changed after compilation"):
        read(object_file)


def test_an_object_without_symbols_is_refused(object_file: Path) -> None:
    tool("strip", object_file)
    with pytest.raises(PopccError, match=r"f\.o: its symbols were stripped"):
        read(object_file)


def test_a_unit_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("popcc.unit.VERSION", 99)
    data = write_object(unit("f.c", SOURCE), "x86_64")
    monkeypatch.undo()
    with pytest.raises(PopccError, match=r"f\.o: made by another popcc \(unit format 99"):
        read_units(data, "f.o")


def test_a_private_unit_must_be_of_the_isa_it_is_given_for() -> None:
    with pytest.raises(PopccError, match=r"helper \[aarch64\]: is not an object for aarch64"):
        private_unit("helper", {"aarch64": compiled(SOURCE, "x86_64")})


def test_elf_thread_locals_are_refused() -> None:
    text = "__thread int t = 1; int *p(void) { return &t; }"
    with pytest.raises(PopccError, match=r"t\.c: section \.tdata\.t holds ELF thread-locals"):
        unit("t.c", text)


def test_units_encode_and_decode() -> None:
    u = replace(unit("f.c", SOURCE), memory_tier={"f": "it calls setjmp"}, leaf_calls=("strlen",))
    assert decode_units(u.encode() + b"\0" * 5 + u.encode(), "f.o") == [u, u]
    assert tuple(u.objects) == EVERY
