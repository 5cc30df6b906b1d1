"""What a debugger sees: gdb's backtrace by function and line, of programs that were rebuilt, moved, restored, emulated.

gdb attaches to native programs. To one under emulation it speaks through the emulator, which listens where QEMU_GDB
says and then waits for it.
"""

from __future__ import annotations

import re
import signal
import subprocess
from bisect import bisect_left
from io import BytesIO
from pathlib import Path

import harness
import pytest
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile
from popcorn_fixtures import (
    HERE,
    OTHERS,
    PATIENCE,
    SOURCES,
    THERE,
    eventually,
    needs_emulator,
    restoring,
    started,
    succeeds,
)

from popcc.isa import ISAS
from popcc.linker.elf import read_elf
from popcc.linker.machine import MACHINES
from popcc.linker.verify.tables import read_table

SOURCE = SOURCES / "debugged.c"
LINES = SOURCE.read_text().splitlines()


def line_of(text: str) -> int:
    """The line of the source that holds `text`."""
    (number,) = (n for n, line in enumerate(LINES, 1) if text in line)
    return number


STACK = [
    ("deepest", line_of("\t\tpause_for(20000000)")),
    ("middle", line_of("first = deepest")),
    ("main", line_of("middle(100000)")),
]


@pytest.fixture
def debugged(program_folder: Path) -> Path:
    return harness.compiled(SOURCE, ("-O2", "-g"), program_folder)


def gdb(*arguments: object, commands: tuple[str, ...]) -> str:
    """What gdb says to `commands`."""
    words = [word for c in commands for word in ("-ex", c)]
    command = ["gdb-multiarch", "-nx", "-batch", *map(str, arguments), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr


def frames(said: str) -> list[tuple[str, int]]:
    """Function and line of each frame that has a line, innermost first."""
    found = re.findall(r"^#\d+ +(?:0x\w+ in )?(\w+) \(.*\) at .*:(\d+)$", said, re.M)
    return [(name, int(line)) for name, line in found]


def without_inlined(stack: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return [(name, line) for name, line in stack if name != "pause_for"]


def test_a_stack_that_is_rebuilt_again_and_again(debugged: Path, tmp_path: Path) -> None:
    command = [*harness.popcorn(), "run", "--rebuild-every", "1", debugged]
    with started(command, tmp_path, "count 5") as running:
        said = gdb("-p", running.pid, commands=("bt",))
    assert without_inlined(frames(said)) == STACK, said


@needs_emulator
def test_a_stack_that_came_from_another_isa(debugged: Path, tmp_path: Path) -> None:
    """The file that a moved process executes has no name any more: /proc says where it is."""
    with started([*harness.popcorn(), "run", "--on", THERE, debugged], tmp_path, "count 2") as running:
        succeeds("migrate", running.pid, "--to", HERE)
        running.goes_on()
        said = gdb(f"/proc/{running.pid}/exe", "-p", running.pid, commands=("bt",))
    assert without_inlined(frames(said)) == STACK, said


@pytest.mark.skipif(HERE != "x86_64", reason="elsewhere it is the kernel's own code that handlers return to")
def test_what_a_signal_interrupted(debugged: Path, tmp_path: Path) -> None:
    with started([debugged], tmp_path, "count 2") as running:
        running.process.send_signal(signal.SIGUSR1)
        running.wait_for("handler")
        said = gdb("-p", running.pid, commands=("bt",))
    found = without_inlined(frames(said))
    assert found == [("handler", line_of("a debugger looks on")), *STACK], said


@needs_emulator
@pytest.mark.parametrize("isa", OTHERS)
def test_a_restored_program_under_emulation(isa: str, debugged: Path, tmp_path: Path) -> None:
    """Its image is read, its stack rebuilt, while gdb looks on: it waits for the program's next turn."""
    plain, image, socket = tmp_path / "plain", tmp_path / "image", tmp_path / "gdb"
    succeeds("extract", debugged, "--isa", isa, "-o", plain)
    with started([debugged], tmp_path, "count 2") as running:
        succeeds("checkpoint", running.pid, "-o", image)
    with restoring(image, isa, tmp_path, env={"QEMU_GDB": str(socket)}):
        eventually(socket.exists, "the emulator's socket")
        turn = line_of("scale += i")
        said = gdb(plain, commands=(f"target remote {socket}", f"break {SOURCE.name}:{turn}", "continue", "bt", "kill"))
    assert frames(said) == [("deepest", turn), *STACK[1:]], said


@pytest.mark.parametrize("isa", ISAS)
def test_line_tables_fit_functions(isa: str, debugged: Path, tmp_path: Path) -> None:
    """All lines that a function's code is said to come from lie in it or in what was inlined; one is its own."""
    elf, functions = dwarf_of(isa, debugged, tmp_path)
    (unit,) = elf.get_dwarf_info().iter_CUs()
    program = elf.get_dwarf_info().line_program_for_CU(unit)
    assert program is not None
    rows = [e.state for e in program.get_entries() if e.state is not None]
    for name, own, last in (
        ("deepest", "scale += i", "return scale"),
        ("middle", "first = deepest", "return first"),
        ("main", "middle(100000)", "return 0"),
    ):
        start, end = functions[name]
        first = next(n for n, line in enumerate(LINES, 1) if re.search(rf"\b{name}\(", line) and line[0] not in "\t ")
        inlined = range(line_of("static void pause_for"), line_of("static void handler"))
        lines = {r.line for r in rows if start <= r.address < end and not r.end_sequence} - {0}
        assert lines <= {*range(first, line_of(last) + 1), *inlined}, (name, lines)
        assert line_of(own) in lines, (name, lines)


@pytest.mark.parametrize("isa", ISAS)
def test_debuggers_unwind_as_moves_do(isa: str, debugged: Path, tmp_path: Path) -> None:
    """The code generator's call frame information and our maps, for every site: the C library's are among them."""
    elf, _ = dwarf_of(isa, debugged, tmp_path)
    entries = [e for e in elf.get_dwarf_info().CFI_entries() if isinstance(e, FDE)]
    entries.sort(key=lambda e: e["initial_location"])
    starts = [e["initial_location"] for e in entries]
    machine = MACHINES[isa]
    compared = 0
    for function in read_table(read_elf((tmp_path / isa).read_bytes(), isa)):
        entry = entries[bisect_left(starts, function.start)]
        assert entry["initial_location"] == function.start, f"{function.name} has no call frame information"
        table = entry.get_decoded().table
        for site in function.sites:
            row = [r for r in table if r["pc"] < site.returns_to][-1]
            assert machine.dwarf[row["cfa"].reg] == machine.stack_pointer, function.name
            assert row["cfa"].offset == site.frame, (function.name, hex(site.returns_to))
            assert {(n, row[n].arg) for n, _ in site.saved} == set(site.saved), (function.name, hex(site.returns_to))
            compared += 1
    assert compared > 100


def dwarf_of(isa: str, program: Path, folder: Path) -> tuple[ELFFile, dict[str, tuple[int, int]]]:
    """One ISA's executable, which goes to a file of that name, and where its functions are."""
    succeeds("extract", program, "--isa", isa, "-o", folder / isa)
    data = (folder / isa).read_bytes()
    functions = {f.name: (f.start, f.start + f.size) for f in read_table(read_elf(data, isa))}
    return ELFFile(BytesIO(data)), functions
