"""Which jump tables an indirect jump goes by, where several are near."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from execute_fixtures import assemble

from popcc.linker.elf import read_elf
from popcc.linker.machine import MACHINES
from popcc.linker.machine.base import Code
from popcc.linker.machine.reaching import all_targets
from popcc.linker.maps.flow import build_flow
from popcc.linker.maps.objectcode import read_object

# two jumps by tables whose addresses come from afar, in one register; {between} is done before the second is made
TWO_JUMPS = {
    "aarch64": (
        "adrp x8, .Lone\nadd x8, x8, :lo12:.Lone\ncbz x2, 5f\nadr x9, .Lo1\n"
        "ldrsw x10, [x8, x1, lsl #2]\nadd x9, x9, x10\nbr x9\n.Lo1: nop\nadd x0, x0, #1\n.Lo2: ret\n"
        "5: {between}\nadrp x8, .Ltwo\nadd x8, x8, :lo12:.Ltwo\n6: cbz x3, 7f\nadr x9, .Lt1\n"
        "ldrsw x10, [x8, x1, lsl #2]\nadd x9, x9, x10\nbr x9\n.Lt1: add x0, x0, #2\n.Lt2: add x0, x0, #3\n7: ret\n",
        "cbz x4, 6f",
        ".Lone: .word .Lo1-.Lo1, .Lo2-.Lo1\n.Ltwo: .word .Lt1-.Lt1, .Lt2-.Lt1\n",
        3,  # entries are distances, and each table has one of 0
    ),
    "riscv64": (
        "lui t0, %hi(.Lone)\naddi t0, t0, %lo(.Lone)\nbeqz a2, 5f\nadd t1, t0, a1\nlw t1, 0(t1)\njr t1\n"
        ".Lo1: addi a0, a0, 1\n.Lo2: ret\n5: {between}\nlui t0, %hi(.Ltwo)\naddi t0, t0, %lo(.Ltwo)\n"
        "6: beqz a3, 7f\nadd t1, t0, a1\nlw t1, 0(t1)\njr t1\n.Lt1: addi a0, a0, 2\n.Lt2: addi a0, a0, 3\n7: ret\n",
        "beqz a4, 6f",
        ".Lone: .word .Lo1, .Lo2\n.Ltwo: .word .Lt1, .Lt2\n",
        4,
    ),
}


@pytest.mark.parametrize("isa", TWO_JUMPS)
@pytest.mark.parametrize("both", [False, True], ids=["one comes", "both come"])
def test_a_jump_goes_by_the_tables_that_come_to_it(isa: str, both: bool, tmp_path: Path) -> None:
    text, jump, tables, more = TWO_JUMPS[isa]
    text = text.replace("{between}", jump if both else "")
    body = f'.section .text.f,"ax",@progbits\n.globl f\n.type f,@function\nf:\n{text}.size f, .-f\n'
    elf = read_elf(assemble(f'{body}.section .rodata,"a"\n.balign 4\n{tables}', isa, tmp_path, "f"), "f")
    section = elf.section(".text.f")
    assert section is not None
    flow = build_flow(MACHINES[isa], read_object(elf).code(section.index), frozenset())
    ways = [len(w) for n, w in enumerate(flow.successors) if flow.last(n).kind == "indirect"]
    assert ways == [2, more if both else 2]


TEXT, RODATA = 0x10000, 0x20000
# linked code, whose tables are told by the numbers that it makes in two parts: the way of the jump, then its tail;
# {low} and {high} are 16 pages and 17 behind the code's
PARTS = {
    "aarch64": (
        "adrp x30, #{low}\n{between}8: add x30, x30, #0x800\n{behind}9: adr x9, .Ltail\n"
        "ldrsw x10, [x30, x1, lsl #2]\nadd x9, x9, x10\nbr x9\n",
        {"low": 0x10000, "high": 0x11000},
        "cbz x2, 8b\nadrp x30, #{high}\n",  # one jump takes the page that it goes to from either
        "cbz x2, 9f\nldr x30, [x0]\nadd x30, x30, #0x10\nstr x30, [x1]\nret\n",  # a field 16 bytes behind a pointer
    ),
    "riscv64": (
        "lui t0, {low}\n{between}8: addi t0, t0, 0x7f0\n{behind}9: add t1, t0, a1\nlw t1, 0(t1)\njr t1\n",
        {"low": 0x20, "high": 0x21},
        "beqz a2, 8b\nlui t0, {high}\n",
        "beqz a2, 9f\nld t0, 0(a0)\naddi t0, t0, 0x10\nsd t0, 0(a1)\nret\n",
    ),
}


@pytest.mark.parametrize("isa", PARTS)
@pytest.mark.parametrize("tables", ["all", "own"])
def test_linked_tables_are_made_in_parts(isa: str, tables: str, tmp_path: Path) -> None:
    """By every page that comes to the second part, and by none that another value has taken the place of."""
    text, pages, two_pages, field = PARTS[isa]
    between, behind = (two_pages.replace("8b", "8f"), "") if tables == "all" else ("", field)
    text = text.replace("{between}", between).replace("{behind}", behind).format(**pages)
    body = f'.section .text.f,"ax",@progbits\n.globl f\n.type f,@function\nf:\n{text}'
    elf = read_elf(assemble(f"{body}.Ltail: nop\nnop\nnop\nret\n.size f, .-f\n", isa, tmp_path, "f"), "f")
    section = elf.section(".text.f")
    assert section is not None
    data = elf.contents(section)
    tail = len(data) - (16 if isa == "aarch64" else 8)
    low = 0x800 if isa == "aarch64" else 0x7F0
    targets = {0x10: TEXT + tail, low: TEXT + tail + 2 * (len(data) - tail) // 4, 0x1000 + low: TEXT + len(data) - 4}
    rodata = bytearray(b"\x7f" * 0x2000)
    for place, target in targets.items():
        entry = target - TEXT - tail if isa == "aarch64" else target
        rodata[place : place + 4] = struct.pack("<i", entry)
    starts = tuple(RODATA + place for place in targets)
    code = Code(data, ".text.f", {}, bytes(rodata), {}, starts, TEXT, RODATA)
    machine = MACHINES[isa]
    (found,) = all_targets(machine.linked_targets, code, machine.decode(code)).values()
    wanted = {targets[low], targets[0x1000 + low]} if tables == "all" else {targets[low]}
    assert set(found) == wanted
