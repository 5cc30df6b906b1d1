"""What was proved before: which changes make it count no more, of units as a whole."""

from __future__ import annotations

from pathlib import Path

import mutants
import pytest

from popcc.compile import compile_source
from popcc.compile_options import CompileOptions
from popcc.isa import ISAS
from popcc.linker.addresses import Addresses
from popcc.linker.link import Linked
from popcc.linker.verify import fingerprints, linked
from popcc.linker.verify.proved import Proved
from popcc.runtime.libc.headers import include_dirs

MAIN = """
#include <stdio.h>
extern const long limits[];
extern long count;
static long (*const kinds[])(long);
static long twice(long n) { return puts("twice") + 2 * n + count; }
static long (*const kinds[])(long) = {twice};
int main(int n, char **v) { return puts("main") + kinds[n & 0](limits[n & 1]) > 100; }
"""
LIMITS = "const long limits[2] = {3, 4}; long count = 1;\n"


def program(folder: Path, main: str = MAIN, limits: str = LIMITS, proved: Proved | None = None) -> Linked:
    units = []
    for name, text in (("main.c", main), ("limits.c", limits)):
        (folder / name).write_text(text)
        options = CompileOptions(tuple(ISAS), tuple(include_dirs()), ("-w",), "1")
        units.append(compile_source(folder / name, options))
    return mutants.program_of(units, verify=proved is not None, proved=proved)


def of_main(made: Linked, isa: str) -> bytes:
    file = fingerprints.Objects(Addresses(isa, made.resolution, made.layout)).file(0)
    return fingerprints.unit_fingerprint(file, b"")


@pytest.mark.parametrize("isa", list(ISAS))
def test_a_unit_is_known_by_all_that_its_proofs_go_by(isa: str, tmp_path: Path) -> None:
    first = of_main(program(tmp_path), isa)
    assert of_main(program(tmp_path), isa) == first
    # what moves, or can be written to, is nothing that a proof goes by
    assert of_main(program(tmp_path, limits=LIMITS.replace("1;", "2; long more[100] = {1};")), isa) == first
    assert of_main(program(tmp_path, limits=LIMITS.replace("4", "5")), isa) != first
    assert of_main(program(tmp_path, main=MAIN.replace("2 * n", "3 * n")), isa) != first


def test_functions_of_a_unit_that_is_known_are_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proved = Proved(tmp_path / "proved")
    first = program(tmp_path, proved=proved)
    with monkeypatch.context() as patch:
        patch.delattr(linked, "fingerprint")
        patch.delattr(linked, "verify_function")
        assert program(tmp_path, proved=Proved(tmp_path / "proved")).program == first.program
        # code that lld did not leave as it was is looked at all the same
        patch.setattr(linked, "unchanged", lambda file, function, code: function.map.name != "main")
        with pytest.raises(NameError, match="verify_function"):
            program(tmp_path, proved=Proved(tmp_path / "proved"))
