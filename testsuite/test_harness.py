"""The harness notices what it is there to notice."""

from __future__ import annotations

import os
import time
from pathlib import Path

import harness
import pytest

PROGRAM = harness.Program(Path("p.c"), "About it.", "one\ntwo\n", status=3)


def outcome(stdout: str = "one\ntwo\n", stderr: str = "", status: int | None = 3) -> harness.Outcome:
    """An outcome that differs from what `PROGRAM` expects only as told."""
    return harness.Outcome(("popcorn", "run", "/x/p-1"), stdout, stderr, status)


def test_nothing_wrong() -> None:
    """The outcome that is expected."""
    assert harness.difference(PROGRAM, outcome()) == ""


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (outcome(stdout="one\nTWO\n"), "line 2 is 'TWO', expected 'two'"),
        (outcome(stdout="one\ntwo"), "2 lines, expected 3"),
        (outcome(stdout="one\ntwo\nthree\n"), "line 3 is 'three'"),
        (outcome(status=0), "exit status 0, expected 3"),
        (outcome(status=-11), "exit status -11, expected 3"),
        (outcome(status=None), "still running"),
        (outcome(stderr="popcorn: oops"), "unexpected words on stderr: popcorn: oops"),
    ],
)
def test_what_is_wrong_is_said(wrong: harness.Outcome, words: str) -> None:
    """Each difference is found and named."""
    assert words in harness.difference(PROGRAM, wrong)


def test_refusal_must_be_said() -> None:
    """Where a move is refused the words must come, and the rest must still be right."""
    assert harness.difference(PROGRAM, outcome(stderr="popcorn: can't: a socket"), refused="a socket") == ""
    assert "no refusal" in harness.difference(PROGRAM, outcome(), refused="a socket")
    assert "line 1" in harness.difference(PROGRAM, outcome(stdout="x\n", stderr="a socket"), refused="a socket")


def test_killed_by_signal() -> None:
    """-6 is what the kernel says, 134 what a shell says."""
    aborted = harness.Program(Path("p.c"), "About it.", "", status=-6)
    assert harness.difference(aborted, outcome("", status=-6)) == ""
    assert harness.difference(aborted, outcome("", status=134)) == ""
    assert harness.difference(aborted, outcome("", status=0)) != ""


def test_unknown_directive(tmp_path: Path) -> None:
    """A misspelt directive would silently expect nothing."""
    source = tmp_path / "p.c"
    source.write_text("// About it.\n// expects: x\n")
    with pytest.raises(ValueError, match="unknown directive 'expects'"):
        harness.load(source)


def test_no_orphans(tmp_path: Path) -> None:
    """A grandchild that would live on is killed with its parent, at once and without waiting for its pipes."""
    pid_file = tmp_path / "pid"
    script = f"sleep 1000 & echo $! > {pid_file}; wait"
    began = time.monotonic()
    found = harness.run(["/bin/sh", "-c", script], timeout=0.5)
    assert found.status is None
    assert time.monotonic() - began < 10
    pid = int(pid_file.read_text())
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text():
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} is still there")


def test_compiler_failure_is_said_for_every_mode(tmp_path: Path) -> None:
    """The second mode fails with the compiler's words too, without compiling again."""
    source = tmp_path / "broken.c"
    source.write_text("int main(void) { return missing_name; }\n")
    for _ in range(2):
        with pytest.raises(AssertionError, match="missing_name"):
            harness.compiled(source, (), tmp_path)
    assert not list(tmp_path.glob("broken-????????"))


def test_runners_count() -> None:
    """Each start of an emulator is seen."""
    with harness.counted_runners() as runners:
        wrappers = [p for p in runners.folder.iterdir() if os.access(p, os.X_OK)]
        assert wrappers
        assert runners.count() == 0
        for wrapper in wrappers:
            assert harness.run([str(wrapper), "-version"], 20).status == 0
        assert runners.count() == len(wrappers)
