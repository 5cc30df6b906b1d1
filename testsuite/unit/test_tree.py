"""The tree itself: short modules, nothing left over, documented, generated files fresh, no registry's host named."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from popcc.isa import ISAS
from popcc.schema.header import HEADER, c_header

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("popcc", "passes", "linker", "runtime", "testsuite", "benchmarks")
GENERATED = {HEADER.name}
LINES = 400
COMMON = "x86_64"  # the ISA whose numbers and layouts all speak: the code has to name it here and there
LEFT_OVER = re.compile(r"\b(?:FIX" r"ME|XX" r"X|TO" r"DO)\b")
BANNER = re.compile(r"^\s*(?:/\*|//|#)\s*([-=*#~])\1{3,}|^\s*(?:/\*|//|#)[^\w]*--+ .* --+\s*(?:\*/)?$")
# where packages of any kind are fetched from, and archives of systems
REGISTRY = re.compile(
    r"\b(?:[\w-]+\.)*(?:debian\.(?:org|net)|ubuntu\.com|pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|crates\.io"
    r"|rubygems\.org|conda\.(?:io|org)|maven\.org|golang\.org|nodesource\.com)\b"
)


def walk(folder: Path) -> Iterator[Path]:
    """Its own files; the links in popcc/ lead to folders that are walked anyhow."""
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.name.startswith(".") or path.name in ("__pycache__", "build"):
            continue
        if path.is_dir():
            yield from walk(path)
        else:
            yield path


def sources(*suffixes: str) -> list[Path]:
    return [p for folder in FOLDERS for p in walk(ROOT / folder) if p.suffix in suffixes]


def texts() -> list[Path]:
    """Everything that people read or tools run, documents and settings of the top included."""
    top = [p for p in sorted(ROOT.iterdir()) if p.is_file() and p.suffix in (".md", ".toml", "") and p.name[0] != "."]
    return [
        *top,
        *walk(ROOT / ".ci"),
        *sources(".py", ".c", ".h", ".S", ".s", ".in", ".inc", ".txt", ".md", ".toml", ".sh"),
    ]


def complaints(files: list[Path], pattern: re.Pattern[str], strings_too: bool = True) -> list[str]:
    """Places where a line, or only its comment, has what it should not."""
    found = []
    for path in files:
        lines = path.read_text(errors="replace").splitlines()
        if not strings_too:
            lines = comments(path, lines)
        found += [f"{path.relative_to(ROOT)}:{n}: {x.strip()}" for n, x in enumerate(lines, 1) if pattern.search(x)]
    return found


def comments(path: Path, lines: list[str]) -> list[str]:
    """Each line without what is no comment; a C string can't be one ("/tmp/popcc-" and six X make a template)."""
    if path.suffix != ".py":
        return [re.sub(r'"(?:\\.|[^"\\])*"', '""', x) for x in lines]
    kept = [""] * len(lines)
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                kept[token.start[0] - 1] = token.string
    return kept


def test_modules_are_short() -> None:
    lengths = {p: len(p.read_text(errors="replace").splitlines()) for p in sources(".py", ".c", ".h", ".S")}
    long = [f"{p.relative_to(ROOT)}: {n} lines" for p, n in lengths.items() if n > LINES and p.name not in GENERATED]
    assert not long, f"split at an idea; {LINES} lines are the most:\n" + "\n".join(long)


def test_nothing_is_left_for_later() -> None:
    found = complaints(sources(".py", ".c", ".h", ".S"), LEFT_OVER, strings_too=False)
    assert not found, "do it, or file an issue:\n" + "\n".join(found)


def test_there_are_no_section_banners() -> None:
    found = complaints(sources(".py", ".c", ".h", ".S"), BANNER, strings_too=False)
    assert not found, "a section that needs a banner is a module:\n" + "\n".join(found)


def test_no_registry_is_named() -> None:
    found = complaints([p for p in texts() if p != Path(__file__).resolve()], REGISTRY)
    assert not found, "ask the system's own configuration for the address:\n" + "\n".join(found)


def test_the_generated_header_is_fresh() -> None:
    assert HEADER.read_text() == c_header(), "run python -m popcc.schema"


def test_every_module_says_what_it_is() -> None:
    mute = [
        str(p.relative_to(ROOT))
        for p in sources(".py")
        if (body := ast.parse(p.read_text()).body) and ast.get_docstring(ast.Module(body, [])) is None
    ]
    assert not mute, "give each a docstring:\n" + "\n".join(mute)


def test_the_package_is_imported_by_its_own_name() -> None:
    """A bare `import passes` would load a second copy of it."""
    found = complaints(sources(".py"), re.compile(r"^\s*(?:from|import) (?:passes|linker|runtime)\b"))
    assert not found, "import popcc.passes, popcc.linker, popcc.runtime:\n" + "\n".join(found)


@pytest.mark.parametrize("isa", [isa for isa in ISAS if isa != COMMON])
def test_nobody_tests_an_isas_name(isa: str) -> None:
    """What depends on it is data in its own modules and folder, which two lists take in."""
    lists = {ROOT / folder / "__init__.py" for folder in ("popcc/isa", "linker/machine")}
    files = [p for folder in FOLDERS[:4] for p in walk(ROOT / folder) if p.suffix in (".py", ".c", ".h")]
    own = [p for p in files if p.stem.startswith(isa) or isa in p.parts]
    assert own
    name = re.compile(
        rf"[\"']{isa}[\"']|\b{isa.upper()}(?:_MACHINE)?\b|\b__{isa.removesuffix('64')}(?:64)?\b|isa\.{isa}\b"
    )
    found = complaints([p for p in files if p not in own and p not in lists], name)
    assert not found, f"put it into {isa}'s own tables:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (BANNER, "/* ---- the table ---- */"),
        (BANNER, "# -----"),
        (BANNER, "    # -- numbers --"),
        (BANNER, "// ======"),
        (LEFT_OVER, "/* FIX" "ME: later */"),
        (REGISTRY, "http://deb." "debian.org/debian"),
        (REGISTRY, "https://py" "pi.org/simple"),
    ],
)  # fmt: skip
def test_what_is_looked_for_is_found(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


@pytest.mark.parametrize("line", [" *\tCFA ----> +-----+", "# from 1 -- or 2", "/* a - b */", "    #: x", "#!/bin/sh"])
def test_what_is_no_banner_is_not(line: str) -> None:
    assert not BANNER.search(line)


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.name)
def test_a_benchmark_finds_what_it_imports(path: Path) -> None:
    """As a command, with nothing but its own folder on the path."""
    words = f"import runpy, sys; sys.path.insert(0, {str(path.parent)!r}); runpy.run_path({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
