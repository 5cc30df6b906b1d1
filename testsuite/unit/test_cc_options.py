"""The command line: what goes where, what is refused, what is dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from popcc.cc_options import Action, Input, Kind, parse
from popcc.errors import PopccError


def names(*arguments: str) -> list[str]:
    return [i.name for i in parse(arguments).inputs]


@pytest.mark.parametrize(
    ("arguments", "action"),
    [
        (["a.c"], Action.LINK),
        (["-c", "a.c"], Action.OBJECT),
        (["-S", "a.c"], Action.ASSEMBLY),
        (["-c", "-S", "a.c"], Action.ASSEMBLY),
        (["-E", "-c", "a.c"], Action.PREPROCESS),
        (["-MM", "a.c"], Action.PREPROCESS),
        (["-fsyntax-only", "a.c"], Action.PREPROCESS),
        (["-r", "a.o"], Action.RELOCATABLE),
    ],
)
def test_how_far_to_go(arguments: list[str], action: Action) -> None:
    assert parse(arguments).action is action


def test_values_may_be_joined_or_separate() -> None:
    joined = parse(["-Iinc", "-DA=1", "-Lone", "-lz", "-oout", "-xc", "file"])
    separate = parse(["-I", "inc", "-D", "A=1", "-L", "one", "-l", "z", "-o", "out", "-x", "c", "file"])
    assert joined == separate
    assert joined.front_end == ("-Iinc", "-DA=1")
    assert joined.output == "out"
    assert joined.library_dirs[0] == Path("one")
    assert joined.inputs == (Input(Kind.LIBRARY, "z"), Input(Kind.SOURCE, "file", "c"))


def test_front_end_options_keep_their_order() -> None:
    flags = ["-include", "config.h", "-isystem", "sys", "-idirafter", "after", "-Wall", "-std=c11", "-fwrapv", "-UX"]
    assert parse([*flags, "a.c"]).front_end == tuple(flags)


def test_a_preprocessor_option_is_passed_on() -> None:
    assert parse(["-Wp,-MD,x.d", "-Xpreprocessor", "-P", "a.c"]).front_end == ("-Wp,-MD,x.d", "-Xpreprocessor", "-P")


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        ([], "0"), (["-O"], "1"), (["-O0", "-O3"], "3"), (["-O2", "-Os"], "s"), (["-Oz"], "z"), (["-O9"], "3"),
        (["-Og"], "g"), (["-Ofast"], "3"),
    ],
)  # fmt: skip
def test_the_last_level_counts(flags: list[str], level: str) -> None:
    assert parse([*flags, "a.c"]).optimization == level


def test_debugging_may_be_switched_off_again() -> None:
    assert parse(["-g", "a.c"]).debug
    assert parse(["-ggdb3", "a.c"]).debug
    assert not parse(["-g", "-g0", "a.c"]).debug


def test_the_language_holds_until_it_is_changed() -> None:
    options = parse(["a.c", "-x", "cpp-output", "b", "-x", "none", "c.c", "d.ll", "e.o", "f.a"])
    assert [(i.kind, i.language) for i in options.inputs] == [
        (Kind.SOURCE, ""), (Kind.SOURCE, "cpp-output"), (Kind.SOURCE, ""), (Kind.IR, ""),
        (Kind.LINKABLE, ""), (Kind.LINKABLE, ""),
    ]  # fmt: skip


def test_libraries_keep_their_place_among_objects() -> None:
    assert names("a.o", "-lx", "b.o", "-Wl,--start-group", "-ly", "c.a", "-Wl,--end-group") == [
        "a.o", "x", "b.o", "y", "c.a",
    ]  # fmt: skip


def test_whole_archive_holds_for_what_stands_inside() -> None:
    options = parse(["a.a", "-Wl,--whole-archive", "b.a", "-lc1", "-Wl,--no-whole-archive", "c.a"])
    assert [i.whole_archive for i in options.inputs] == [False, True, True, False]


def test_linker_flags() -> None:
    options = parse(
        ["a.o", "-Wl,-Map=a.map,--defsym=x=0x10,-u,f", "-Wl,--entry=go", "-s", "-Xlinker", "--undefined=g",
         "-Wl,-z,muldefs", "-Wl,--no-gc-sections", "-Wl,-lq,-L/q", "-Wl,--gc-sections,--as-needed,-O1,-z,relro"]
    )  # fmt: skip
    linker = options.linker
    assert (linker.map_file, linker.entry) == ("a.map", "go")
    assert (linker.symbols, linker.undefined) == ((("x", 16),), ("f", "g"))
    assert (linker.strip, linker.allow_duplicates, linker.keep_all) == ("all", True, True)
    assert options.inputs[-1] == Input(Kind.LIBRARY, "q")
    assert Path("/q") in options.library_dirs


def test_dependencies() -> None:
    options = parse(["-MMD", "-MP", "-MF", "x.d", "-MT", "x y", "-c", "a.c"])
    assert (options.dependencies, options.dependency_file) == ("-MMD", "x.d")
    assert options.dependency_targets == ("-MT", "x y")
    assert options.front_end == ("-MP",)


def test_options_of_popcc() -> None:
    options = parse(["--isa=aarch64,x86_64", "--migration-points=loops", "--sites-report", "a.c"])
    assert (options.isas, options.migration_points, options.sites_report) == (("aarch64", "x86_64"), "loops", True)


@pytest.mark.parametrize(
    "flag",
    ["-pipe", "-fPIC", "-fpie", "-static", "-rdynamic", "-m64", "-fstack-protector-strong", "-fomit-frame-pointer",
     "-ffunction-sections", "-fno-plt", "-fcf-protection=full", "-mtune=generic", "-no-pie", "-Wl,-z,now", "-Wl,-E",
     "-Wl,--build-id=sha1", "-Wl,-rpath,/usr/lib", "-Wl,--hash-style=gnu", "-fuse-ld=lld", "-mno-avx"],
)  # fmt: skip
def test_what_does_no_harm_is_dropped_in_silence(flag: str) -> None:
    options = parse([flag, "a.c"])
    assert options.front_end == () and options.warnings == ()


@pytest.mark.parametrize(
    ("flag", "why"),
    [("-flto", "on its own"), ("-flto=thin", "on its own"), ("-pie", "fixed addresses"), ("-ffast-math", "to the bit"),
     ("-ffp-contract=fast", "to the bit"), ("-Wa,--noexecstack", "no assembler"), ("-fcommon", "in one file")],
)  # fmt: skip
def test_what_has_no_effect_is_said(flag: str, why: str) -> None:
    options = parse([flag, "a.c"])
    assert options.front_end == () and len(options.warnings) == 1
    assert why in options.warnings[0] and flag in options.warnings[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-shared"], "unsupported option '-shared': popcc links statically"),
        (["-m32"], "unsupported option '-m32': popcc compiles for 64-bit ISAs only"),
        (["-march=native"], "unsupported option '-march=native': popcc compiles for several ISAs"),
        (["-mavx2"], "unsupported option '-mavx2'"),
        (["-fsanitize=address"], "unsupported option '-fsanitize=address'"),
        (["-fopenmp"], "unsupported option '-fopenmp'"),
        (["-T", "x.ld"], "unsupported option '-T x.ld': popcc writes the linker script itself"),
        (["-Wl,-T,x.ld"], "unsupported linker option '-T'"),
        (["-Wl,--wrap=malloc"], "unsupported linker option '--wrap=malloc'"),
        (["-Wl,--frobnicate"], "unknown linker option '--frobnicate'"),
        (["-Wl,--entry"], "argument to linker option '--entry' is missing"),
        (["-Wl,--defsym=a=b"], "unsupported linker option '--defsym=a=b': give a number"),
        (["-Wl,--unresolved-symbols=ignore-all"],
         "unsupported linker option '--unresolved-symbols=ignore-all': every symbol must be defined"),
        (["--frobnicate"], "unknown argument: '--frobnicate'"),
        (["-o"], "argument to '-o' is missing (expected 1 value)"),
        (["-Ox", "a.c"], "invalid integral value 'x' in '-Ox'"),
        (["-x", "c++", "a"], "language not recognized: 'c++'"),
        (["-x", "assembler", "a"], "unsupported language 'assembler'"),
        (["a.S"], "cannot compile 'a.S': it is assembly"),
        (["a.cpp"], "cannot compile 'a.cpp': it is C++"),
        (["libx.so.1"], "cannot compile 'libx.so.1': it is a shared library"),
        (["--migration-points=some"], "invalid value 'some' in '--migration-points=some'"),
    ],
)  # fmt: skip
def test_what_cannot_be_honoured_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(PopccError) as caught:
        parse(arguments)
    assert str(caught.value).startswith(message)


def test_response_files(tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.write_text("-DX='a b'\n")
    outer.write_text(f'-c "a b.c"\n@{inner} -O2\n')
    options = parse([f"@{outer}", "@nowhere"])
    assert options.action is Action.OBJECT
    assert [i.name for i in options.inputs] == ["a b.c", "@nowhere"]
    assert (options.front_end, options.optimization) == (("-DX=a b",), "2")


def test_a_response_file_that_includes_itself(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.write_text(f"@{loop}")
    with pytest.raises(PopccError, match="includes itself"):
        parse([f"@{loop}"])


def test_a_response_file_that_is_not_well_formed(tmp_path: Path) -> None:
    (tmp_path / "open").write_text("-c 'a b.c")
    with pytest.raises(PopccError, match=f"^response file '{tmp_path}/open': No closing quotation$"):
        parse([f"@{tmp_path}/open"])


def test_the_library_path_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBRARY_PATH", "/one:/two")
    assert parse(["-L/zero", "a.o"]).library_dirs == (Path("/zero"), Path("/one"), Path("/two"))


@pytest.mark.parametrize("flag", ["--version", "-dumpmachine", "-print-file-name=libc.a", "--print-prog-name=ld"])
def test_questions(flag: str) -> None:
    assert parse([flag]).print_request == flag
