"""Builds the hand-written program of testsuite/unit/state for every ISA, with its site tables, into one program file.

The compiler is not needed: this tests libpopcorn's unwinding, rebuilding, images and requests by themselves.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import ziglang
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from popcc.isa import ISAS
from popcc.linker.sitecode import encode
from popcc.linker.verify.tables import TableFunction, TableSite
from popcc.schema.sites import SLOT, FunctionFlag, Recipe, RecipeKind, SiteFlag

HERE = Path(__file__).parent / "state"
LIB = Path(__file__).parents[2] / "runtime" / "lib"
BUILD_ID = hashlib.sha1(b"the hand-written program").digest()
SOURCES = (
    "sites", "unwind", "rebuild", "jump", "park", "request", "text", "clock", "crc", "files", "image", "move",
    "restore", "restore_read", "pagemap", "socket",
)  # fmt: skip
_TABLE_BYTES = 4096


@dataclass(frozen=True)
class Map:
    """One site by its labels."""

    id: int
    label: str
    frame: int
    values: tuple[int, ...] = ()
    saved: tuple[tuple[int, int], ...] = ()  # (register, CFA - slot)
    recipes: tuple[Recipe, ...] = ()
    flags: int = 0


_CONST = int(RecipeKind.CONST)
FUNCTIONS: tuple[tuple[str, int], ...] = (
    ("outer", FunctionFlag.CALLS_SETJMP | FunctionFlag.HAS_FRAME),
    ("middle", 0),
    ("inner", 0),
)
# value 0 of outer's ordinary site is its common frame pointer by the contract; the program has no common
# stack frames, so it stands for one here: 0x1000100000 is what csp is, and register or slot hold the rest.
MAPS: dict[str, tuple[tuple[Map, ...], ...]] = {
    "x86_64": (
        (
            Map(0, "site_outer_setjmp", 48, flags=int(SiteFlag.SETJMP), saved=((3, 16),)),
            Map(1, "site_outer_middle", 48, (SLOT | 40, 3, SLOT | 32), ((3, 16),)),
        ),
        (
            Map(
                2, "site_middle_inner", 48, (3,), ((3, 16), (12, 24)),
                (Recipe(12, _CONST, 8, 0, 7), Recipe(SLOT | 40, _CONST, 4, 0, 9)),
            ),
        ),
        (Map(3, "site_inner_point", 16),),
    ),
    "aarch64": (
        (
            Map(0, "site_outer_setjmp", 64, flags=int(SiteFlag.SETJMP), saved=((30, 16), (19, 8), (20, 32))),
            Map(1, "site_outer_middle", 64, (SLOT | 56, 19, 20), ((30, 16), (19, 8), (20, 32))),
        ),
        (
            Map(
                2, "site_middle_inner", 80, (72,), ((30, 64), (72, 56), (19, 48), (20, 40)),
                (Recipe(19, _CONST, 8, 0, 7), Recipe(SLOT | 72, _CONST, 4, 0, 9)),
            ),
        ),
        (Map(3, "site_inner_point", 16, saved=((30, 16),)),),
    ),
    "riscv64": (
        (
            Map(0, "site_outer_setjmp", 64, flags=int(SiteFlag.SETJMP), saved=((1, 8), (9, 16), (18, 24))),
            Map(1, "site_outer_middle", 64, (SLOT | 56, 9, 18), ((1, 8), (9, 16), (18, 24))),
        ),
        (
            Map(
                2, "site_middle_inner", 80, (40,), ((1, 64), (40, 56), (9, 48), (18, 40)),
                (Recipe(9, _CONST, 8, 0, 7), Recipe(SLOT | 72, _CONST, 4, 0, 9)),
            ),
        ),
        (Map(3, "site_inner_point", 16, saved=((1, 16),)),),
    ),
}  # fmt: skip


NARROW = {"x86_64": 2 << 16, "aarch64": 0, "riscv64": 2 << 16}  # so that tables of both widths are read


def site_table(functions: tuple[tuple[Map, ...], ...], symbols: dict[str, int], narrow: int) -> bytes:
    """The table, as the linker writes it."""
    placed = []
    for (name, flags), maps in zip(FUNCTIONS, functions, strict=True):
        sites = [
            TableSite(m.id, symbols[m.label], m.frame, m.values, tuple((r, -n) for r, n in m.saved), m.recipes, m.flags)
            for m in maps
        ]
        sites.sort(key=lambda s: s.returns_to)
        placed.append(TableFunction(name, symbols[name], symbols[f"{name}_end"] - symbols[name], flags, tuple(sites)))
    placed.sort(key=lambda f: f.start)
    return encode(placed, 1 + max(s.id for f in placed for s in f.sites), narrow)


_SCRIPT = """
ENTRY(_start)
PHDRS { text PT_LOAD FLAGS(5) FILEHDR PHDRS; data PT_LOAD FLAGS(6); private PT_LOAD FLAGS(6); }
SECTIONS {
  . = 0x400000 + SIZEOF_HEADERS;
  .text : { *(.text .text.*) *(.rodata .rodata.*) *(.sites) *(.build_id) } :text
  . = 0x600000;
  __popcorn_data_start = .;
  .common : { *(.common) } :data
  . = ALIGN(4096);
  __popcorn_data_end = .;
  .data : { *(.data .data.*) } :private
  .bss : { *(.bss .bss.*) } :private
  /DISCARD/ : { *(.comment) *(.eh_frame) }
}
"""


def run(*command: object, **options: object) -> None:
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def build(isa: str, where: Path, script: str = _SCRIPT) -> bytes:
    """The executable of one ISA."""
    zig = [sys.executable, "-m", "ziglang"]
    include = Path(ziglang.__file__).parent / "lib" / "include"
    flags = [
        f"--target={ISAS[isa].triple}", *ISAS[isa].clang_flags, "-std=c11", "-ffreestanding",
        "-nostdlibinc", "-isystem", include, "-O2",
        "-fno-pic", "-fno-stack-protector", "-I", LIB, "-I", LIB / "arch" / isa, "-Wall", "-Wextra", "-Werror",
    ]  # fmt: skip
    sources = [*(LIB / f"{s}.c" for s in SOURCES), LIB / "arch" / isa / "point.S", LIB / "arch" / isa / "setjmp.S"]
    objects = []
    for source in (*sources, HERE / "harness.c", HERE / f"frames_{isa}.S"):
        objects.append(where / f"{isa}-{source.stem}.o")
        run(*zig, "clang", *flags, "-c", source, "-o", objects[-1])
    (where / "script").write_text(script)
    table = where / f"{isa}.sites"
    (where / f"{isa}.id").write_bytes(BUILD_ID)
    (where / f"{isa}-table.S").write_text(
        f'.section .sites,"a"\n.balign 8\n.globl __popcorn_sites\n__popcorn_sites: .incbin "{table}"\n'
        f'.section .build_id,"a"\n.globl __popcorn_build_id\n__popcorn_build_id: .incbin "{where}/{isa}.id"\n'
    )
    out = where / f"{isa}.exe"
    symbols: dict[str, int] = {}
    for _ in range(2):  # addresses first, then the table that holds them
        table.write_bytes((site_table(MAPS[isa], symbols, NARROW[isa]) if symbols else b"").ljust(_TABLE_BYTES, b"\0"))
        run(*zig, "clang", *flags, "-c", where / f"{isa}-table.S", "-o", where / f"{isa}-table.o")
        run(
            *zig,
            "ld.lld",
            "-m",
            ISAS[isa].emulation,
            "-T",
            where / "script",
            "-o",
            out,
            *objects,
            where / f"{isa}-table.o",
        )
        with out.open("rb") as f:
            symtab = ELFFile(f).get_section_by_name(".symtab")
            assert isinstance(symtab, SymbolTableSection)
            symbols = {s.name: s["st_value"] for s in symtab.iter_symbols()}
    return out.read_bytes()


def build_program(where: Path) -> Path:
    """The program file: x86_64 outside, the others within, as the linker lays them out."""
    from popcc.linker.program import Metadata, make_program

    executables = {isa: build(isa, where) for isa in ISAS}
    meta = Metadata(BUILD_ID.hex(), tuple(ISAS), "hand", (), ())
    path = where / "hand"
    path.write_bytes(make_program(executables, "x86_64", meta))
    path.chmod(0o755)
    return path


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    print(json.dumps(str(build_program(target))))
