"""Which members are taken, what is a duplicate, what is undefined, what is collected."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from link_fixtures import EVERY, compiled, linked, objects, start, unit, with_sites

from popcc.errors import PopccError
from popcc.linker.elf import read_elf
from popcc.linker.index import private_unit
from popcc.linker.inputs import ArchiveLibrary, Objects, find_library, read_input
from popcc.linker.link import LinkOptions, link
from popcc.linker.objects import defined_symbols, write_object
from popcc.linker.resolve import resolve
from popcc.unit import FunctionMap, SiteInfo, SiteMap, Unit


def archive(name: str, **members: Unit) -> ArchiveLibrary:
    """An archive as `read_input` would see it."""
    data = {f"{i}:{m}.o": write_object(u, next(iter(u.objects))) for i, (m, u) in enumerate(members.items())}
    symbols: dict[str, str] = {}
    for key, contents in data.items():
        for symbol in defined_symbols(read_elf(contents, key)):
            symbols.setdefault(symbol, key)
    return ArchiveLibrary(name, data, symbols)


def origins(*inputs: Objects | ArchiveLibrary, roots: tuple[str, ...] = ()) -> list[str]:
    return [item.origin for item in resolve(inputs, EVERY, roots).units]


CALLS_F = "int f(void); int main(void) { return f(); }"


def test_a_member_is_taken_when_a_strong_reference_asks_for_it() -> None:
    f = unit("f.c", "int g(void); int f(void) { return g(); }")
    g, h = (unit(f"{name}.c", f"int {name}(void) {{ return 1; }}") for name in "gh")
    library = archive("lib.a", f=f, g=g, h=h)
    assert origins(objects(unit("main.c", CALLS_F)), library) == ["main.o", "lib.a(f.o)", "lib.a(g.o)"]


def test_archives_may_need_each_other_in_any_order() -> None:
    one = archive("one.a", f=unit("f.c", "int g(void); int f(void) { return g(); }"), k=unit("k.c", "int k = 1;"))
    two = archive("two.a", g=unit("g.c", "extern int k; int g(void) { return k; }"))
    main = objects(unit("main.c", CALLS_F))
    assert sorted(origins(two, one, main)) == sorted(["main.o", "one.a(f.o)", "one.a(k.o)", "two.a(g.o)"])


def test_the_first_archive_wins() -> None:
    one, two = (archive(f"{n}.a", f=unit("f.c", "int f(void) { return 1; }")) for n in ("one", "two"))
    assert origins(objects(unit("main.c", CALLS_F)), one, two) == ["main.o", "one.a(f.o)"]


def test_a_weak_reference_takes_nothing() -> None:
    main = unit("main.c", "int f(void) __attribute__((weak)); int main(void) { return f ? f() : 0; }")
    assert origins(objects(main), archive("lib.a", f=unit("f.c", "int f(void) { return 1; }"))) == ["main.o"]


def test_a_member_that_one_isa_needs_is_taken_for_all() -> None:
    main = unit("main.c", dict.fromkeys(EVERY, "int main(void) { return 0; }") | {"x86_64": CALLS_F})
    library = archive("lib.a", f=unit("f.c", "int f(void) { return 1; }"))
    assert origins(objects(main), library) == ["main.o", "lib.a(f.o)"]


def test_a_helper_may_exist_on_one_isa_only() -> None:
    seven = dict.fromkeys(EVERY, "int main(void) { return 7; }")
    main = unit("main.c", seven | {"aarch64": CALLS_F.replace("f", "helper")})
    helper = private_unit("helper", {"aarch64": compiled("int helper(void) { return 7; }", "aarch64")})
    assert linked(main, helper).metadata.isas == EVERY


def test_a_strong_definition_overrides_a_weak_one() -> None:
    weak = unit("weak.c", "__attribute__((weak)) int f(void) { return 1; }")
    strong = unit("strong.c", "int f(void) { return 2; }")
    resolution = resolve([objects(weak, strong)], EVERY, ())
    assert {resolution.definitions[isa]["f"].unit for isa in EVERY} == {1}


def test_duplicates_are_reported_all_at_once() -> None:
    with pytest.raises(PopccError) as caught:
        linked(unit("a.c", "int f(void) { return 1; } int v = 1;"), unit("b.c", "int f(void) { return 2; } int v = 2;"),
               unit("main.c", CALLS_F))  # fmt: skip
    assert str(caught.value) == (
        "duplicate symbol: f\n>>> defined in a.o (a.c)\n>>> defined in b.o (b.c)\n"
        "duplicate symbol: v\n>>> defined in a.o (a.c)\n>>> defined in b.o (b.c)"
    )


def test_duplicates_may_be_allowed() -> None:
    units = unit("a.c", "int f(void) { return 1; }"), unit("b.c", "int f(void) { return 2; }"), unit("main.c", CALLS_F)
    assert linked(*units, options=LinkOptions(EVERY, "x86_64", allow_duplicates=True)).program


def test_undefined_symbols_are_reported_with_who_refers_to_them() -> None:
    main = "int f(void), g(void); static int h(void) { return g(); } int main(void) { return f() + h(); }"
    with pytest.raises(PopccError) as caught:
        linked(unit("main.c", main))
    assert str(caught.value) == (
        "undefined symbol: f\n>>> referenced by main.c\n>>>               main.o:(main)\n"
        "undefined symbol: g\n>>> referenced by main.c\n>>>               main.o:(main)"
    )


def test_an_undefined_symbol_that_one_isa_needs_says_so() -> None:
    main = unit("main.c", dict.fromkeys(EVERY, "int main(void) { return 0; }") | {"x86_64": CALLS_F})
    with pytest.raises(PopccError, match=r"^undefined symbol: f \[x86_64 only\]\n"):
        linked(main)


def test_many_referrers_are_summed_up() -> None:
    units = [unit(f"u{i}.c", f"int f(void); int g{i}(void) {{ return f(); }}") for i in range(5)]
    calls = " + ".join(f"g{i}()" for i in range(5))
    declared = "".join(f"int g{i}(void);" for i in range(5))
    with pytest.raises(PopccError, match=r"referenced 2 more times"):
        linked(unit("main.c", f"{declared} int main(void) {{ return {calls}; }}"), *units)


def test_dead_code_may_refer_to_what_does_not_exist() -> None:
    linked(unit("main.c", "int f(void); int dead(void) { return f(); } int main(void) { return 0; }"))


def test_no_entry() -> None:
    with pytest.raises(PopccError, match=r"undefined symbol: _start"):
        link([objects(unit("main.c", "int main(void) { return 0; }"))], LinkOptions(EVERY, "x86_64"), "program")


def test_an_object_of_fewer_isas_is_refused() -> None:
    with pytest.raises(PopccError, match=r"main\.o: has no code for aarch64.*--isa=x86_64,aarch64"):
        linked(unit("main.c", "int main(void) { return 0; }", isas=("x86_64",)))


def test_dead_sections_go_and_constructors_stay() -> None:
    text = """
    static volatile int n; int dead_data[10]; int dead(void) { return dead_data[n]; }
    static void __attribute__((constructor)) begin(void) { n++; }
    __attribute__((used, retain)) static int kept = 3;
    int main(void) { return n; }"""
    program = linked(unit("main.c", text))
    names = {p.key.name for p in program.layout.placed if p.key.unit == 0}
    assert {".text.main", ".text.begin", ".bss.n", ".data.kept"} <= names
    assert not {".text.dead", ".bss.dead_data"} & names


def test_a_section_kept_by_one_isa_is_kept_on_all() -> None:
    both = "int one = 1, two = 2; int main(void) { return %s; }"
    program = linked(unit("main.c", dict.fromkeys(EVERY, both % "one") | {"aarch64": both % "two"}))
    assert {".data.one", ".data.two"} <= {p.key.name for p in program.layout.placed}


def test_keeping_everything() -> None:
    text = "int dead(void) { return 0; } int main(void) { return 0; }"
    program = linked(unit("main.c", text), options=LinkOptions(EVERY, "x86_64", keep_all=True))
    assert ".text.dead" in {p.key.name for p in program.layout.placed}


def test_leaf_calls_are_checked() -> None:
    text = 'void put(const char *); int round_up(int x) { put("r"); return x; }'
    site = SiteMap(0, 5, 16, (), (), (), 0)
    maps = {isa: [FunctionMap("round_up", ".text.round_up", 20, 0, (site,))] for isa in EVERY}
    own = with_sites(unit("own.c", text), maps, [SiteInfo("round_up", 0, "put", ())])
    main = unit("main.c", "int round_up(int); int main(void) { return round_up(1); }", leaf_calls=("round_up",))
    with pytest.raises(PopccError, match=re.escape(
        "own.o: round_up can stop for a migration, but main.o calls it as the C library's function of that name"
    )):  # fmt: skip
        linked(main, own)


def test_libraries_are_found_in_order(tmp_path: Path) -> None:
    for directory in ("one", "two"):
        (tmp_path / directory).mkdir()
    (tmp_path / "two/libx.a").write_bytes(b"!<arch>\n")
    (tmp_path / "one/liby.so").write_bytes(b"")
    directories = [tmp_path / "one", tmp_path / "two"]
    assert find_library("x", directories) == tmp_path / "two/libx.a"
    assert find_library(":libx.a", directories) == tmp_path / "two/libx.a"
    with pytest.raises(PopccError, match=r"unable to find library -ly: there is only .*liby\.so"):
        find_library("y", directories)
    with pytest.raises(PopccError, match=r"unable to find library -lz; give its directory with -L"):
        find_library("z", directories)


def test_whole_archive(tmp_path: Path) -> None:
    path = tmp_path / "h.o"
    path.write_bytes(write_object(unit("h.c", "int h(void) { return 1; }"), "x86_64"))
    subprocess.run(["ar", "rcs", "lib.a", "h.o"], cwd=tmp_path, check=True)
    taken = read_input(tmp_path / "lib.a", whole_archive=True)
    assert isinstance(taken, Objects)
    assert [u.origin for u in taken.units] == [f"{tmp_path}/lib.a(h.o)"]


def test_a_missing_input() -> None:
    with pytest.raises(PopccError, match=r"no such file or directory: 'nowhere\.o'"):
        read_input(Path("nowhere.o"))


def test_the_runtime_is_private() -> None:
    assert start().private
