"""LLVM as popcc uses it: its options are real, its failures become messages, its IR is checked."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import llvmlite.binding as llvm
import pytest
from ir_fixtures import apply, body, line, tidy
from llvmlite.binding import ModuleRef

from popcc import codegen, isolate
from popcc import compile as compiler
from popcc.compile import compile_ir
from popcc.compile_options import CompileOptions
from popcc.errors import PopccError
from popcc.isa import ISAS, Isa
from popcc.ladder import Ladder
from popcc.passes.sites import Sites
from popcc.sites_report import sites_report

CALLS = tidy("""
declare i64 @g(i64)
define i64 @f(i64 %a, i64 %b) {
entry:
  %x = call i64 @g(i64 %a)
  %y = add i64 %x, %b
  ret i64 %y
}
""")


@pytest.mark.parametrize("size", ["", "optsize ", "minsize optsize "])
def test_what_is_not_to_be_optimised_is_not_for_size_either(size: str) -> None:
    """LLVM dies of both at once. Other functions keep what they say."""
    functions = "".join(
        f'define void @{name}() local_unnamed_addr #0 section ".text.{name}" {{\nentry:\n  ret void\n}}\n'
        for name in "fg"
    )
    text = codegen.unoptimised(f'{functions}attributes #0 = {{ nounwind {size}"a"="b" }}\n', ["f"])
    assert codegen.parse(text, "the test")
    f, g = (line for line in text.splitlines() if line.startswith("define"))
    assert f == 'define void @f() local_unnamed_addr nounwind "a"="b" noinline optnone section ".text.f" {'
    assert g == 'define void @g() local_unnamed_addr #0 section ".text.g" {'


def test_numbered_values_of_the_third_parse_are_no_others() -> None:
    """At -O0 the second parse's names are still there when functions are kept from optimisation."""
    text = codegen.unoptimised(
        'define i32 @f(i32 %b..0) #0 section ".text.f" {\n  %2 = add i32 %b..0, 1\n  ret i32 %2\n}\n'
        "attributes #0 = { nounwind }\n",
        ["f"],
    )
    assert codegen.parse(text, "the test")


def test_every_option_is_one_the_library_knows() -> None:
    """llvmlite ignores a misspelt option without a word; the names stand in the library as they are."""
    library = Path(llvm.__file__).parent / "libllvmlite.so"
    data = library.read_bytes()
    names = [option.lstrip("-").split("=")[0] for option in codegen.LLVM_OPTIONS]
    assert [n for n in names if b"\0" + n.encode() + b"\0" not in data] == []


def test_invalid_ir_is_an_internal_error_of_the_phase_before() -> None:
    with pytest.raises(
        PopccError, match=r"(?s)^internal error: invalid IR after the site pass: .*use of undefined value"
    ):
        codegen.parse("define i32 @f() {\n  ret i32 %x\n}\n", "the site pass")


def aborting(text: str) -> None:
    os.write(2, text.encode())
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_childs_last_words_become_the_message() -> None:
    with pytest.raises(isolate.Aborted, match=r"code generation died \(signal 9\): ran out of registers in 'f'"):
        isolate.start(aborting, "ran out of registers in 'f'").result()


def test_a_childs_result_and_its_exception_come_back() -> None:
    def refuse(text: str) -> None:
        raise PopccError(text)

    big = isolate.start(bytes, 10_000_000)
    with pytest.raises(PopccError, match=r"^no$"):
        isolate.start(refuse, "no").result()
    assert big.result() == bytes(10_000_000)


def test_a_function_without_enough_registers_goes_to_the_memory_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap 4: LLVM ends the process; the function is compiled again one tier down."""
    original = codegen.emit

    def emit(ir: ModuleRef, isa: Isa, optimization: str, assembly: bool = False) -> bytes:
        if isa.name == "aarch64" and "popcorn.frame" not in str(ir):
            os.write(2, b"error: ran out of registers during register allocation in function 'f'\n")
            os._exit(1)
        return original(ir, isa, optimization, assembly)

    monkeypatch.setattr(codegen, "emit", emit)
    u = compile_ir(CALLS, Path("f.c"), CompileOptions(isas=tuple(ISAS), migration_points="none"))
    assert set(u.objects) == set(ISAS) and not u.without_sites
    assert u.memory_tier == {
        "f": "no code for aarch64: error: ran out of registers during register allocation in function 'f'"
    }


def test_a_ladder_has_a_rung_without_optimisation_behind_the_memory_tier() -> None:
    ladder = Ladder().after_unproved({"f": "rbx is lost"})
    assert ladder.memory == {"f": "rbx is lost"} and not ladder.unoptimised
    lower = ladder.after_unproved({"f": "r12 is lost"})
    assert lower.memory == {"f": "rbx is lost; not optimised, since in memory r12 is lost"}
    assert list(lower.unoptimised) == ["f"] and not lower.without_sites
    assert lower.after_unproved({"f": "still"}) == lower, "there it stays, with its site marked"
    last = lower.after_death("f", (), "dead")
    assert last.without_sites == {"f": "dead"} and last.after_death("", ["f"], "dead") == last


def test_a_function_may_have_to_do_without_sites() -> None:
    text = """
    declare void @g()
    define void @f() #0 {
    entry:
      call void @g()
      ret void
    }
    attributes #0 = { noreturn nounwind memory(none) }
    """
    p = Sites(frozenset(["f"]))
    out = apply(p, text)
    assert body(out, "f") == ["entry:", "call void @g()", "ret void"] and not p.found
    assert line(out, "attributes #0") == "attributes #0 = { nounwind }", "it uses the common stack all the same"


@pytest.mark.parametrize("isa", ISAS)
def test_what_is_not_optimised_computes_again_in_each_block(isa: str) -> None:
    """A constant that two blocks use is not kept in a register from one to the other."""
    text = tidy("""
    @x = external global i64
    declare void @g()
    define void @f(i1 %c) section ".text.f" {
    entry:
      store i64 81985529216486895, ptr @x
      call void @g()
      br i1 %c, label %more, label %end
    more:
      store i64 81985529216486895, ptr @x
      call void @g()
      br label %end
    end:
      ret void
    }
    """)
    constant = {"x86_64": "movabsq", "aarch64": "movk", "riscv64": "lui\t"}[isa]

    def count(ir: str) -> int:
        return codegen.emit(ir, ISAS[isa], "2", assembly=True).decode().count(constant)

    assert count(codegen.unoptimised(text, ["f"])) > count(text)


@pytest.mark.parametrize("words", ["LLVM ERROR: Cannot select: x\nIn function: f", "Segmentation fault"])
def test_the_last_rung_is_a_function_without_sites(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """LLVM is asked for nothing there but an ordinary function; the unit's other one keeps its site."""
    original = codegen.emit

    def emit(ir: ModuleRef, isa: Isa, optimization: str, assembly: bool = False) -> bytes:
        body = re.search(r"^define [^\n]*@f\(.*?^}", str(ir), re.S | re.M)
        assert body is not None
        if "statepoint" in body[0]:
            os.write(2, words.encode())
            os._exit(1)
        return original(ir, isa, optimization, assembly)

    monkeypatch.setattr(codegen, "emit", emit)
    other = CALLS.replace("@f(", "@other(")[CALLS.index("define") :]
    u = compile_ir(CALLS + other, Path("f.c"), CompileOptions(isas=tuple(ISAS), migration_points="none"))
    assert u.without_sites["f"] == f"no code for x86_64: {words}"
    with_sites = {f.name for o in u.objects.values() for f in o.functions}
    assert with_sites == ({"other"} if "In function" in words else set()), "LLVM's own words say which it was"
    functions = {s.name for s in u.objects["x86_64"].symbols if s.type == "func"}
    assert functions == {"f", "other"}
    assert "  f: no sites, since with them there is no code for x86_64: " in sites_report([u])


def test_a_failure_that_names_no_function_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def emit(ir: ModuleRef, isa: Isa, optimization: str, assembly: bool = False) -> bytes:
        os.write(2, b"LLVM ERROR: cannot select\n")
        os._exit(1)

    monkeypatch.setattr(codegen, "emit", emit)
    with pytest.raises(
        PopccError, match=r"^f\.c \[x86_64\]: code generation died \(status 1\): LLVM ERROR: cannot select"
    ):
        compile_ir(CALLS, Path("f.c"), CompileOptions(isas=tuple(ISAS)))


@pytest.mark.parametrize("isa", ISAS)
def test_an_indirect_callee_that_is_a_relocation_is_called_itself(isa: str) -> None:
    """Trap 1: ISel would call the statepoint's first result. The second call must go through what %p was, not through
    what the first call returned."""
    text = tidy("""
    define i64 @f(ptr %p, i64 %n) {
    entry:
      %a = call i64 %p(i64 %n)
      %b = call i64 %p(i64 %a)
      ret i64 %b
    }
    """)
    common = compiler.common_ir(text, CompileOptions(isas=(isa,), migration_points="none"))
    listing = codegen.emit(common.text, ISAS[isa], "2", assembly=True).decode()
    indirect = {"x86_64": "callq\t*%", "aarch64": "blr\t", "riscv64": "jalr\t"}[isa]
    targets = [line.split(indirect)[1].split()[0] for line in listing.splitlines() if indirect in line]
    assert len(targets) == 2 and targets[1] not in ("rax", "x0", "a0")
