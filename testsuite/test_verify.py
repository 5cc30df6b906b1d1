"""Verification of maps: what is right is proved, what is altered is found, and nothing of it takes the tools down."""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import cache
from pathlib import Path

import harness
import mutants
import pytest
from msgspec.structs import replace
from popcorn_fixtures import refused, succeeds

from popcc.isa import ISAS
from popcc.linker.elf import read_elf, with_contents
from popcc.linker.link import Linked
from popcc.linker.program import read_program
from popcc.linker.verify.image import Image
from popcc.linker.verify.proved import SIZE, Proved
from popcc.linker.verify.report import verify_function, verify_program
from popcc.linker.verify.tables import read_table
from popcc.schema.sites import SiteFlag
from popcc.unit import IsaObject, Unit

PROGRAMS = Path(__file__).parent / "programs"
PER_KIND = 20


@cache
def program(name: str) -> Linked:
    return mutants.linked(PROGRAMS / f"{name}.c")


@pytest.fixture(scope="module")
def table_program(program_folder: Path) -> Path:
    return harness.compiled(PROGRAMS / "hash_table.c", ("-O2",), program_folder)


@pytest.mark.parametrize("name", ["hash_table", "bignum", "struct_return"])
def test_what_is_altered_at_random_is_rejected(name: str) -> None:
    seed = random.randrange(1 << 32)
    print(f"replay: python testsuite/mutants.py {PROGRAMS / name}.c --count {PER_KIND} --seed {seed}")
    survivors = []
    made: Counter[str] = Counter()
    found = mutants.subjects(program(name))
    assert not any(s.rejected() for s in found)
    for mutant in mutants.mutants(random.Random(seed), found, PER_KIND):
        made[mutant.kind] += 1
        if not mutant.subject.rejected():
            survivors.append((mutant.kind, mutant.subject.isa, mutant.subject.function.name, mutant.text))
    assert all(made[kind] for kind in (*mutants.OF_MAPS, *mutants.OF_CODE)), made
    assert not survivors


def test_popcorn_verify_proves_a_program(table_program: Path) -> None:
    lines = succeeds("verify", table_program).splitlines()
    assert [line.split(":")[0] for line in lines] == list(ISAS)
    assert all(line.endswith(" sites: all proved") for line in lines)
    found = json.loads(succeeds("verify", "--json", table_program))
    assert [(i["isa"], i["refused"], i["unproved"]) for i in found["isas"]] == [(isa, 0, []) for isa in ISAS]
    assert all(i["sites"] > 100 for i in found["isas"])


def test_sites_of_a_function_stand_beside_its_code(table_program: Path) -> None:
    text = succeeds("sites", table_program, "main")
    assert text.count("main on ") == len(ISAS)
    assert "  <malloc>" in text or "  <printf>" in text
    assert "            | site " in text
    assert "caller's   " in text
    found = json.loads(succeeds("sites", "--json", table_program, "main"))
    assert [f["isa"] for f in found] == list(ISAS)
    first, *others = ({s["site"]: [v["name"] for v in s["values"]] for s in f["sites"]} for f in found)
    assert others == [first] * (len(ISAS) - 1)


def test_a_function_without_sites_is_named(table_program: Path) -> None:
    text = refused("sites", table_program, "no_such")
    assert text == f"{table_program}: has no function 'no_such' with sites; 'popcorn sites {table_program}' lists all"


@pytest.mark.parametrize("section", [".text", ".popcorn.sites"])
def test_a_patched_executable_is_refused(section: str, table_program: Path, tmp_path: Path) -> None:
    data = table_program.read_bytes()
    header = read_elf(data, "program").section(section)
    assert header is not None
    at = header.offset + header.size // 2
    patched = tmp_path / "patched"
    patched.write_bytes(data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :])
    patched.chmod(0o755)
    page = header.size // 2 // 4096 * 4096
    for command in ("verify", "run"):
        text = refused(command, patched)
        assert text.startswith(
            f"{patched}: section {section} was altered after popcc linked it, between offset {page:#x}"
        )


@pytest.mark.parametrize("isa", ISAS)
def test_unknown_instructions_leave_a_function_unproved_and_are_shown(isa: str) -> None:
    unknown = b"\xff" * 8
    subject = next(s for s in mutants.subjects(program("hash_table")) if s.isa == isa and s.function.name == "main")
    elf = subject.image.elf
    text = elf.section(".text")
    assert text is not None
    at = text.offset + subject.function.start - text.address + 16
    data = elf.data[:at] + unknown + elf.data[at + len(unknown) :]
    altered = replace(subject, image=Image(read_elf(data, elf.where)))
    findings = verify_function(isa, altered.image, altered.function)
    assert findings and any("ff" in f.text for f in findings), findings


def test_a_failure_of_the_verifier_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    from popcc.linker.verify import report

    def fails(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(report, "read_body", fails)
    subject = mutants.subjects(program("hash_table"))[0]
    (finding,) = verify_function(subject.isa, subject.image, subject.function)
    assert finding.text == "the verifier failed: ZeroDivisionError: oh"


def _wrong(unit: Unit, isa: str, function: str) -> Unit:
    """The unit with a frame size that is wrong at all sites of a function on one ISA."""

    def altered(o: IsaObject) -> IsaObject:
        return replace(
            o,
            functions=tuple(
                replace(f, sites=tuple(replace(s, frame=s.frame + 16) for s in f.sites)) if f.name == function else f
                for f in o.functions
            ),
        )

    return replace(unit, objects={i: altered(o) if i == isa else o for i, o in unit.objects.items()})


def _link(unit: Unit, proved: Proved | None = None) -> Linked:
    return mutants.program_of([unit], verify=True, proved=proved)


def test_what_cannot_be_proved_is_refused_on_all_isas(tmp_path: Path) -> None:
    unit = program("hash_table").resolution.units[0].unit
    linked = _link(_wrong(unit, "aarch64", "main"))
    (problem,) = linked.unproved
    assert str(problem).startswith(f"{unit.source}:")
    assert " in main [aarch64]: the frame is " in str(problem)
    assert str(problem).endswith("threads can't move while they are in this function")
    file = tmp_path / "program"
    file.write_bytes(linked.program)
    info = read_program(file)
    for isa in ISAS:
        table = read_table(read_elf(info.executable(isa), isa))
        sites = {f.name: [s.flags & SiteFlag.UNUSABLE for s in f.sites] for f in table}
        assert all(sites.pop("main"))
        assert not any(flag for flags in sites.values() for flag in flags)
    results = list(verify_program(info))
    assert [(r.findings, r.refused > 0) for r in results] == [((), True)] * len(ISAS)


def test_what_was_proved_is_not_proved_again(tmp_path: Path) -> None:
    unit = program("hash_table").resolution.units[0].unit
    proved = tmp_path / "proved"
    first = _link(unit, Proved(proved))
    assert not first.unproved
    functions = entries(proved)
    assert len(functions) > 50
    again = _link(unit, Proved(proved))
    assert (again.program, entries(proved)) == (first.program, functions)
    # what stands in the file counts, but for no other map than the one that was proved
    assert _link(_wrong(unit, "x86_64", "main"), Proved(proved)).unproved
    # what is lost is proved again; a function's own entry is not missed while its unit has one
    for left in (-1, 1):
        proved.write_bytes(proved.read_bytes()[:left])
        assert not _link(unit, Proved(proved)).unproved
    assert set(entries(proved)) >= set(functions)


def entries(file: Path) -> list[bytes]:
    data = file.read_bytes()
    return sorted(filter(any, (data[at : at + SIZE] for at in range(0, len(data), SIZE))))


def test_more_proofs_than_a_row_of_the_table_holds(tmp_path: Path) -> None:
    """Some are forgotten, those of other rows are not, and nothing is known that was never added."""
    table = tmp_path / "table"
    many = [bytes([1, 2, n]) + bytes([n]) * (SIZE - 3) for n in range(1, 21)]
    other = bytes([1, 3]) + b"x" * (SIZE - 2)
    for fingerprint in (other, *many):
        Proved(table).add([fingerprint])
    known = Proved(table)
    assert many[-1] in known and other in known
    assert 1 < sum(f in known for f in many) < len(many)
    assert bytes([1, 2, 99]) + many[0][3:] not in known
    assert many[0] not in Proved(tmp_path / "none")


def test_a_damaged_table_is_one_message(tmp_path: Path) -> None:
    from popcc.errors import PopccError

    linked = program("hash_table")
    elf = read_elf(linked.program, "program")
    section = elf.section(".popcorn.sites")
    assert section is not None
    contents = elf.contents(section)
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(200):
        at = rng.randrange(len(contents) - 4)
        altered = contents[:at] + rng.randbytes(4) + contents[at + 4 :]
        try:
            table = read_table(read_elf(with_contents(linked.program, "p", ".popcorn.sites", altered), "p"))
        except PopccError as e:
            assert str(e).startswith("p: its site table is damaged (")
        else:
            assert table
