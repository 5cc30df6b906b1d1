"""Literals of long double that 64 bits don't hold are pointed out; others, and other people's, are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from popcc import toolchain
from popcc.literals import _is_rounded, rounded_literals


@pytest.mark.parametrize(
    ("number", "rounded"),
    [
        ("0x1.8p0", False),
        ("0x1.fffffffffffffp1023", False),
        ("0x1.fffffffffffff8p0", True),
        ("0xc.90fdaa22168c235p-2", True),
        ("0x1p16383", True),
        ("0x1p-16445", True),
        ("0x0p0", False),
        ("0.1", False),
        ("3.14159265358979323846", True),
        ("1.5000000000000000000000", False),
        ("18446744073709551616.", False),
        ("1.000000000000000000001e400", True),
        (".5e-3", False),
    ],
)
def test_what_is_rounded(number: str, rounded: bool) -> None:
    assert _is_rounded(number) == rounded


def test_they_are_found_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "own.h").write_text("#define PI 3.14159265358979323846L\n")
    source = tmp_path / "a.c"
    source.write_text(
        '#include <math.h>\n#include "own.h"\n'
        "long double a = 1.0L, b = 0x1.fffffffffffffffep0L;\n"
        'const char *c = "2.71828182845904523536L";\n'
        "double d = 2.71828182845904523536;\n"
        "#if 0\nlong double e = 2.71828182845904523536L;\n#endif\n"
        "long double f = PI, g = PI;\n"
    )
    found = rounded_literals(source, (), toolchain.include_dirs())
    why = "is rounded to 53 bits: long double is 64 bits wide on all ISAs"
    assert [w.split(";")[0] for w in found] == [
        f"{source}:3:27: 0x1.fffffffffffffffep0L {why}",
        f"{source}:9: 3.14159265358979323846L {why}",
    ]


def test_nothing_is_preprocessed_for_a_source_without_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.run", None)
    source = tmp_path / "a.c"
    source.write_text("long double a = 1.5L;\n")
    assert rounded_literals(source, (), ()) == []
    assert rounded_literals(tmp_path / "none.c", (), ()) == []
