"""What the proof sees of an executable beside its functions' code."""

from __future__ import annotations

from pathlib import Path

import pytest
from link_fixtures import EVERY, linked, unit

from popcc.linker.elf import STT_FUNC, read_elf
from popcc.linker.program import extract_isa
from popcc.linker.verify.image import Image


@pytest.mark.parametrize("isa", EVERY)
def test_what_lies_behind_a_function_traps(isa: str, tmp_path: Path) -> None:
    """So a jump to a function's end, where an empty block was, reaches no other function; the proof looks there."""
    numbers = range(1, 20)
    bodies = {n: " *p += 1;" * n + ' __asm__ volatile ("");' for n in numbers}
    text = "".join(f"__attribute__((noinline)) void f{n}(int *p) {{ {b} }}\n" for n, b in bodies.items())
    calls = "".join(f"f{n}(&x);" for n in numbers)
    program = linked(unit("f.c", f"{text} int main(void) {{ int x = 0; {calls} return x; }}"))
    (tmp_path / "program").write_bytes(program.program)
    elf = read_elf(extract_isa(tmp_path / "program", isa), isa)
    image = Image(elf)
    functions = [s for s in elf.symbols if s.type == STT_FUNC and s.name.startswith("f") and s.name[1:].isdigit()]
    assert len(functions) == 19
    assert all(image.code(s.value, s.size).dead_end for s in functions)
    assert not image.code(functions[0].value, functions[0].size - 1).dead_end
