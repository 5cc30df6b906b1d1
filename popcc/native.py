"""Bodies that functions have on one ISA alone: ``-fpopcorn-asm=ISA:FILE.c``.

FILE is C for that ISA, with its macros, intrinsics and inline assembly. What it defines takes the place of the
functions of the same name in the source being compiled, on that ISA; the source's own run on the others. Such a
function has no sites, on any ISA: a thread in it moves when it has returned. The optimiser must not look into it from
outside either, since what it would learn holds for one of the bodies only.

The front end lowers structures and variable arguments by the ISA's own rules, the common IR by x86_64's: so types of
parameters and results must be the same in both, which scalars' are.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from popcc.errors import ErrorGroup, Place, PlacedError, PopccError
from popcc.frontend import PORTABLE_FLAGS, SPEAKER, FrontEndError, clang, wheel
from popcc.ir import model
from popcc.ir.model import Function, Module, header_span
from popcc.ir.text import quote_free
from popcc.isa import Isa, isa_named
from popcc.passes.sections import in_section
from popcc.temporary import temporary_folder

_INTERNAL = re.compile(r"\b(?:internal|private)\b")
_VARIABLE = re.compile(r"(@\S+) = (.*?)\b(global|constant) ")
_ABSENT = re.compile(r"\b(?:external|extern_weak)\b")
# the common IR says nothing of the upper halves of 32-bit values, so nothing may be taken for granted here
_EXTENDED = re.compile(r"(?<=\bi32)((?: noundef)?) (?:signext|zeroext)\b|\b(?:signext|zeroext) (?=i32\b)")
_RESULT = re.compile(r"(\{.*\}|<.*>|\[.*\]|\S+) @")
_WEAK = "define weak "


class Source(Struct, frozen=True):
    """A file, and the ISA that it is for."""

    isa: str
    path: Path


class Body(Struct, frozen=True):
    """What a file became: an ELF object of its ISA, and by name the types of the functions that it is for."""

    source: Source
    elf: bytes
    functions: Mapping[str, str]

    @property
    def why(self) -> str:
        """Why its functions have no sites."""
        return f"it has a body of its own on {self.source.isa} ({self.source.path})"


def read_bodies(
    sources: Iterable[Source], flags: Iterable[str], include_dirs: Iterable[Path], optimization: str
) -> tuple[Body, ...]:
    """Compiles the files, each for its ISA. Raises `PopccError` for what only the common IR can have."""
    return tuple(_read(s, tuple(flags), tuple(include_dirs), optimization) for s in sources)


def _read(source: Source, flags: tuple[str, ...], include_dirs: tuple[Path, ...], optimization: str) -> Body:
    headers = [*include_dirs, wheel() / "lib/include"]  # with the intrinsics
    system = [part for d in headers for part in ("-Xclang", "-internal-isystem", "-Xclang", str(d))]
    ir = _clang(source, [*flags, *system, f"-O{optimization}", "-S", "-emit-llvm", str(source.path)])
    module = model.parse(ir.decode("utf-8", "surrogateescape"))
    errors = list(_refused(source, module))
    if errors:
        raise ErrorGroup(errors)
    functions = {f.name: _type(f) for f in module.functions() if not _is_internal(f)}
    text = _with_sections(module).text().encode("utf-8", "surrogateescape")
    # by clang, whose assemblers know every ISA; tables for switches would be mistaken for the common code's
    elf = _clang(source, [f"-O{optimization}", "-fno-jump-tables", "-Wno-override-module", "-x", "ir", "-c", "-"], text)
    return Body(source, elf, functions)


def _clang(source: Source, arguments: list[str], stdin: bytes = b"") -> bytes:
    isa = isa_named(source.isa)
    command = [*clang(), f"--target={isa.triple}", *isa.clang_flags, *PORTABLE_FLAGS, *arguments, "-o", "-"]
    run = subprocess.run([SPEAKER, *command[1:]], executable=command[0], stdout=subprocess.PIPE, input=stdin)
    if run.returncode:
        raise FrontEndError(run.returncode)
    return run.stdout


def _is_internal(function: Function) -> bool:
    return bool(_INTERNAL.search(function.header[: header_span(function.header)[0]]))


def _refused(source: Source, module: Module) -> Iterable[PopccError]:
    def error(symbol: str, text: str) -> PopccError:
        return PlacedError(Place(str(source.path), symbol=symbol, isa=source.isa), text)

    for item in module.items:
        if isinstance(item, Function):
            if "..." in item.header or any(i.opcode == "call" and "..." in i.rhs for i in item.insts()):
                yield error(item.name, "variable arguments are passed in another way here; wrap the call in common C")
        elif item.startswith("module asm "):
            yield error("", "assembly outside a function; put it into one")
        elif m := _VARIABLE.match(item):
            words = m.group(2)
            if "thread_local" in words:
                why = "thread-locals are addressed in another way here; pass the address"
                yield error(quote_free(m.group(1)), why)
            elif not _ABSENT.search(words) and (m.group(3) == "global" or not _INTERNAL.search(words)):
                why = "a variable would be on this ISA only; define it in common C, or make it static const"
                yield error(quote_free(m.group(1)), why)


def _plain(text: str) -> str:
    return _EXTENDED.sub(r"\1", text)


def _with_sections(module: Module) -> Module:
    """Functions go where the common IR's went; what no other file sees is private to the ISA."""
    items: list[str | Function] = []
    for item in module.items:
        if isinstance(item, Function):
            place = f".popcorn.private.text.{item.name}" if _is_internal(item) else f".text.{item.name}"
            item.header = in_section(_plain(item.header), place)
            for block in item.blocks:
                block.insts = [model.Inst(_plain(i.text)) for i in block.insts]
            items.append(item)
        elif (m := _VARIABLE.match(item)) and not _ABSENT.search(m.group(2)):
            name = quote_free(m.group(1))
            body, _, align = item.replace("unnamed_addr ", "", 1).rpartition(", align ")
            items.append(f'{body}, section ".popcorn.private.rodata.{name}", align {align}')
        elif item.startswith("declare "):
            items.append(_plain(item))
        elif not item.startswith(("target ", "source_filename")):
            items.append(item)
    return module.with_items(items)


def replaceable(module: Module, bodies: Iterable[Body]) -> Module:
    """The front end's module with those functions made such that no other learns from their bodies.

    Raises `ErrorGroup` naming what the source doesn't define, or keeps to itself.
    """
    wanted = {name: body for body in bodies for name in body.functions}
    found = {f.name: f for f in module.functions() if f.name in wanted}
    source = module.source()
    errors: list[PopccError] = []
    for name, body in wanted.items():
        place = Place(str(body.source.path), symbol=name, isa=body.source.isa)
        if name not in found:
            errors.append(PlacedError(place, f"{source} has no function of that name, which other ISAs would run"))
        elif _is_internal(found[name]):
            errors.append(PlacedError(place, f"the function of that name in {source} is static; make it visible"))
        else:
            found[name].header = found[name].header.replace("define ", _WEAK, 1)
    if errors:
        raise ErrorGroup(errors)
    return module


def settled(text: str, bodies: Iterable[Body]) -> str:
    """Optimised IR in which those functions are ordinary ones again."""
    names = {name for body in bodies for name in body.functions}
    lines = text.split("\n") if names else []
    for n, line in enumerate(lines):
        if line.startswith(_WEAK) and model.header_name(line) in names:
            lines[n] = line.replace(_WEAK, "define ", 1)
    return "\n".join(lines) if names else text


def without(text: str, body: Body) -> str:
    """The common IR for the ISA of `body`: what the body defines is declared only.

    Raises `ErrorGroup` where the two differ in type.
    """
    module = model.parse(text, model.NATIVE)
    items: list[str | Function] = []
    errors: list[PopccError] = []
    for item in module.items:
        if isinstance(item, Function) and item.name in body.functions:
            here, there = _type(item), body.functions[item.name]
            if here != there:
                place = Place(str(body.source.path), symbol=item.name, isa=body.source.isa)
                why = f"is {there}, on other ISAs {here}; pass and return scalars and pointers"
                errors.append(PlacedError(place, why))
            result, _, parameters = here.partition(" (")
            items.append(f"declare {result} @{item.name}({parameters}")
        else:
            items.append(item)
    if errors:
        raise ErrorGroup(errors)
    return module.with_items(items).text()


def joined(elf: bytes, bodies: Sequence[Body], isa: Isa) -> bytes:
    """One object of the common code's and those of the bodies."""
    if not bodies:
        return elf
    with temporary_folder("popcc-native-") as folder:
        parts = [folder / f"{n}.o" for n in range(len(bodies) + 1)]
        for part, data in zip(parts, (elf, *(b.elf for b in bodies)), strict=True):
            part.write_bytes(data)
        output = folder / "all.o"
        command = [str(wheel() / "zig"), "ld.lld", "-m", isa.emulation, "-r", "-o", str(output), *map(str, parts)]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            raise PopccError(f"internal error: {isa.name}: {run.stderr.strip()}")
        return output.read_bytes()


def _type(function: Function) -> str:
    """Types of the result and the parameters, as ``i32 (ptr, i64)``."""
    m = _RESULT.search(function.header[: header_span(function.header)[0]])
    assert m is not None
    return f"{m.group(1)} ({', '.join(p.type for p in function.parameters()[0])})"
