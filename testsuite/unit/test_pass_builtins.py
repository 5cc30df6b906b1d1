"""What the machine stack holds is not for programs to look at."""

from __future__ import annotations

import pytest
from ir_fixtures import apply, check_body
from test_pass_target import DEBUG

from popcc.compile import _warn
from popcc.compile_options import CompileOptions
from popcc.errors import ErrorGroup
from popcc.passes.builtins import Builtins

INTRINSICS = """
declare ptr @llvm.frameaddress.p0(i32 immarg)
declare ptr @llvm.returnaddress(i32 immarg)
declare void @llvm.clear_cache(ptr, ptr)
"""


def test_the_frame_is_the_common_one() -> None:
    p = Builtins()
    text = f"""{INTRINSICS}
    define ptr @f() {{
      %x = call ptr @llvm.frameaddress.p0(i32 0)
      call void @llvm.clear_cache(ptr %x, ptr %x)
      ret ptr %x
    }}
    """
    expected = """
    a..0:
    %popcorn.here = alloca i8, align 16
    %x = getelementptr i8, ptr %popcorn.here, i64 0
    ret ptr %x
    """
    check_body(apply(p, text), "f", expected)
    assert p.warnings == []


@pytest.mark.parametrize(
    ("intrinsic", "what"),
    [("frameaddress.p0(i32 1)", "a caller's frame"), ("returnaddress(i32 0)", "a return address")],
)
def test_other_frames_are_null_and_that_is_said(intrinsic: str, what: str) -> None:
    p = Builtins()
    text = f"""{INTRINSICS}
    define ptr @f() !dbg !2 {{
      %x = call ptr @llvm.{intrinsic}, !dbg !4
      ret ptr %x
    }}
    {DEBUG}"""
    check_body(apply(p, text), "f", "a..0:\n%x = freeze ptr null\nret ptr %x")
    (warning,) = p.warnings
    assert warning.startswith(
        f"dir/thing.c:12:3 in f: {what} lies in a stack of one ISA, which a program that migrates"
    )


def test_warnings_are_silenced_or_errors_as_the_user_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    _warn(["w"], CompileOptions((), clang_flags=("-w",)))
    assert capsys.readouterr().err == ""
    _warn(["w"], CompileOptions(()))
    assert capsys.readouterr().err == "popcc: warning: w\n"
    with pytest.raises(ErrorGroup, match=r"^w \[-Werror\]$"):
        _warn(["w"], CompileOptions((), clang_flags=("-Werror",)))
