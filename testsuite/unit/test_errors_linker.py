"""What the linker says of files that are cut off, altered, of another kind or of another popcc."""

from __future__ import annotations

import os
import random
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from link_fixtures import EVERY, compiled, linked, unit, with_sites
from msgspec.structs import replace

from popcc.errors import PopccError
from popcc.linker.archive import read_archive
from popcc.linker.elf import Elf, NewSection, append_sections, read_elf
from popcc.linker.index import index_object
from popcc.linker.inputs import read_file, read_input, read_library
from popcc.linker.link import LinkOptions
from popcc.linker.lld import Job, link_all
from popcc.linker.objects import merge_objects, read_units, write_object
from popcc.linker.ordered import Ordered
from popcc.linker.program import META, NOTE, read_program
from popcc.linker.script import SITES_SECTION
from popcc.linker.verify.image import Image
from popcc.linker.verify.tables import read_table
from popcc.runtime.popcorn.maps import listings
from popcc.schema.sites import SitesHeader
from popcc.unit import FunctionMap, SiteInfo, SiteMap, decode_units

SOURCE = "int shared = 3; int f(int x) { return x + shared; }"
MAIN = "int main(void) { return 7; }"
SEED = int(os.environ.get("POPCC_SEED", random.randrange(10**6)))


def member(name: str, size: int = 0, end: bytes = b"`\n") -> bytes:
    return f"{name:<16}{0:<12}{0:<6}{0:<6}{0:<8}{size:<10}".encode() + end


def header(**changes: object) -> bytes:
    """An ELF header and nothing else."""
    values = {"ident": b"\x7fELF\2\1\1", "shoff": 0, "shentsize": 64, "shnum": 0, "names": 0} | changes
    return struct.pack(
        "<16sHHIQQQIHHHHHH", values["ident"], 1, 62, 1, 0, 0, values["shoff"], 0, 64, 0, 0, values["shentsize"],
        values["shnum"], values["names"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no archive", "x: not an archive"),
        (b"!<arch>\nrubbish", "x: damaged archive: no member header at offset 8; make it again"),
        (b"!<arch>\n" + member("a.o/", end=b"``"), "x: damaged archive: no member header at offset 8; make it again"),
        (b"!<arch>\n" + member("a.o/", 9) + b"1234",
         "x: truncated archive: the member at offset 8 is incomplete; make it again"),
        (b"!<arch>\n" + member("/7"), "x: damaged archive: long name at offset 7 is missing; make it again"),
    ],
)  # fmt: skip
def test_archives(data: bytes, message: str) -> None:
    with pytest.raises(PopccError, match=f"^{re.escape(message)}$"):
        read_archive(data, "x")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"text", "x: not an ELF file"),
        (b"\x7fELF", "x: truncated ELF file"),
        (header(ident=b"\x7fELF\1\1\1"), "x: not a little-endian 64-bit ELF file"),
        (header(ident=b"\x7fELF\2\2\1"), "x: not a little-endian 64-bit ELF file"),
        (header(shoff=64), "x: truncated ELF file: its section table lies outside of it"),
        (header(shoff=64, shnum=9) + bytes(64), "x: truncated ELF file: its section table lies outside of it"),
        (header(shoff=64, shnum=1) + struct.pack("<IIQQQQIIQQ", 0, 1, 0, 0, 100, 999, 0, 0, 0, 0),
         "x: truncated ELF file: a section lies outside of it"),
    ],
)  # fmt: skip
def test_elf_files(data: bytes, message: str) -> None:
    with pytest.raises(PopccError, match=f"^{re.escape(message)}$"):
        read_elf(data, "x")


def test_a_symbol_table_without_names() -> None:
    data = bytearray(compiled(SOURCE, "x86_64"))
    elf = read_elf(bytes(data), "x")
    table = next(s for s in elf.sections if s.name == ".symtab")
    shoff = struct.unpack_from("<Q", data, 40)[0]
    struct.pack_into("<I", data, shoff + table.index * 64 + 40, 999)
    with pytest.raises(PopccError, match=r"^x: damaged ELF file: section \.symtab links to none$"):
        _ = read_elf(bytes(data), "x").symbols


@pytest.mark.parametrize("name", [".symtab", ".rela.text.f"])
def test_a_table_of_an_odd_size(name: str) -> None:
    data = bytearray(compiled(SOURCE, "x86_64"))
    table = next(s for s in read_elf(bytes(data), "x").sections if s.name == name)
    struct.pack_into("<Q", data, struct.unpack_from("<Q", data, 40)[0] + table.index * 64 + 32, 23)
    elf = read_elf(bytes(data), "x")
    with pytest.raises(PopccError, match=f"^x: damaged ELF file: section {re.escape(name)} holds no whole entries$"):
        _ = elf.symbols, list(elf.relocations())


def test_zeros_without_end() -> None:
    elf = read_elf(compiled("int zeros[9];", "x86_64"), "x")
    bss = next(s for s in elf.sections if s.name == ".bss.zeros")
    with pytest.raises(PopccError, match=r"^x: damaged ELF file: section \.bss\.zeros is too large$"):
        elf.contents(replace(bss, size=1 << 50))


def test_a_segment_table_outside(program: bytes) -> None:
    data = bytearray(program)
    struct.pack_into("<Q", data, 32, 1 << 40)
    with pytest.raises(PopccError, match=r"^x: truncated ELF file: its segment table lies outside of it$"):
        _ = read_elf(bytes(data), "x").segments


def test_a_file_without_section_table() -> None:
    with pytest.raises(PopccError, match=r"^x: has no section table to append to"):
        append_sections(header(), "x", ())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: b"\x7fELF\2\1\1" + header()[7:16] + b"\2" + header()[17:], "x: not a relocatable object file"),
        (lambda: compiled("int c;", "x86_64", ("-fcommon",)), "x: c: common symbol; compile with -fno-common"),
    ],
)
def test_objects_that_cannot_be_indexed(make: Callable[[], bytes], message: str) -> None:
    with pytest.raises(PopccError, match=f"^{re.escape(message)}$"):
        index_object(make(), "x")


def payload(body: bytes) -> bytes:
    """A unit's payload whose sum is right."""
    whole = unit("f.c", SOURCE).encode()
    return whole[:4] + struct.pack("<QI", len(body), zlib.crc32(body)) + body


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: b"x" + p[1:], "x: section .popcorn.unit is damaged; compile the file again"),
        (lambda p: p[:-1], "x: section .popcorn.unit is truncated at offset 0; compile the file again"),
        (lambda p: p[:-1] + bytes([p[-1] ^ 1]),
         "x: section .popcorn.unit was altered after popcc made it; compile the file again"),
        (lambda p: payload(b"\4\0\0\0junk"), "x: section .popcorn.unit is damaged ("),
    ],
)  # fmt: skip
def test_units(change: Callable[[bytes], bytes], message: str) -> None:
    with pytest.raises(PopccError, match=f"^{re.escape(message)}"):
        decode_units(change(unit("f.c", SOURCE).encode()), "x")


def test_an_object_whose_unit_is_anothers() -> None:
    only = unit("f.c", SOURCE, isas=("aarch64",))
    data = append_sections(compiled(SOURCE, "x86_64"), "x", (NewSection(".popcorn.unit", 0, only.encode()),))
    with pytest.raises(PopccError, match=r"^x: its \.popcorn\.unit section belongs to another object"):
        read_units(data, "x")
    empty = append_sections(compiled(SOURCE, "x86_64"), "x", (NewSection(".popcorn.unit", 0, b""),))
    with pytest.raises(PopccError, match=r"^x: section \.popcorn\.unit is empty; compile the file again$"):
        read_units(empty, "x")


def test_a_program_is_no_object() -> None:
    with pytest.raises(PopccError, match=r"^x: not a relocatable object; popcc links statically"):
        read_units(linked(unit("main.c", MAIN)).program, "x")


def test_objects_that_cannot_be_joined() -> None:
    """lld's words, with the names that the user knows."""
    f = write_object(unit("f.c", SOURCE), "x86_64")
    with pytest.raises(PopccError, match=r"duplicate symbol: f\n(.|\n)*one\.o(.|\n)*two\.o"):
        merge_objects([("one.o", f), ("two.o", f)], "x86_64")


def test_lld_that_fails_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zig").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "zig").chmod(0o755)
    monkeypatch.setattr("popcc.linker.lld.wheel", lambda: tmp_path)
    with pytest.raises(PopccError, match=r"^lld failed \[x86_64\]$"):
        link_all([Job(tmp_path, Ordered("x86_64", frozenset(), {}, ()), "", ())], str)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for read in (read_file, read_input):
        with pytest.raises(PopccError, match=f"^cannot read '{tmp_path}': Is a directory$"):
            read(tmp_path)
        with pytest.raises(PopccError, match=f"^no such file or directory: '{tmp_path}/x'$"):
            read(tmp_path / "x")


def test_a_damaged_cache(tmp_path: Path) -> None:
    """Cut off, emptied by a cleaner, one member gone."""
    message = rf"^{tmp_path}: the cached libc is damaged \(.*\); delete the directory$"
    with pytest.raises(PopccError, match=message):
        read_library("libc", tmp_path)
    (tmp_path / "index.json").write_text('{"puts": "put')
    with pytest.raises(PopccError, match=message):
        read_library("libc", tmp_path)
    (tmp_path / "index.json").write_text('{"puts": "puts.unit"}')
    with pytest.raises(PopccError, match=message):
        read_library("libc", tmp_path).load("puts.unit")


@pytest.fixture(scope="module")
def program() -> bytes:
    return linked(unit("main.c", MAIN)).program


def replaced(data: bytes, section: str, contents: bytes) -> bytes:
    """The program with a section changed, which may also change its length."""
    elf = read_elf(data, "x")
    s = elf.section(section)
    assert s is not None
    row = struct.unpack_from("<Q", data, 40)[0] + s.index * 64
    out = bytearray(data)
    struct.pack_into("<QQ", out, row + 24, len(data), len(contents))
    return bytes(out) + contents


@pytest.mark.parametrize(
    ("section", "contents", "message"),
    [
        (NOTE, b"{}", "section .popcorn.note is damaged ('version'); link the program again"),
        (NOTE, b'{"version": 0}', "made by another popcc (program format 0, this one reads "),
        (NOTE, b"\xff", "section .popcorn.note is damaged ("),
        (META, b"rubbish", "section .popcorn.meta is damaged (Error -3 while decompressing"),
        (META, zlib.compress(b"[]"), "section .popcorn.meta is damaged ("),
    ],
)
def test_programs(section: str, contents: bytes, message: str, program: bytes, tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(replaced(program, section, contents))
    with pytest.raises(PopccError, match=f"^{tmp_path}/p: {re.escape(message)}"):
        _ = read_program(tmp_path / "p").metadata


def test_a_note_that_contradicts_itself(program: bytes, tmp_path: Path) -> None:
    elf = read_elf(program, "p")
    section = elf.section(NOTE)
    assert section
    note = elf.contents(section).replace(b'"isa":"x86_64"', b'"isa":"vax"')
    (tmp_path / "p").write_bytes(replaced(program, NOTE, note))
    with pytest.raises(PopccError, match=r"section \.popcorn\.note is damaged \(contradicts itself\); link"):
        read_program(tmp_path / "p")


def table_of(program: bytes) -> tuple[Elf, bytes, str]:
    elf = read_elf(program, "p")
    section = elf.section(SITES_SECTION)
    assert section
    return elf, elf.contents(section), SITES_SECTION


def test_site_tables(program: bytes) -> None:
    _, table, name = table_of(program)
    with pytest.raises(PopccError, match=r"^x: has no site table \(section"):
        read_table(read_elf(compiled(SOURCE, "x86_64"), "x"))
    for data, why in (
        (table[:9], "unpack"),
        (bytes(4) + table[4:], "format"),
        (replace(SitesHeader.unpack(table), bytes=len(table) + 8).pack() + table[SitesHeader.size() :], "cut off"),
    ):
        with pytest.raises(PopccError, match=rf"^x: its site table is damaged \(.*{why}.*\); link the program again$"):
            read_table(read_elf(replaced(program, name, data), "x"))


def test_return_addresses_in_disorder() -> None:
    two = ("main", ".text.main", 24)
    sites = [SiteMap(n, 8 + 4 * n, 32, (), (), (), 0) for n in (0, 1)]
    maps = {isa: [FunctionMap(*two, 0, tuple(sites))] for isa in EVERY}
    infos = [SiteInfo("main", 1, "put", ())] * 2
    options = LinkOptions(EVERY, "x86_64", verify=False)
    program = linked(with_sites(unit("main.c", MAIN), maps, infos), options=options).program
    _, table, name = table_of(program)
    at = SitesHeader.unpack(table).ra_off
    assert 0 not in struct.unpack_from("<2I", table, at)
    mixed = table[:at] + table[at + 4 : at + 8] + table[at : at + 4] + table[at + 8 :]
    assert read_table(read_elf(program, "x"))
    with pytest.raises(PopccError, match=r"damaged \(return addresses are not ascending\)"):
        read_table(read_elf(replaced(program, name, mixed), "x"))


def test_a_function_that_cannot_be_proved() -> None:
    main = unit("main.c", "void put(const char *); int main(void) { put(0); return 0; }")
    infos = [SiteInfo("main", 1, "put", ())]
    maps = {}
    for isa in EVERY:
        size = next(s.size for s in main.objects[isa].sections if s.name == ".text.main")
        maps[isa] = [FunctionMap("main", ".text.main", size, 0, (SiteMap(0, size, 640, (), (), (), 0),))]
    problems = linked(with_sites(main, maps, infos), options=LinkOptions(EVERY, "x86_64")).unproved
    assert {p.place.isa for p in problems} == set(EVERY)
    for problem in problems:
        where = rf"^main\.c in main \[{problem.place.isa}\]: "
        assert re.match(where + ".+; threads can't move while they are in this function$", str(problem))


def test_code_where_there_is_none(program: bytes) -> None:
    image = Image(read_elf(program, "x"))
    with pytest.raises(PopccError, match=r"^x: its site table names code at 0x10, where there is none$"):
        image.code(0x10, 4)
    with pytest.raises(PopccError, match=r"^x: has no code$"):
        Image(read_elf(header(), "x")).code(0, 4)


def test_a_function_without_sites(program: bytes, tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(program)
    words = "has no function 'nobody' with sites; 'popcorn sites "
    with pytest.raises(PopccError, match=f"^{tmp_path}/p: {words}{tmp_path}/p' lists all$"):
        listings(read_program(tmp_path / "p"), "nobody")


def test_what_is_altered_anywhere_is_a_message(program: bytes, tmp_path: Path) -> None:
    """Objects and programs with some bytes changed: read as they are, or refused, but never a crash."""
    objects = write_object(unit("f.c", SOURCE), "x86_64")
    choose = random.Random(SEED)
    for turn in range(400):
        data = bytearray(choose.choice((objects, program)))
        for _ in range(choose.choice((1, 1, 4))):
            data[choose.choice((choose.randrange(len(data)), choose.randrange(64)))] = choose.choice((0, 1, 127, 255))
        if choose.random() < 0.3:
            del data[choose.randrange(len(data)) :]
        (tmp_path / "x").write_bytes(data)
        try:
            try:
                read_units(bytes(data), "x")
            except PopccError:
                info = read_program(tmp_path / "x")
                _ = info.metadata
                for isa in EVERY:
                    info.executable(isa)
        except PopccError as e:
            assert re.match(f"({tmp_path}/)?x", str(e)), e
        except Exception as e:
            e.add_note(f"turn {turn}; replay with POPCC_SEED={SEED}")
            raise
