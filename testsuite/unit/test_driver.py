"""The popcc command from outside: exit statuses, messages, files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from link_fixtures import START, compiled, run

from popcc import driver, toolchain
from popcc.errors import PopccError
from popcc.isa import ISAS
from popcc.linker.index import private_unit
from popcc.linker.inputs import LinkUnit, Objects
from popcc.linker.objects import read_units
from popcc.linker.program import extract_isa, read_program
from popcc.unit import Unit

ANSWER = "int twice(int x);\nint main(void) { return twice(21); }\n"
TWICE = "int twice(int x) { return 2 * x; }\n"
# The runtime as far as a program without system calls needs it: a common stack and no migration.
STACK = r"""
void __popcorn_point(void) {}
static char stack[65536] __attribute__((aligned(16))), block[256] __attribute__((aligned(64)));
static void enter(void)
{
	*(char **)(block + 32) = stack + sizeof stack;
#if defined __x86_64__
	sys3(158, 0x1002, (long)block, 0);
#elif defined __riscv
	__asm__ volatile("mv tp, %0" : : "r"(block));
#else
	__asm__ volatile("msr tpidr_el0, %0" : : "r"(block));
#endif
}
"""


def standard_libraries(isas: tuple[str, ...]) -> tuple[Objects]:
    text = START.replace("void begin(void)\n{", STACK + "void begin(void)\n{\n\tenter();")
    return (Objects((LinkUnit(private_unit("start", {isa: compiled(text, isa) for isa in isas}), "start.o"),)),)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test in a directory of its own, with a runtime of three functions in place of libc."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(toolchain, "standard_libraries", standard_libraries)
    (tmp_path / "answer.c").write_text(ANSWER)
    (tmp_path / "twice.c").write_text(TWICE)
    return tmp_path


def popcc(*arguments: str) -> int:
    return driver.run(arguments)


def fails(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert popcc(*arguments) == 1
    return capfd.readouterr().err


def test_compile_and_link_in_one_step(here: Path) -> None:
    assert popcc("-O2", "-o", "answer", "answer.c", "twice.c") == 0
    assert read_program(here / "answer").isas == tuple(ISAS)
    assert os.access(here / "answer", os.X_OK)
    for isa in ISAS:
        assert run(extract_isa(here / "answer", isa), isa, here).returncode == 42


def test_compile_and_link_in_two_steps_through_an_archive(here: Path) -> None:
    assert popcc("-c", "answer.c", "twice.c") == 0
    subprocess.run(["ar", "rcs", "libtwice.a", "twice.o"], check=True)
    assert popcc("answer.o", "-L.", "-ltwice", "-lm", "-pthread") == 0
    assert run((here / "a.out").read_bytes(), "x86_64", here).returncode == 42


def test_what_several_sources_say_stands_in_their_order(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each whole, though the first takes longest; from the first that fails on, nothing."""
    slow = "".join(f"int f{n}(int x) {{ return x * {n} / (x ^ {n * 7}); }}\n" for n in range(300))
    (here / "slow.c").write_text(f"{slow}#warning slow\n#warning too\n")
    for name, text in {"quick": "#warning quick\n", "wrong": "int x = ;\n", "after": "#warning after\n"}.items():
        (here / f"{name}.c").write_text(f"int {name};\n{text}")
    assert popcc("-c", "slow.c", "quick.c", "wrong.c", "after.c") == 1
    said = re.findall(r"(\w+)\.c:\d+:\d+: (?:warning|error)", capfd.readouterr().err)
    assert said == ["slow", "slow", "quick", "wrong"]
    assert not list(here.glob("*.o"))
    assert popcc("-c", "slow.c", "quick.c", "after.c") == 0
    assert {p.name for p in here.glob("*.o")} == {"slow.o", "quick.o", "after.o"}


def test_several_sources_make_the_same_as_each_alone(here: Path) -> None:
    assert popcc("-c", "answer.c", "twice.c") == 0
    together = [(here / f"{n}.o").read_bytes() for n in ("answer", "twice")]
    assert popcc("-c", "answer.c") == popcc("-c", "twice.c") == 0
    assert [(here / f"{n}.o").read_bytes() for n in ("answer", "twice")] == together


def test_objects_may_be_joined(here: Path) -> None:
    assert popcc("-r", "-o", "both.o", "answer.c", "twice.c") == 0
    assert [u.source for u in read_units((here / "both.o").read_bytes(), "both.o")] == ["answer.c", "twice.c"]
    assert popcc("both.o", "-o", "answer") == 0


def test_objects_are_reproducible(here: Path) -> None:
    assert popcc("-O2", "-c", "twice.c", "-o", "one.o") == popcc("-O2", "-c", "twice.c", "-o", "two.o") == 0
    assert (here / "one.o").read_bytes() == (here / "two.o").read_bytes()


def test_the_isas_may_be_chosen(here: Path) -> None:
    assert popcc("--isa=aarch64", "-c", "twice.c") == 0
    (unit,) = read_units((here / "twice.o").read_bytes(), "twice.o")
    assert tuple(unit.objects) == ("aarch64",)


def test_no_inputs(capfd: pytest.CaptureFixture[str]) -> None:
    assert fails(capfd) == "popcc: error: no input files\n"


def test_all_missing_inputs_are_named(capfd: pytest.CaptureFixture[str]) -> None:
    assert fails(capfd, "x.c", "answer.c", "y.o") == (
        "popcc: error: no such file or directory: 'x.c'\npopcc: error: no such file or directory: 'y.o'\n"
    )


def test_one_output_for_several_objects(capfd: pytest.CaptureFixture[str]) -> None:
    assert fails(capfd, "-c", "answer.c", "twice.c", "-o", "x.o") == (
        "popcc: error: cannot specify -o when generating multiple output files\n"
    )


def test_standard_input_needs_a_language(capfd: pytest.CaptureFixture[str]) -> None:
    assert fails(capfd, "-c", "-") == "popcc: error: -E or -x required when input is from standard input\n"


def test_a_header_is_not_precompiled(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (here / "x.h").write_text("int f(void);\n")
    assert "'x.h' is a header, and popcc makes no precompiled headers" in fails(capfd, "-c", "x.h")


def test_an_error_in_the_source_leaves_nothing(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (here / "bad.c").write_text("int x = ;\n")
    assert "bad.c:1:9: error: expected expression" in fails(capfd, "-c", "bad.c")
    assert sorted(p.name for p in here.iterdir()) == ["answer.c", "bad.c", "twice.c"]


def test_an_undefined_symbol_leaves_nothing(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = fails(capfd, "answer.c")
    assert text.startswith("popcc: error: undefined symbol: twice\n>>> referenced by answer.c\n")
    assert sorted(p.name for p in here.iterdir()) == ["answer.c", "twice.c"]


def test_an_output_that_cannot_be_written(capfd: pytest.CaptureFixture[str]) -> None:
    text = fails(capfd, "-c", "twice.c", "-o", "nowhere/x.o")
    assert text == "popcc: error: unable to open output file 'nowhere/x.o': No such file or directory\n"


def test_a_device_as_output_stays_a_device() -> None:
    assert popcc("-c", "twice.c", "-o", "/dev/null") == 0
    assert Path("/dev/null").is_char_device()


def test_an_interrupted_write_keeps_the_old_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert popcc("-c", "twice.c") == 0
    before = (here / "twice.o").read_bytes()

    def interrupted(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        popcc("-c", "-DX", "twice.c")
    assert (here / "twice.o").read_bytes() == before
    assert sorted(p.name for p in here.iterdir()) == ["answer.c", "twice.c", "twice.o"]


def test_preprocessing_goes_to_standard_output(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (here / "m.c").write_text("value __popcorn__ TWO\n")
    assert popcc("-E", "-P", "-DTWO=2", "m.c") == 0
    assert capfd.readouterr().out == "value 1 2\n"


def test_preprocessing_to_a_file(here: Path) -> None:
    assert popcc("-E", "twice.c", "-o", "twice.i") == 0
    assert "int twice(int x)" in (here / "twice.i").read_text()
    assert popcc("-c", "twice.i") == 0


@pytest.mark.parametrize(
    ("arguments", "file", "target"),
    [
        (["-c", "-MD", "dep.c"], "dep.d", "dep.o:"),
        (["-c", "-MMD", "dep.c", "-o", "out/x.o"], "out/x.d", "out/x.o:"),
        (["-c", "-MMD", "-MF", "y.dep", "-MT", "all", "dep.c"], "y.dep", "all:"),
        (["-E", "-MD", "-MF", "z.d", "dep.c", "-o", "dep.i"], "z.d", "dep.o:"),
    ],
)
def test_dependency_files(here: Path, arguments: list[str], file: str, target: str) -> None:
    (here / "out").mkdir()
    (here / "dep.h").write_text("int f(void);\n")
    (here / "dep.c").write_text('#include "dep.h"\nint f(void) { return 1; }\n')
    assert popcc(*arguments) == 0
    assert (here / file).read_text().split()[:3] == [target, "dep.c", "dep.h"]


def test_dependencies_alone(capfd: pytest.CaptureFixture[str]) -> None:
    assert popcc("-MM", "twice.c") == 0
    assert capfd.readouterr().out == "twice.o: twice.c\n"


def test_assembly_and_ir(capfd: pytest.CaptureFixture[str]) -> None:
    assert popcc("-S", "-O2", "twice.c", "-o", "-") == 0
    assert "twice:" in capfd.readouterr().out
    assert popcc("-S", "-emit-llvm", "-O2", "twice.c", "-o", "twice.ll") == 0
    assert popcc("-c", "twice.ll", "-o", "again.o") == 0


def test_the_dry_run_shows_commands_and_does_nothing(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert popcc("-###", "answer.c", "-o", "answer") == 0
    text = capfd.readouterr().err
    assert " clang " in text and "answer.c" in text and f"[popcc link for {', '.join(ISAS)}] -o answer" in text
    assert not (here / "answer").exists()


def test_the_sites_report(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (here / "r.c").write_text("int g(int); int f(int x) { return g(x) + g(x + 1) * x; }\n")
    assert popcc("-O2", "-c", "--sites-report", "r.c") == 0
    out = capfd.readouterr().out
    assert "r.c:\n  f: " in out
    assert "0 refused" in out


def test_the_map_file(here: Path) -> None:
    assert popcc("answer.c", "twice.c", "-Wl,-Map=answer.map") == 0
    assert ".text twice.c:(.text.twice)" in (here / "answer.map").read_text()


def test_debug_information_and_stripping(here: Path) -> None:
    assert popcc("-g", "-O1", "answer.c", "twice.c", "-o", "with") == 0
    assert popcc("-g", "-O1", "-s", "answer.c", "twice.c", "-o", "without") == 0
    for isa in ISAS:
        with_symbols, without = (extract_isa(here / name, isa) for name in ("with", "without"))
        assert b".debug_line" in with_symbols and b".symtab" in with_symbols
        assert b".debug_line" not in without and b"twice" not in without
        assert run(without, isa, here).returncode == 42


def test_internal_pieces_are_named_in_errors(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    def refused(*_: object) -> Unit:
        raise PopccError("twice.c:3: inline assembly")

    monkeypatch.setattr("popcc.compile.compile_source", refused)
    assert fails(capfd, "-c", "twice.c") == "popcc: error: twice.c:3: inline assembly\n"


@pytest.mark.parametrize("arguments", [["--version"], ["-E", "twice.c"], ["-###", "answer.c"], ["-dumpmachine"]])
def test_simple_questions_do_not_load_llvm(arguments: list[str]) -> None:
    code = "import sys; from popcc.driver import run; sys.exit(run(sys.argv[1:]) or 9 * ('llvmlite' in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True).returncode == 0


def test_questions(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "libx.a").write_bytes(b"!<arch>\n")
    for arguments, answer in (
        (["-dumpmachine"], "x86_64-linux-musl\n"),
        (["-dumpversion"], "19.1.7\n"),
        (["-Wl,--version"], "LLD 19.1.7 (compatible with GNU linkers)\n"),
        (["-L.", "-print-file-name=libx.a"], "libx.a\n"),
        (["-print-file-name=nothing.a"], "nothing.a\n"),
        (["-print-libgcc-file-name"], "libgcc.a\n"),
    ):
        assert popcc(*arguments) == 0
        assert capfd.readouterr().out == answer
    assert popcc("--help") == 0
    assert "--migration-points" in capfd.readouterr().out
    assert popcc("-print-nonsense") == 1
