"""The laws of the design (section 2), each broken on purpose: the checks must notice, or the law is only words.

| law | broken here | and elsewhere (module: test) |
|---|---|---|
| 1 one IR | a data byte differs; one ISA lacks a site | linker_program: differences_between_isas |
| 2 one address space | a symbol, a section moved; TLS image | linker_program: functions_that_share_a_section |
| 3 no machine pointer | an alloca left behind | maps: address_in_the_frame_that_gets_out |
| 4 complete, or not used | a value lost: to memory, then unusable | maps; state: map_that_lacks_something (poison) |
| 5 (site, values) | a value that only one ISA needs | image: restored_on_either_isa |
| 6 same bits | contraction, minima of zeros | pass_samebits; programs/no_contraction.c |
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from ir_fixtures import apply, tidy
from link_fixtures import EVERY, linked, run, unit
from msgspec.structs import replace

from popcc import codegen, frontend
from popcc import compile as compiler
from popcc.compile import compile_ir
from popcc.compile_options import CompileOptions
from popcc.errors import PopccError
from popcc.isa import ISAS, Isa
from popcc.linker import checks
from popcc.linker.elf import read_elf
from popcc.linker.index import index_object
from popcc.linker.link import Linked
from popcc.linker.maps import complete as completion
from popcc.linker.program import extract_isa
from popcc.optimiser import optimise
from popcc.passes.commonstack import CommonStack
from popcc.passes.target import TargetWords
from popcc.schema.sites import NO_LOCATION, FunctionFlag, SiteFlag
from popcc.unit import FunctionMap, SiteInfo, Unit

OPTIONS = CompileOptions(isas=EVERY, migration_points="none")
PROGRAM = """
int shared = 5;
__attribute__((section(".ptls.t"))) int local = 7;
int main(void) { return shared + local; }
"""
CALLS = tidy("""
declare i64 @g(i64)
define i64 @f(i64 %a, i64 %b) {
entry:
  %x = call i64 @g(i64 %a)
  %y = add i64 %x, %b
  %z = call i64 @g(i64 %y)
  %s = add i64 %z, %y
  ret i64 %s
}
""")


@cache
def program() -> tuple[Linked, dict[str, bytes]]:
    """A linked program and its executables, which satisfy the linker's checks."""
    made = linked(unit("main.c", PROGRAM))
    return made, dict(_executables(made))


def _executables(made: Linked) -> list[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program"
        path.write_bytes(made.program)
        return [(isa, extract_isa(path, isa)) for isa in EVERY]


def check(executables: dict[str, bytes]) -> None:
    checks.check_executables(executables, program()[0].layout, 0x80000000)


def with_byte_changed(isa: str, section: str, at: int = 0) -> dict[str, bytes]:
    """The executables, one with another byte in a section."""
    files = program()[1]
    found = read_elf(files[isa], isa).section(section)
    assert found is not None and found.size > at
    data = bytearray(files[isa])
    data[found.offset + at] ^= 1
    return {**files, isa: bytes(data)}


def with_symbol_moved(isa: str, name: str) -> dict[str, bytes]:
    """The executables, one with a symbol 16 bytes further on."""
    files = program()[1]
    file = read_elf(files[isa], isa)
    table = next(s for s in file.sections if s.name == ".symtab")
    number = next(k for k, s in enumerate(file.symbols) if s.name == name)
    data = bytearray(files[isa])
    at = table.offset + 24 * number + 8
    (value,) = struct.unpack_from("<Q", data, at)
    assert value == file.symbols[number].value
    struct.pack_into("<Q", data, at, value + 16)
    return {**files, isa: bytes(data)}


def with_section_moved(isa: str, name: str) -> dict[str, bytes]:
    files = program()[1]
    file = read_elf(files[isa], isa)
    found = file.section(name)
    assert found is not None
    (headers,) = struct.unpack_from("<Q", files[isa], 0x28)
    at = headers + 64 * found.index + 16
    data = bytearray(files[isa])
    assert struct.unpack_from("<Q", data, at) == (found.address,)
    struct.pack_into("<Q", data, at, found.address + 4096)
    return {**files, isa: bytes(data)}


def test_the_control_an_unaltered_program_passes() -> None:
    check(program()[1])


@pytest.mark.parametrize("isa", EVERY)
def test_law_1_a_data_byte_that_differs(isa: str) -> None:
    with pytest.raises(PopccError, match=r"\.data differs at 0x[0-9a-f]+ \(shared\+0x0\)"):
        check(with_byte_changed(isa, ".data"))


@pytest.mark.parametrize("isa", EVERY)
def test_law_2_a_thread_local_image_that_differs(isa: str) -> None:
    file = read_elf(program()[1][isa], isa)
    (section,) = (s for s in file.sections if "tls" in s.name)
    with pytest.raises(PopccError, match=rf"{section.name} differs at"):
        check(with_byte_changed(isa, section.name))


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("name", ["main", "shared", "local"])
def test_law_2_a_symbol_at_another_address(isa: str, name: str) -> None:
    other = EVERY[1] if isa == "x86_64" else isa
    with pytest.raises(PopccError, match=rf"symbol {name} is at 0x\w+.* on x86_64 and at 0x\w+.* on {other}"):
        check(with_symbol_moved(isa, name))


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("name", [".text", ".data"])
def test_law_2_a_section_at_another_address(isa: str, name: str) -> None:
    with pytest.raises(PopccError, match=rf"{isa}: section \{name} lies 0x\w+\.\.0x\w+, not 0x"):
        check(with_section_moved(isa, name))


Complete = Callable[[bytes, Isa, tuple[SiteInfo, ...]], tuple[FunctionMap, ...]]


def altered(monkeypatch: pytest.MonkeyPatch, change: Callable[[FunctionMap, str], FunctionMap]) -> Unit:
    """`CALLS`, compiled with every function map changed behind the completion's back."""
    original: Complete = completion.complete

    def complete(elf: bytes, isa: Isa, sites: tuple[SiteInfo, ...]) -> tuple[FunctionMap, ...]:
        return tuple(change(f, isa.name) for f in original(elf, isa, sites))

    monkeypatch.setattr("popcc.generate.complete", complete)
    return compile_ir(CALLS, Path("f.c"), OPTIONS)


def usable(u: Unit) -> dict[str, set[int]]:
    return {
        isa: {s.id for f in o.functions for s in f.sites if not s.flags & SiteFlag.UNUSABLE}
        for isa, o in u.objects.items()
    }


def on_all(*ids: int) -> dict[str, set[int]]:
    return {isa: set(ids) for isa in EVERY}


def test_the_control_every_site_is_proved_on_all_isas() -> None:
    u = compile_ir(CALLS, Path("f.c"), OPTIONS)
    assert usable(u) == on_all(0, 1) and not u.memory_tier


def test_law_1_a_site_that_one_isa_lacks_is_used_on_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever left from there could arrive nowhere."""
    u = altered(monkeypatch, lambda f, isa: replace(f, sites=f.sites[:1]) if isa == "aarch64" else f)
    assert usable(u) == on_all(0)
    (lacking,) = (s for s in u.objects["x86_64"].functions[0].sites if s.id == 1)
    assert lacking.unproved == "its call is not in the code for aarch64"


def test_law_3_an_alloca_left_on_the_machine_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    text = tidy("""
    declare void @g(ptr)
    define void @f() {
    entry:
      %local = alloca [4 x i32], align 4
      call void @g(ptr %local)
      ret void
    }
    """)
    assert compile_ir(text, Path("f.c"), OPTIONS).sites
    monkeypatch.setattr(CommonStack, "apply", lambda self, module: module)
    with pytest.raises(PopccError, match=r"in f: left on the machine stack: +%local = alloca \[4 x i32\]"):
        compile_ir(text, Path("f.c"), OPTIONS)


def unproved(f: FunctionMap, isa: str) -> FunctionMap:
    """The map as if a value were lost at site 1 of x86_64."""
    if isa != "x86_64":
        return f
    return replace(f, sites=tuple(replace(s, unproved="rbx is lost") if s.id == 1 else s for s in f.sites))


def test_law_4_an_unproved_site_sends_its_function_to_memory_and_is_then_used_on_no_isa(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    u = altered(monkeypatch, unproved)
    assert list(u.memory_tier) == ["f"]
    assert usable(u) == on_all(0)
    assert all(f.flags & FunctionFlag.MEMORY_TIER for o in u.objects.values() for f in o.functions)
    values = [[name for name, _ in s.values] for s in u.sites]
    assert values == [["popcorn.frame"]] * 2, "in the memory tier nothing but the frame crosses a site"


def test_law_4_the_memory_tier_mends_what_only_registers_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost_unless_in_memory(f: FunctionMap, isa: str) -> FunctionMap:
        return f if f.flags & FunctionFlag.HAS_FRAME else unproved(f, isa)

    u = altered(monkeypatch, lost_unless_in_memory)
    assert list(u.memory_tier) == ["f"] and usable(u) == on_all(0, 1)


def test_law_5_a_value_that_only_one_isa_needs_goes_to_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A constant to one ISA's code, a value to another's: the one could not tell the other what it is."""

    def constant_here(f: FunctionMap, isa: str) -> FunctionMap:
        if isa != "aarch64" or f.flags & FunctionFlag.HAS_FRAME:
            return f
        return replace(f, sites=tuple(replace(s, values=(NO_LOCATION, *s.values[1:])) for s in f.sites))

    assert altered(monkeypatch, constant_here).memory_tier == {"f": "a value is a constant on one ISA only"}


def test_law_5_frames_differ_and_what_travels_does_not() -> None:
    """Per ISA: registers, slots, frame sizes. In common: which values, in which order."""
    u = compile_ir(CALLS, Path("f.c"), OPTIONS)
    by_isa = {isa: {s.id: s for f in o.functions for s in f.sites} for isa, o in u.objects.items()}
    assert [tuple(n for n, _ in s.values) for s in u.sites] == [("b",), ("y",)]
    for id_, info in enumerate(u.sites):
        sites = [by_isa[isa][id_] for isa in EVERY]
        assert {len(s.values) for s in sites} == {len(info.values)}
        assert len({(s.saved, s.values) for s in sites}) == len(EVERY)


SUM = r"""
void put(const char *);
volatile double a = 1 + 0x1p-30, b = 1 - 0x1p-30, c = -1, zero = 0.0, minus = -0.0;
double fmin(double x, double y)
{
	if (x == y) return __builtin_signbit(x) ? x : y;
	return x < y ? x : y;
}
#pragma STDC FP_CONTRACT ON
int main(void)
{
	double sum = a * b + c;
	int first = __builtin_signbit(__builtin_fmin(zero, minus)) != 0;
	int second = __builtin_signbit(__builtin_fmin(minus, zero)) != 0;
	return (sum == 0) | first << 1 | second << 2;
}
"""


def bits(text: str, folder: Path) -> dict[str, int]:
    """What the program returns on each ISA, generated from one IR as it is."""
    objects = {isa: index_object(codegen.emit(text, ISAS[isa], "2"), "sum.c") for isa in EVERY}
    made = linked(Unit("0" * 16, "sum.c", False, (), (), {}, {}, objects))
    out = {}
    for isa, executable in _executables(made):
        done = run(executable, isa, folder)
        assert done.returncode >= 0, done
        out[isa] = done.returncode
    return out


def test_law_6_one_isa_rounds_once_where_another_rounds_twice(tmp_path: Path) -> None:
    """The control is LLVM left to itself, on the same IR; then the same program through the passes."""
    source = tmp_path / "sum.c"
    source.write_text(SUM)
    ir = frontend.to_ir(source, (), (), "2", "")
    left_alone = bits(optimise(apply(TargetWords(), ir), "2"), tmp_path)
    assert left_alone["x86_64"] != left_alone["aarch64"]
    ours = bits(compiler.common_ir(ir, OPTIONS).text, tmp_path)
    assert ours == dict.fromkeys(EVERY, 0b111)
