"""What popcc says of a user's mistakes that no other test has met: one message, status 1, no output."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from link_fixtures import compiled

from popcc import answers, driver, frontend, toolchain
from popcc.errors import PopccError
from popcc.runtime.libc import build, helpers, runtime, sources

PROGRAM = "int main(void) { return 0; }\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.c").write_text(PROGRAM)
    (tmp_path / "folder.o").mkdir()
    (tmp_path / "folder.ll").mkdir()
    (tmp_path / "binary.ll").write_bytes(b"\xff\xfe")
    (tmp_path / "gcc.o").write_bytes(compiled(PROGRAM, "x86_64"))
    (tmp_path / "not.a").write_text("INPUT(libfoo.so)")
    (tmp_path / "broken.a").write_bytes(b"!<arch>\nrubbish")
    return tmp_path


def said(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The message, with nothing made."""
    before = {p.name for p in Path.cwd().iterdir()}
    assert driver.run(arguments) == 1
    assert {p.name for p in Path.cwd().iterdir()} == before
    out, err = capfd.readouterr()
    assert out == ""
    return err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-Wl,--fatal-warnings", "-ffast-math", "a.c"], "warnings are errors here (--fatal-warnings)"),
        (["-c", "-emit-llvm", "a.c"], "-emit-llvm needs -S: popcc writes IR as text only"),
        (["-r", "a.c", "-lm", "-o", "all.o"], "-lm cannot be given with -r; name the archive's objects"),
        (["-r", "folder.o"], "cannot read 'folder.o': Is a directory"),
        (["-c", "binary.ll"], "binary.ll: not LLVM IR as text"),
        (["-S", "-emit-llvm", "folder.ll"], "cannot read 'folder.ll': Is a directory"),
        (["--isa=vax", "-c", "a.c"], "unknown ISA 'vax'; known are x86_64, aarch64, riscv64"),
        (["-c", "a.c", "-frobnicate"], "unknown argument: '-frobnicate'"),
        (["-E", "a.c", "-frobnicate"], "unknown argument: '-frobnicate'"),
        (["--print-nonsense"], "unknown argument: '--print-nonsense'"),
        (["a.c", "-o", "nowhere/a"], "unable to open output file 'nowhere/a': No such file or directory"),
        (["-c", "a.c", "-o", "a.c/x.o"], "unable to open output file 'a.c/x.o': Not a directory"),
        (["a.c", "-lnothing"], "unable to find library -lnothing; give its directory with -L"),
    ],
)
def test_command_lines(arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]) -> None:
    err = said(capfd, "--isa=x86_64", *arguments) if "--isa" not in arguments[0] else said(capfd, *arguments)
    errors = [line for line in err.splitlines() if "warning" not in line or "--fatal-warnings" in line]
    assert errors == [f"popcc: error: {message}"]


def test_all_bad_inputs_of_a_link_are_named(capfd: pytest.CaptureFixture[str]) -> None:
    err = said(capfd, "folder.o", "gcc.o", "not.a", "broken.a", "-lnothing")
    assert [line.removeprefix("popcc: error: ")[:38] for line in err.splitlines()] == [
        "cannot read 'folder.o': Is a directory",
        "gcc.o: was not compiled by popcc, so i",
        "not.a: unknown file type; popcc links ",
        "broken.a: damaged archive: no member h",
        "unable to find library -lnothing; give",
    ]


def test_an_output_that_is_a_directory(capfd: pytest.CaptureFixture[str]) -> None:
    err = said(capfd, "-c", "a.c", "-o", "folder.o")
    assert err == "popcc: error: unable to open output file 'folder.o': Is a directory\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--version"], "standard output is closed"), (["-S", "a.c", "-o", "-"], "standard output is closed")],
)
def test_standard_output_is_closed(arguments: list[str], message: str) -> None:
    code = "import sys; from popcc.driver import run; sys.exit(run(sys.argv[1:]))"
    command = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"popcc: error: {message}\n")


def test_standard_output_is_full() -> None:
    code = "import sys; from popcc.driver import run; sys.exit(run(sys.argv[1:]))"
    command = ["sh", "-c", 'exec "$@" >/dev/full', "sh", sys.executable, "-c", code, "-S", "a.c", "-o", "-"]
    done = subprocess.run(command, capture_output=True, text=True)
    message = "unable to open output file '-': No space left on device"
    assert (done.returncode, done.stderr) == (1, f"popcc: error: {message}\n")


def test_no_temporary_directory(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("tempfile.TemporaryFile", none)
    assert said(capfd, "-c", "a.c") == "popcc: error: No usable temporary directory found in ['/tmp']\n"


def test_the_front_end_is_killed(
    here: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "zig").write_text("#!/bin/sh\nkill -KILL $$\n")
    (here / "zig").chmod(0o755)
    monkeypatch.setattr(frontend, "wheel", lambda: here)
    assert driver.run(["-c", "a.c"]) == 128 + 9
    assert capfd.readouterr().err == "popcc: error: the front end was killed by signal 9\n"
    assert not (here / "a.o").exists()


def test_a_missing_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PopccError, match=r"^the Python package 'ziglang' is missing; install it with"):
        frontend.wheel.__wrapped__()


def test_a_wheel_without_all_of_musl(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "musl", lambda: here)
    with pytest.raises(PopccError, match=f"^{here} holds only 0 C files of musl; popcc needs the wheel ziglang=="):
        sources.sources()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: helpers._object("muldc3", "x86_64"), r"^helper routine muldc3 \[x86_64\] can't be built: no$"),
        (lambda: runtime._object(Path("a.c"), "aarch64"), r"^a\.c \[aarch64\] can't be built: no$"),
    ],
)
def test_what_popcc_brings_along_cannot_be_built(
    make: Callable[[], bytes], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=1, stderr="no\n"))
    with pytest.raises(PopccError, match=message):
        make()


def test_a_cache_that_cannot_be_made(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POPCC_CACHE", "/proc/popcc")
    message = "can't make the cache directory /proc/popcc: No such file or directory; set POPCC_CACHE to another"
    assert said(capfd, "a.c", "-o", "a") == f"popcc: error: {message}\n"


def test_a_libc_that_is_none(here: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POPCC_LIBC", str(here / "nowhere"))
    assert f"{here}/nowhere: the cached libc is damaged (" in said(capfd, "a.c", "-o", "a")


def test_a_member_that_fails_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POPCC_CACHE", str(here / "cache"))
    monkeypatch.setattr(runtime, "FLAGS", ("-fno-such-flag",))
    with pytest.raises(PopccError, match=r"^building runtime, mem\.c: .*mem\.c \[x86_64\] can't be built: "):
        build._build(build.Part("runtime", "runtime-0", partial(tuple, ("mem.c",)), runtime.build_part), ("x86_64",))


def test_a_question_nobody_asks() -> None:
    from popcc.cc_options import parse

    with pytest.raises(PopccError, match=r"^unknown argument: '-print-what'$"):
        answers.answer(parse(["-print-what"]))


def test_another_machine() -> None:
    from popcc.runtime.popcorn.hosts import host_isa

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "uname", lambda: SimpleNamespace(machine="vax"))
        with pytest.raises(PopccError, match=r"^this machine is a vax; popcorn runs on x86_64, aarch64, riscv64"):
            host_isa()
    assert toolchain.outer_isa(("aarch64",)) == "aarch64"
