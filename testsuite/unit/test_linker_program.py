"""Linked programs: that they run on every ISA, lie where they should, and that differences are found."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section, SymbolTableSection
from link_fixtures import EVERY, compiled, linked, run, unit, with_sites

from popcc.errors import PopccError
from popcc.linker.addresses import Addresses
from popcc.linker.index import private_unit
from popcc.linker.link import Linked, LinkOptions
from popcc.linker.mapfile import map_text
from popcc.linker.program import ProgramInfo, extract_isa, read_program
from popcc.linker.sitetable import site_table
from popcc.linker.verify.tables import decode
from popcc.schema import sites as declared
from popcc.unit import FunctionMap, Recipe, SiteInfo, SiteMap

HELLO = r"""
void put(const char *);
static volatile int n;
char *names[] = {"x", "hello\n"};
extern char gone __attribute__((weak));
struct thing { int v, pad; };
__attribute__((section("things"), used)) struct thing t1 = {1}, t2 = {2};
extern struct thing __start_things[], __stop_things[];
static void __attribute__((constructor(200))) second(void) { put("two "); n *= 2; }
static void __attribute__((constructor(101))) first(void) { put("one "); n = 5; }
static void __attribute__((constructor)) third(void) { put("three "); n++; }
volatile double d = 2;
int main(void)
{
	int sum = &gone ? 1000 : 0;
	for (struct thing *t = __start_things; t < __stop_things; t++) sum += t->v;
	put(names[1]);
	d = d * 3.25;
	return sum * 20 + n + (d == 6.5);
}
"""


def saved(program: Linked, tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_bytes(program.program)
    path.chmod(0o755)
    return path


def elf(program: Linked, isa: str, tmp_path: Path) -> ELFFile:
    """One ISA's executable, read by pyelftools: a reader that the linker does not use."""
    return ELFFile(io.BytesIO(extract_isa(saved(program, tmp_path), isa)))


def section(file: ELFFile, name: str) -> Section:
    found = file.get_section_by_name(name)
    assert found is not None
    return found


def symbols(file: ELFFile) -> dict[str, int]:
    table = section(file, ".symtab")
    assert isinstance(table, SymbolTableSection)
    return {s.name: s["st_value"] for s in table.iter_symbols() if s.name}


@pytest.mark.parametrize("isa", EVERY)
def test_a_program_runs_on_every_isa(isa: str, tmp_path: Path) -> None:
    path = saved(linked(unit("main.c", HELLO)), tmp_path)
    done = run(extract_isa(path, isa), isa, tmp_path)
    assert (done.returncode, done.stdout) == (60 + 11 + 1, "one two three hello\n")


def test_linking_is_reproducible_and_the_build_id_names_the_contents() -> None:
    one, two = linked(unit("main.c", HELLO)), linked(unit("main.c", HELLO))
    other = linked(unit("main.c", HELLO.replace("3.25", "4.25")))
    assert one.program == two.program
    assert one.metadata.build_id != other.metadata.build_id


def test_all_executables_carry_one_build_id_where_the_runtime_looks(tmp_path: Path) -> None:
    program = linked(unit("main.c", HELLO))
    for isa in EVERY:
        file = elf(program, isa, tmp_path)
        build_id = section(file, ".popcorn.id")
        assert build_id["sh_addr"] == program.layout.symbols["__popcorn_build_id"]
        assert build_id.data().hex() == program.metadata.build_id
        note = json.loads(section(file, ".popcorn.note").data())
        assert ".text" in note.pop("checksums")
        assert note == {"version": 2, "build_id": program.metadata.build_id, "isa": isa, "isas": list(EVERY)}


def test_symbols_have_one_address_on_all_isas(tmp_path: Path) -> None:
    program = linked(unit("main.c", HELLO))
    tables = [symbols(elf(program, isa, tmp_path)) for isa in EVERY]
    for name in ("main", "first", "names", "d", "t1", "n", "__start_things", "__init_array_start", "put"):
        assert len({table[name] for table in tables}) == 1, name


def test_segments_do_not_share_pages_and_data_is_whole_pages(tmp_path: Path) -> None:
    program = linked(unit("main.c", HELLO))
    for isa in EVERY:
        file = elf(program, isa, tmp_path)
        loads = [s for s in file.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_memsz"]]
        pages = [(s["p_vaddr"] >> 16, (s["p_vaddr"] + s["p_memsz"] - 1) >> 16) for s in loads]
        assert all(a[1] < b[0] for a, b in pairwise(pages)), pages
        assert all(s["p_vaddr"] % 0x10000 == s["p_offset"] % 0x10000 for s in loads)
        assert not any(s["p_flags"] == 7 for s in loads)
        data = next(s for s in loads if s["p_vaddr"] == program.layout.symbols["__popcorn_data_start"])
        assert data["p_vaddr"] % 0x10000 == 0
        assert data["p_vaddr"] + data["p_memsz"] == program.layout.symbols["__popcorn_data_end"]
        (stack,) = (s for s in file.iter_segments() if s["p_type"] == "PT_GNU_STACK")
        assert stack["p_flags"] == 6
        headers = loads[0]
        assert headers["p_offset"] == 0 and headers["p_memsz"] >= 64 + 56 * file.num_segments()


def test_the_thread_local_image_ends_aligned(tmp_path: Path) -> None:
    text = """
    __attribute__((section(".ptls.a"), used)) int a = 7; __attribute__((section(".ptls.b"), used)) char b[3];
    extern char __popcorn_tls_start[], __popcorn_tls_end[];
    int main(void) { return a + b[0] + (__popcorn_tls_end - __popcorn_tls_start); }"""
    program = linked(unit("main.c", text))
    first, last = (program.layout.symbols[f"__popcorn_tls_{end}"] for end in ("start", "end"))
    assert last % 64 == 0 and last - first == 64
    for isa in EVERY:
        assert run(extract_isa(saved(program, tmp_path), isa), isa, tmp_path).returncode == 71


def test_a_program_survives_strip(tmp_path: Path) -> None:
    path = saved(linked(unit("main.c", HELLO)), tmp_path)
    before = {isa: extract_isa(path, isa) for isa in EVERY}
    subprocess.run(["strip", str(path)], check=True)
    info = read_program(path)
    assert info.available == EVERY and info.metadata.program == "program"
    assert extract_isa(path, "aarch64") == before["aarch64"]
    for isa in EVERY:
        assert run(extract_isa(path, isa), isa, tmp_path).returncode == 72


def test_an_extracted_executable_says_what_it_lacks(tmp_path: Path) -> None:
    path = saved(linked(unit("main.c", HELLO)), tmp_path)
    alone = tmp_path / "alone"
    for isa in EVERY:
        alone.write_bytes(extract_isa(path, isa))
        info = read_program(alone)
        assert (info.isa, info.isas, info.available) == (isa, EVERY, (isa,))
    with pytest.raises(PopccError, match=rf"alone: has no executable for x86_64, only for {EVERY[-1]}"):
        extract_isa(alone, "x86_64")
    with pytest.raises(PopccError, match=f"alone: is the executable of {EVERY[-1]} alone"):
        _ = read_program(alone).metadata


def damaged(info: ProgramInfo, path: Path) -> None:
    data = info.elf.data
    path.write_bytes(data.replace(info.build_id.encode(), info.build_id[::-1].encode(), 1))


def test_files_that_are_no_programs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PopccError, match=r"/bin/sh: not a program that popcc linked"):
        read_program(Path("/bin/sh"))
    with pytest.raises(PopccError, match=r"cannot read 'nowhere'"):
        read_program(Path("nowhere"))
    (tmp_path / "text").write_text("#!/bin/sh\n")
    with pytest.raises(PopccError, match=r"text: not a program that popcc linked \(not an ELF file\)"):
        read_program(tmp_path / "text")


def test_parts_of_different_builds_are_refused(tmp_path: Path) -> None:
    path = saved(linked(unit("main.c", HELLO)), tmp_path)
    damaged(read_program(path), path)
    info = read_program(path)
    with pytest.raises(PopccError, match=r"of another build; link the program again"):
        _ = info.metadata
    with pytest.raises(PopccError, match=r"its executable for aarch64 is of another build"):
        info.executable("aarch64")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("int v = 3;", "int v = 4;"), r"\.data differs at 0x[0-9a-f]+ \(v\+0x0\): 03.* on x86_64, 04.* on OTHER"),
        (("const int v = 3;", "const int v = 4;"), r"\.rodata differs at"),
        (
            ("int v[2] = {1, 2};", "int v[3] = {1, 2, 0};"),
            r"symbol v is at .* \(size 8\) on x86_64 .* \(size 12\) on OTHER",
        ),
    ],
)
@pytest.mark.parametrize("other", EVERY[1:])
def test_differences_between_isas_are_found(texts: tuple[str, str], message: str, other: str) -> None:
    main = " int main(void) { return *(volatile int *)&v; }"
    with pytest.raises(PopccError, match="internal error: " + message.replace("OTHER", other)):
        linked(unit("main.c", {isa: texts[isa == other] + main for isa in EVERY}))


def test_functions_that_share_a_section_are_found() -> None:
    text = """
    void put(const char *);
    __attribute__((section(".text.mine"))) void f(void) { %s }
    __attribute__((section(".text.mine"))) int g(int x) { f(); return x; }
    int main(void) { return g(2); }"""
    short, long = (text % ('put("f");' * n) for n in (1, 20))
    with pytest.raises(PopccError, match=r"internal error: symbol g is at 0x\w+ on x86_64 and at 0x\w+ on aarch64"):
        linked(unit("main.c", {"x86_64": short, "aarch64": long, "riscv64": short}))


def test_a_common_section_of_one_isa_is_an_internal_error() -> None:
    texts = dict.fromkeys(EVERY, "int main(void) { return 1; }")
    texts["x86_64"] = "int more = 1; int main(void) { return *(volatile int *)&more; }"
    with pytest.raises(
        PopccError, match=r"main\.o \[aarch64, riscv64\]: internal error: section \.data\.more exists on x86_64"
    ):
        linked(unit("main.c", texts))


SITES = r"""
void put(const char *);
const double half = 0.5;
static int counter;
int inner(int x) { put("i"); counter++; return x; }
int main(void) { put("m"); return *(volatile int *)&half + inner(2) + inner(3); }
int dead(void) { return inner(4); }
"""


def mapped(values: Mapping[str, tuple[int, ...]]) -> Linked:
    """A program with maps made by hand: three sites, one in dead code, one unproved on aarch64."""
    first = SiteInfo("main", 6, "inner", (("x", "i32"),))
    infos = [first, SiteInfo("dead", 7, "inner", ()), SiteInfo("main", 6, "put", ())]
    maps = {}
    for isa in EVERY:
        load = Recipe(6, declared.RecipeKind.LOAD, 8, 0, 0, "section:.rodata.half")
        recipes = (Recipe(3, declared.RecipeKind.CONST, 8, 0, 4, "counter"), load)
        unproved = "x19 unknown" if isa == "aarch64" else ""
        sites = (
            SiteMap(0, 12, 32, values[isa], (0x03000002, 0x06000003), recipes, 0),
            SiteMap(2, 8, 32, (), (0x03000002, 0x06000003), (), 0, unproved),
            SiteMap(0, 16, 32, values[isa], (0x03000002, 0x06000003), recipes, 0),
        )
        dead = SiteMap(1, 8, 16, (), (), (), 0)
        maps[isa] = [
            FunctionMap("main", ".text.main", 24, declared.FunctionFlag.HAS_FRAME, sites),
            FunctionMap("dead", ".text.dead", 12, 0, (dead,)),
        ]
    filler = with_sites(unit("first.c", "int first;"), {}, [SiteInfo("f", 1, "g", ())] * 5)
    return linked(filler, with_sites(unit("main.c", SITES), maps, infos))


def test_the_site_table(tmp_path: Path) -> None:
    values: dict[str, tuple[int, ...]] = {"x86_64": (declared.SLOT | 16,), "aarch64": (19,), "riscv64": (9,)}
    program = mapped(values)
    for isa in EVERY:
        file = elf(program, isa, tmp_path)
        assert section(file, ".popcorn.sites")["sh_addr"] == program.layout.sites
        table = section(file, ".popcorn.sites").data()
        names = symbols(file)
        header = declared.SitesHeader.unpack(table)
        assert (header.magic, header.version, header.bytes) == (
            declared.SITES_MAGIC,
            declared.SITES_VERSION,
            len(table),
        )
        assert (header.nids, header.nfuncs, header.wide) == (8, 1, 0)
        (main,) = decode(table)
        assert (main.name, main.start, main.size) == ("main", names["main"], 24)
        assert main.flags == declared.FunctionFlag.HAS_FRAME
        first, second = main.sites
        assert (first.id, first.returns_to, first.usable) == (7, names["main"] + 8, isa != "aarch64")
        assert (second.id, second.returns_to) == (5, names["main"] + 12)
        assert not second.usable, "it has two addresses, and only one can be the one to arrive at"
        assert second.values == values[isa]
        assert first.saved == second.saved == ((3, -16), (6, -24))
        assert [(r.dest, r.imm) for r in second.recipes] == [(3, names["counter"] + 4), (6, names["half"])]


def test_recipes_may_name_pages() -> None:
    program = mapped(dict.fromkeys(EVERY, ()))
    addresses = Addresses("aarch64", program.resolution, program.layout)
    counter = addresses.name(1, "counter")
    assert counter is not None
    assert addresses.recipe(1, "page:counter", 0x1234) == (counter + 0x1234) & ~0xFFF
    assert addresses.recipe(1, "page:got:anything", 0) == program.layout.got
    assert addresses.recipe(1, "nothing", 0) is None


def test_a_recipe_without_an_address_is_an_internal_error() -> None:
    maps = {isa: [FunctionMap("main", ".text.main", 9, 0, (
        SiteMap(0, 4, 16, (), (), (Recipe(3, 0, 8, 0, 0, "nothing"),), 0),))] for isa in EVERY}  # fmt: skip
    broken = with_sites(unit("main.c", SITES), maps, [SiteInfo("main", 0, "put", ())])
    with pytest.raises(PopccError, match=r"main\.o in main \[x86_64\]: .* recipe of site 0 names nothing"):
        linked(broken)


def test_metadata_numbers_sites_over_all_units(tmp_path: Path) -> None:
    program = mapped(dict.fromkeys(EVERY, ()))
    meta = read_program(saved(program, tmp_path)).metadata
    assert meta == program.metadata
    assert [(meta.functions[s.function].name, s.callee) for s in meta.sites[4:]] == [
        ("f", "g"), ("main", "inner"), ("dead", "inner"), ("main", "put")
    ]  # fmt: skip
    assert meta.sites[5].values == (("x", "i32"),)


def test_a_site_table_without_sites_is_still_a_table() -> None:
    program = linked(unit("main.c", HELLO))
    table = site_table(Addresses("x86_64", program.resolution, program.layout))
    header = declared.SitesHeader.unpack(table)
    assert (header.nids, header.nfuncs, header.bytes) == (0, 0, len(table))


def test_a_function_of_the_runtime_has_one_address_too(tmp_path: Path) -> None:
    text = 'void put(const char *); void (*volatile p)(const char *) = put; int main(void) { p("p"); return 3; }'
    path = saved(linked(unit("main.c", text)), tmp_path)
    for isa in EVERY:
        assert run(extract_isa(path, isa), isa, tmp_path).stdout == "p"


def test_a_large_alignment(tmp_path: Path) -> None:
    text = "__attribute__((aligned(4096))) int v = 5; int main(void) { return v + ((unsigned long)&v % 4096 != 0); }"
    path = saved(linked(unit("main.c", text)), tmp_path)
    for isa in EVERY:
        assert run(extract_isa(path, isa), isa, tmp_path).returncode == 5


def test_a_program_that_is_too_large() -> None:
    with pytest.raises(PopccError, match=r"must lie below 0x80000000; use fewer static arrays"):
        linked(unit("main.c", "char huge[0x7fff0000]; int main(void) { return huge[1]; }"))


def test_defined_symbols_and_entry(tmp_path: Path) -> None:
    text = "extern char here[]; int main(void) { return (long)here == 0x12345 ? 4 : 5; }"
    options = LinkOptions(EVERY, "x86_64", symbols=(("here", 0x12345),))
    path = saved(linked(unit("main.c", text), options=options), tmp_path)
    for isa in EVERY:
        assert run(extract_isa(path, isa), isa, tmp_path).returncode == 4


def test_one_isa_alone(tmp_path: Path) -> None:
    options = LinkOptions(("x86_64",), "x86_64")
    path = saved(linked(unit("main.c", HELLO), options=options), tmp_path)
    assert read_program(path).isas == ("x86_64",)
    assert run(path.read_bytes(), "x86_64", tmp_path).returncode == 72


def test_section_names_are_no_patterns(tmp_path: Path) -> None:
    text = """
    __attribute__((section(".data.a*"), used)) int star = 1; __attribute__((section(".data.a b"), used)) int blank = 2;
    __attribute__((section(".data.ab"), used)) int plain = 4; int main(void) { return star + blank + plain; }"""
    path = saved(linked(unit("main.c", text)), tmp_path)
    for isa in EVERY:
        assert run(extract_isa(path, isa), isa, tmp_path).returncode == 7


def test_old_constructors_are_refused() -> None:
    text = 'void f(void) {} __attribute__((section(".ctors"), used)) void (*p)(void) = f; int main(void) { return 0; }'
    with pytest.raises(PopccError, match=r"main\.o: section \.ctors holds constructors of the old form"):
        linked(unit("main.c", text))


def test_indirect_functions_are_refused() -> None:
    text = "static int one(void) { return 1; } static int (*pick(void))(void) { return one; }"
    text += ' int f(void) __attribute__((ifunc("pick")));'
    with pytest.raises(PopccError, match=r"f: indirect functions \(ifunc\) choose code by ISA"):
        private_unit("f", {"x86_64": compiled(text, "x86_64")})


def test_the_map_names_every_section() -> None:
    program = linked(unit("main.c", HELLO))
    text = map_text(program)
    assert f"build id {program.metadata.build_id}" in text
    assert ".text main.o:(.text.main)" in text and ".private.text start:(.text.put)" in text
    assert "__popcorn_data_start" in text


def test_lld_errors_name_the_object() -> None:
    text = "extern char here[]; int main(void) { return (int)(long)here; }"
    options = LinkOptions(EVERY, "x86_64", symbols=(("here", 0x123456789A),))
    with pytest.raises(PopccError, match=r"main\.o:\(function main.*out of range"):
        linked(unit("main.c", text), options=options)
