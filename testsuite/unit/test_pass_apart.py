"""Where code generation is not to optimise, blocks end at their sites."""

from __future__ import annotations

from ir_fixtures import body, tidy

from popcc import codegen
from popcc.ir import model
from popcc.passes.apart import split_at_sites

TEXT = tidy("""
declare token @llvm.experimental.gc.statepoint.p0(i64 immarg, i32 immarg, ptr, i32 immarg, i32 immarg, ...)
declare i32 @llvm.experimental.gc.result.i32(token)
declare i32 @g()
define i32 @f(i32 %n) gc "statepoint-example" {
entry:
  br label %loop
loop:
  %i = phi i32 [ 0, %entry ], [ %next, %loop ]
  %t = call token (i64, i32, ptr, i32, i32, ...) @llvm.experimental.gc.statepoint.p0(i64 0, i32 0, \
ptr elementtype(i32 ()) @g, i32 0, i32 0, i32 0, i32 0)
  %r = call i32 @llvm.experimental.gc.result.i32(token %t)
  %u = call token (i64, i32, ptr, i32, i32, ...) @llvm.experimental.gc.statepoint.p0(i64 1, i32 0, \
ptr elementtype(i32 ()) @g, i32 0, i32 0, i32 0, i32 0)
  %next = add i32 %i, %r
  %more = icmp ult i32 %next, %n
  br i1 %more, label %loop, label %done
done:
  %v = phi i32 [ %r, %loop ]
  %w = call token (i64, i32, ptr, i32, i32, ...) @llvm.experimental.gc.statepoint.p0(i64 2, i32 0, \
ptr elementtype(i32 ()) @g, i32 0, i32 0, i32 0, i32 0)
  ret i32 %v
}
""")


def test_a_block_goes_on_behind_its_site_in_another() -> None:
    module = model.parse(TEXT)
    (function,) = module.functions()
    split_at_sites(function)
    codegen.parse(module.text(), "the test")
    short = [line.split(" = call token", 1)[0] for line in body(module.text(), "f") if line]
    assert short == [
        "entry:", "br label %loop",
        "loop:", "%i = phi i32 [ 0, %entry ], [ %next, %popcorn.apart.1 ]", "%t",
        "%r = call i32 @llvm.experimental.gc.result.i32(token %t)", "br label %popcorn.apart.0",
        "popcorn.apart.0:", "%u", "br label %popcorn.apart.1",
        "popcorn.apart.1:", "%next = add i32 %i, %r", "%more = icmp ult i32 %next, %n",
        "br i1 %more, label %loop, label %done",
        "done:", "%v = phi i32 [ %r, %popcorn.apart.1 ]", "%w", "ret i32 %v",
    ]  # fmt: skip
