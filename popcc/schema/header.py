"""The C header made from the declarations."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path
from types import ModuleType

from popcc.isa import ISAS
from popcc.schema import images, machinecode, machines, requests, sites
from popcc.schema.record import Record

HEADER = Path(__file__).parents[1] / "runtime" / "lib" / "popcorn_schema.h"

_C_TYPES = {
    "u8": "uint8_t",
    "u16": "uint16_t",
    "u32": "uint32_t",
    "u64": "uint64_t",
    "s32": "int32_t",
    "s64": "int64_t",
}

RECORDS: tuple[type[Record], ...] = (
    sites.SitesHeader,
    sites.Func,
    sites.Recipe,
    requests.Request,
    requests.Reply,
    machines.MachineRequest,
    machines.MachineReply,
    images.Image,
    images.Runner,
    images.SignalAction,
    images.Map,
    images.ThreadNote,
    images.File,
    images.Timer,
    images.PosixTimer,
    images.Limit,
    images.Segment,
    images.Sum,
)
ENUMS: tuple[tuple[str, type[IntEnum]], ...] = (
    ("SITE", sites.SiteFlag),
    ("FUNC", sites.FunctionFlag),
    ("RECIPE", sites.RecipeKind),
    ("OP", requests.Op),
    ("REQUEST", requests.RequestFlag),
    ("STATUS", requests.Status),
    ("MACHINE", machines.MachineOp),
    ("NOTE", images.Note),
    ("IMAGE", images.ImageFlag),
    ("FILE", images.FileKind),
    ("ROUNDING", images.Rounding),
    ("FP_EXCEPTION", images.FpException),
    ("FACT", machinecode.Fact),
    ("OUTCOME", machinecode.Outcome),
    ("WILD", machinecode.Wild),
    ("INSN", machinecode.Insn),
    ("EFFECT", machinecode.Effect),
    ("EXPR", machinecode.Expr),
    ("EXTEND", machinecode.Extend),
    ("MEM", machinecode.Mem),
    ("ALU", machinecode.Alu),
)
_PARTS: tuple[ModuleType, ...] = (sites, requests, machines, images, machinecode)


def c_header() -> str:
    """The text of ``popcorn_schema.h``."""
    out = ["/* Generated from popcc/schema by `python -m popcc.schema`: change it there. */"]
    out += ["#ifndef POPCORN_SCHEMA_H", "#define POPCORN_SCHEMA_H", "", "#include <stdint.h>", ""]
    for name, value in _constants().items():
        text = f'"{value}"' if isinstance(value, str) else _number(value)
        out.append(f"#define POPCORN_{name} {text}")
    out += ["", "/* the ISAs: X(number, name, ELF machine) */", "#define POPCORN_ISAS(X) \\"]
    out += [f"\tX({isa.number}, {isa.name}, {isa.elf_machine}) \\" for isa in ISAS.values()]
    out[-1] = out[-1].removesuffix(" \\")
    for prefix, enum in ENUMS:
        out += ["", f"/* {enum.__doc__} */", "enum {"]
        out += [f"\tPOPCORN_{prefix}_{member.name} = {_number(member.value)}," for member in enum]
        out.append("};")
    for record in RECORDS:
        out += ["", *_comment(record.__doc__ or ""), f"struct {record.c_name} {{"]
        for name, c in record.layout():
            array = f"[{c.count}]" if c.count else ""
            out.append(f"\t{_C_TYPES[c.type]} {name}{array};" + (f" /* {c.doc} */" if c.doc else ""))
        out += ["};", f'_Static_assert(sizeof(struct {record.c_name}) == {record.size()}, "{record.c_name}");']
    return "\n".join([*out, "", "#endif", ""])


def _constants() -> dict[str, int | str]:
    """Those in capitals, in the order of their declaration."""
    return {name: value for part in _PARTS for name, value in vars(part).items() if name.isupper() and len(name) > 1}


def _number(value: int) -> str:
    return f"{value:#x}u" if value > 65536 else str(value)


def _comment(doc: str) -> list[str]:
    lines = [line.strip() for line in doc.strip().splitlines()]
    lines = [line for line in lines if line]
    lines[0] = "/* " + lines[0]
    lines[1:] = [" * " + line for line in lines[1:]]
    lines[-1] += " */"
    return lines
