"""`popcorn sites PROGRAM FUNCTION` and `popcorn verify`: site maps as people and programs read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from popcc.errors import PopccError
from popcc.linker.elf import STT_FUNC, Elf, read_elf
from popcc.linker.machine import MACHINES
from popcc.linker.machine.base import Insn, Undecodable
from popcc.linker.program import Metadata, ProgramInfo, ProgramSite
from popcc.linker.verify.image import Image
from popcc.linker.verify.report import Finding, Result
from popcc.linker.verify.tables import TableFunction, TableSite, is_constant, read_table, slot_of
from popcc.schema.sites import FunctionFlag, Recipe, RecipeKind, SiteFlag

_FUNCTION_FLAGS = {FunctionFlag.MEMORY_TIER: "memory tier", FunctionFlag.CALLS_SETJMP: "calls setjmp"}
_SITE_FLAGS = {SiteFlag.UNUSABLE: "refused", SiteFlag.SETJMP: "setjmp", SiteFlag.NORETURN: "does not return"}


class Listing(Struct, frozen=True):
    """One ISA's code of a function, with the maps of its sites."""

    isa: str
    function: TableFunction
    insns: tuple[Insn, ...]
    symbols: dict[int, str]


def listings(program: ProgramInfo, name: str) -> list[Listing]:
    """All functions called `name` (static ones may share a name), on all ISAs. Raises `PopccError` if there is none."""
    found = []
    for isa in program.available:
        elf = read_elf(program.executable(isa), f"{program.path} [{isa}]")
        image = Image(elf)
        symbols = {s.value: s.name for s in elf.symbols if s.type == STT_FUNC}
        for function in read_table(elf):
            if function.name == name:
                found.append(Listing(isa, function, _decoded(isa, elf, image, function), symbols))
    if not found:
        raise PopccError(
            f"{program.path}: has no function '{name}' with sites; 'popcorn sites {program.path}' lists all"
        )
    return found


def _decoded(isa: str, elf: Elf, image: Image, function: TableFunction) -> tuple[Insn, ...]:
    try:
        return tuple(MACHINES[isa].decode(image.code(function.start, function.size)))
    except Undecodable as e:
        raise PopccError(f"{elf.where}: {function.name}: {e}") from None


def listing_lines(listing: Listing, meta: Metadata) -> Iterator[str]:
    """The disassembly, each site's map behind its call."""
    f = listing.function
    flags = "".join(f", {text}" for flag, text in _FUNCTION_FLAGS.items() if f.flags & flag)
    yield f"{f.name} on {listing.isa}: {f.start:#x}, {f.size} bytes, {len(f.sites)} sites{flags}"
    sites = {s.returns_to: s for s in f.sites}
    for insn in listing.insns:
        target = listing.symbols.get(insn.target or _called(insn), "")
        yield f"  {insn.address:8x}  {insn.text}" + (f"  <{target}>" if target else "")
        if insn.kind == "call" and insn.end in sites:
            for line in _site_lines(listing.isa, sites[insn.end], meta):
                yield f"            | {line}"


def _called(insn: Insn) -> int:
    """The address that a direct call names."""
    last = insn.text.split()[-1].lstrip("#")
    return int(last, 0) if insn.kind == "call" and last.startswith("0x") else 0


def _site_lines(isa: str, site: TableSite, meta: Metadata) -> Iterator[str]:
    j = site_json(isa, site, meta)
    line = f", line {j['line']}" if j["line"] else ""
    flags = "".join(f", {f}" for f in j["flags"])
    yield f"site {site.id}{line}{flags}: CFA = {MACHINES[isa].stack_pointer} + {site.frame}"
    if j["saved"]:
        yield "caller's   " + ", ".join(f"{s['register']} at {s['at']}" for s in j["saved"])
    for v in j["values"]:
        yield f"{v['at']:<10} {v['name']}, {v['type']}"
    for r in j["recipes"]:
        yield f"{r['at']:<10} = {r['is']}"


def listing_json(listing: Listing, meta: Metadata) -> dict[str, Any]:
    """The same for programs."""
    f = listing.function
    return {
        "isa": listing.isa,
        "function": f.name,
        "start": hex(f.start),
        "bytes": f.size,
        "flags": [text for flag, text in _FUNCTION_FLAGS.items() if f.flags & flag],
        "code": [{"address": hex(i.address), "text": i.text} for i in listing.insns],
        "sites": [site_json(listing.isa, s, meta) for s in f.sites],
    }


def site_json(isa: str, site: TableSite, meta: Metadata) -> dict[str, Any]:
    """A site's map, with names."""
    known: ProgramSite = meta.sites[site.id]
    return {
        "site": site.id,
        "returns_to": hex(site.returns_to),
        "line": known.line,
        "callee": known.callee,
        "flags": [text for flag, text in _SITE_FLAGS.items() if site.flags & flag],
        "frame": site.frame,
        "saved": [{"register": _register(isa, n), "at": f"CFA{offset:+d}"} for n, offset in site.saved],
        "values": [
            {"name": name, "type": type_, "at": _place(isa, word)}
            for (name, type_), word in zip(known.values, site.values, strict=True)
        ]
        if site.values
        else [],
        "recipes": [{"at": _place(isa, r.dest), "bytes": r.width, "is": _recipe(r)} for r in site.recipes],
    }


def _register(isa: str, number: int) -> str:
    return MACHINES[isa].dwarf.get(number, f"register {number}")


def _place(isa: str, word: int) -> str:
    if is_constant(word):
        return "constant"
    offset = slot_of(word)
    return f"CFA{offset:+d}" if offset is not None else _register(isa, word)


def _recipe(r: Recipe) -> str:
    match RecipeKind(r.kind):
        case RecipeKind.CONST:
            return f"{r.imm:#x}"
        case RecipeKind.VALUE:
            return f"value {r.value}" + (f" {r.imm:+d}" if r.imm else "")
        case RecipeKind.TP:
            return f"thread pointer {r.imm:+d}"
        case RecipeKind.CFA:
            return f"CFA{r.imm:+d}"
        case RecipeKind.LOAD:
            return f"the {r.width} bytes at {r.imm:#x}"
        case _:
            how = "zero" if r.kind == RecipeKind.ZEXT else "sign"
            return f"value {r.value}, its low {r.imm} bytes {how}-extended"


def finding_json(finding: Finding, meta: Metadata) -> dict[str, Any]:
    """What could not be proved, with file and line."""
    known = meta.sites[finding.site] if finding.site is not None else None
    file = meta.functions[known.function].file if known else _file_of(finding.function, meta)
    return {
        "isa": finding.isa,
        "function": finding.function,
        "file": file,
        "line": known.line if known else 0,
        "site": finding.site,
        "address": hex(finding.address),
        "reason": finding.text,
    }


def _file_of(function: str, meta: Metadata) -> str:
    return next((f.file for f in meta.functions if f.name == function), "")


def result_json(result: Result, meta: Metadata) -> dict[str, Any]:
    """One ISA's verification."""
    return {
        "isa": result.isa,
        "functions": result.functions,
        "sites": result.sites,
        "refused": result.refused,
        "unproved": [finding_json(f, meta) for f in result.findings],
    }


def result_lines(result: Result, meta: Metadata) -> Iterator[str]:
    """The same for people: what is unproved, then the counts."""
    for f in (finding_json(f, meta) for f in result.findings):
        where = f"{f['file']}:{f['line']}" if f["line"] else f["file"]
        yield f"{where} in {f['function']} [{f['isa']}] at {f['address']}: {f['reason']}"
    functions = len({f.function for f in result.findings})
    wrong = f"{functions} functions UNPROVED" if functions else "all proved"
    refused = f", {result.refused} of them refused at run time" if result.refused else ""
    yield f"{result.isa}: {result.functions} functions, {result.sites} sites{refused}: {wrong}"
