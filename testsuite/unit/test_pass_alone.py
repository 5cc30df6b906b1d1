"""A few functions by themselves: what else the module has is declared."""

from __future__ import annotations

from ir_fixtures import tidy

from popcc import codegen
from popcc.ir import model
from popcc.passes.alone import alone

TEXT = tidy("""
%pair = type { i32, ptr }
@text = private constant [3 x i8] c"ab\\00", section ".rodata.text", align 1
@table = internal constant [2 x %pair] [%pair { i32 1, ptr @text }, %pair { i32 2, ptr @g }], align 8
@counter = internal global i32 0, section ".bss.counter", align 4
@elsewhere = external global i32, align 4
@perhaps = extern_weak global i32, align 4
@llvm.used = appending global [1 x ptr] [ptr @f], section "llvm.metadata"
define dso_local range(i32 0, 9) i32 @f(ptr noundef %p, i32 %n) #0 section ".text.f" {
entry:
  %x = call fastcc i32 @g(ptr %p)
  %y = load i32, ptr @counter, align 4
  %z = load ptr, ptr getelementptr inbounds (%pair, ptr @table, i64 1, i32 1), align 8
  %r = add i32 %x, %y
  ret i32 %r
}
define internal fastcc i32 @g(ptr %p) unnamed_addr #0 section ".text.g" {
entry:
  ret i32 1
}
define available_externally void @h() {
entry:
  ret void
}
attributes #0 = { nounwind }
""")


def test_the_rest_is_declared() -> None:
    module = model.parse(TEXT)
    before = module.text()
    made = alone(module, ["f"])
    out = made.text()
    codegen.parse(out, "the test")
    assert [f.name for f in made.functions()] == ["f"]
    next(made.functions()).blocks[0].insts.clear()
    assert module.text() == before
    lines = out.splitlines()
    assert "@text = external dso_local constant [3 x i8], align 1" in lines
    assert "@table = external dso_local constant [2 x %pair], align 8" in lines
    assert "@counter = external dso_local global i32, align 4" in lines
    assert "@perhaps = extern_weak global i32, align 4" in lines
    assert "declare dso_local fastcc i32 @g(ptr %p)" in lines and "declare dso_local void @h()" in lines
    assert "llvm.used" not in out
