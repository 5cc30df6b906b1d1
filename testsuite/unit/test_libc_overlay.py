"""The libc overlay and the runtime's generated parts."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from popcc.errors import ErrorGroup
from popcc.frontend import base_flags, clang
from popcc.isa import ISAS
from popcc.runtime.libc import build, headers, library, numbers, runtime, sources
from popcc.unit import decode_units


@pytest.mark.parametrize("path", numbers.generated(), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_generated_headers_are_fresh(path: Path) -> None:
    assert path.read_text() == numbers.generated()[path], "run python -m popcc.runtime.libc.numbers"


def test_every_common_call_exists_on_every_isa() -> None:
    for isa in ISAS:
        assert "= 0," not in numbers.native_header(isa), isa


def test_legacy_calls_are_gone() -> None:
    legacy = numbers.legacy_names()
    assert {"open", "stat", "fork", "poll", "dup2", "arch_prctl"} <= set(legacy)
    assert not {"openat", "newfstatat", "clone", "ppoll", "dup3", "mmap", "futex"} & set(legacy)


def test_overlay_replaces_and_adds() -> None:
    found = {s.name: s.path for s in sources.sources()}
    assert found["string/memcpy"].is_relative_to(headers.HERE)
    assert found["env/__init_tls"].is_relative_to(headers.HERE)
    assert found["stdio/printf"].is_relative_to(headers.musl())
    assert not {"setjmp/setjmp", "thread/clone", "fenv/fenv", "malloc/oldmalloc/malloc"} & set(found)


OVERLAY = [s for s in sources.sources() if s.path.is_relative_to(headers.HERE)]


@pytest.mark.parametrize("source", OVERLAY, ids=lambda s: s.name)
def test_overlay_compiles_without_warnings(source: sources.Source) -> None:
    flags = [f for f in sources.FLAGS if f != "-w"]
    command = [
        *clang(), *base_flags(headers.internal_include_dirs()), *flags,
        "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-parentheses", "-fsyntax-only", str(source.path),
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_llvm_makes_code_of_all_of_musl(program_folder: Path) -> None:
    """No function goes down the ladder because code generation died."""
    index = library.library(tuple(ISAS)) / "index.json"
    files = {index.parent / name for name in json.loads(index.read_text()).values()}
    units = [unit for file in sorted(files) for unit in decode_units(file.read_bytes(), file.name)]
    assert len(units) > 1000
    lower = [(f, why) for u in units for f, why in (*u.memory_tier.items(), *u.without_sites.items())]
    assert [f for f, why in lower if why.startswith("no code")] == []


def test_programs_see_the_common_format(tmp_path: Path) -> None:
    file = tmp_path / "format.c"
    file.write_text(
        "#define _GNU_SOURCE\n#include <sys/epoll.h>\n#include <sys/stat.h>\n#include <sys/syscall.h>\n"
        "#include <setjmp.h>\n#include <float.h>\n#include <fcntl.h>\n#include <stdarg.h>\n#include <stdint.h>\n"
        "#if defined __x86_64__ || defined SYS_open || !defined SYS_openat || SYS_openat != 257\n#error\n#endif\n"
        '_Static_assert(sizeof(struct epoll_event) == 12, "");\n_Static_assert(sizeof(struct stat) == 144, "");\n'
        '_Static_assert(sizeof(long double) == 8 && LDBL_MANT_DIG == 53 && LDBL_DIG == 15, "");\n'
        '_Static_assert(O_DIRECTORY == 0200000 && sizeof(__jmp_buf) == 256, "");\n'
    )
    run = subprocess.run(
        [*clang(), *base_flags(headers.include_dirs()), "-Wall", "-Werror", "-fsyntax-only", str(file)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


def test_runtime_parts_belong_to_every_isa() -> None:
    isas = tuple(ISAS)
    for name in runtime.names(isas):
        if (numbers.RUNTIME / name).exists() or (numbers.DSM / name).exists():
            continue
        assert all((numbers.RUNTIME / "arch" / isa / name).exists() for isa in isas), name


def test_index_prefers_the_strong_definition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POPCC_CACHE", str(tmp_path))
    parts = tuple(build.Part(n, f"{n}-0", tuple, runtime.build_part) for n in ("one", "two"))
    for part, binding in zip(parts, ("weak", "global"), strict=True):
        (tmp_path / part.folder).mkdir()
        (tmp_path / part.folder / "symbols.json").write_text(json.dumps({f"{part.name}m": {"hook": binding}}))
    index = tmp_path / "libc-0"
    build._write_index(index, parts)
    assert json.loads((index / "index.json").read_text()) == {"hook": "../two-0/twom.unit"}


def test_a_part_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POPCC_CACHE", str(tmp_path))
    monkeypatch.setattr(runtime, "FLAGS", ("-fno-such-flag",))
    part = build.Part("runtime", "runtime-0", partial(tuple, ("mem.c", "message.c")), runtime.build_part)
    with pytest.raises(ErrorGroup) as caught:
        build._build(part, tuple(ISAS))
    assert len(caught.value.errors) == 2 and "-fno-such-flag" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_build_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POPCC_CACHE", str(tmp_path))
    (tmp_path / ".runtime-0-x").mkdir()
    (tmp_path / ".runtime-0-x" / "mem.c.unit").write_text("half")
    part = build.Part("runtime", "runtime-0", partial(tuple, ("mem.c",)), runtime.build_part)
    monkeypatch.setattr(build, "_parts", lambda folders, isas: (part,))
    made = library.library(tuple(ISAS))
    assert {p.name for p in tmp_path.iterdir() if p.suffix != ".lock"} == {"runtime-0", made.name}


KILLED = """
import os, signal, sys, time
from popcc.runtime.libc import build
with build.lock("part"):
    if child := os.fork():
        print(child, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    os.close(1)
    time.sleep(60)
"""


def test_a_worker_that_outlives_its_build_holds_up_nobody(tmp_path: Path) -> None:
    lock = tmp_path / "part.lock"
    worker = int(
        subprocess.run(
            [sys.executable, "-c", KILLED],
            stdout=subprocess.PIPE,
            timeout=30,
            env={**os.environ, "POPCC_CACHE": str(tmp_path)},
        ).stdout
    )
    try:
        with lock.open("w") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.kill(worker, signal.SIGKILL)
