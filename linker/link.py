"""The link, as a list of phases (design 6). Each takes what those before returned and changes none of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from popcc import isolate
from popcc.errors import PlacedError
from popcc.linker.addresses import Addresses
from popcc.linker.checks import check_executables
from popcc.linker.collect import collect
from popcc.linker.elf import drop_sections, with_contents
from popcc.linker.inputs import Input
from popcc.linker.jumptables import with_jump_tables
from popcc.linker.layout import BUILD_ID_SIZE, LINKER_DEFINED, PAGE, Layout, place
from popcc.linker.leaf import check_leaf_calls
from popcc.linker.lld import Job, link_all
from popcc.linker.ordered import ARCHIVE, ordered
from popcc.linker.program import FunctionInfo, Metadata, ProgramSite, make_program
from popcc.linker.prototypes import check_prototypes
from popcc.linker.resolve import Resolution, resolve
from popcc.linker.script import BUILD_ID_FILE, SITES_FILE, SITES_SECTION, Tables, script
from popcc.linker.sitetable import site_table
from popcc.linker.verify.linked import Verdict, verify_linked
from popcc.linker.verify.proved import Proved
from popcc.temporary import temporary_folder

RUNTIME_PREFIX = "__popcorn_"


class LinkOptions(Struct, frozen=True):
    """What a link is asked for."""

    isas: tuple[str, ...]
    outer: str  # the ISA whose executable the file itself is
    entry: str = "_start"
    undefined: tuple[str, ...] = ()  # -u
    symbols: tuple[tuple[str, int], ...] = ()  # --defsym
    allow_duplicates: bool = False
    keep_all: bool = False  # --no-gc-sections
    strip: str = ""  # "" | "debug" | "all"
    verify: bool = True
    proved: Proved | None = None  # where what was proved before is kept


class Linked(Struct, frozen=True):
    """A linked program, and what a map file or a report says of it."""

    program: bytes
    metadata: Metadata
    resolution: Resolution
    layout: Layout
    unproved: tuple[PlacedError, ...] = ()  # what verification found


def link(inputs: Sequence[Input], options: LinkOptions, name: str) -> Linked:
    """Link `inputs` to the program called `name`. Raises `PopccError`, several together where that helps."""
    roots = (options.entry, *options.undefined)
    defined = LINKER_DEFINED | {symbol for symbol, _ in options.symbols}

    # Which units take part, and what each name means. From here on the units and their order are settled.
    resolution = resolve(inputs, options.isas, roots, options.allow_duplicates)
    check_leaf_calls(resolution)
    check_prototypes(resolution)

    # Which of their sections are linked, on all ISAs alike.
    live = collect(resolution, (*roots, *_runtime_symbols(resolution)), defined, options.keep_all)

    # Where each lies. From here on every address is settled, but for the contents of the private tables.
    layout = place(resolution, live)
    addresses = {isa: Addresses(isa, resolution, layout) for isa in options.isas}
    tables = isolate.each(site_table, {isa: (addresses[isa],) for isa in options.isas})
    end = _end(layout, tables)
    build_id = _build_id(resolution, layout, tables, options)

    # lld moves the bytes and relocates them; then nothing it did is believed.
    executables = _run_lld(resolution, layout, tables, end, build_id, options)
    check_executables(executables, layout, end)
    if options.strip == "all":  # not before: the check goes by symbols
        executables = {isa: drop_sections(data, isa, (".symtab", ".strtab")) for isa, data in executables.items()}

    # Code and maps are held against each other; no thread moves in a function that fails.
    executables = with_jump_tables(executables, resolution, layout)
    verdict = verify_linked(executables, addresses, options.proved) if options.verify else Verdict()
    if verdict.refused:
        executables = {
            isa: with_contents(data, isa, SITES_SECTION, site_table(addresses[isa], verdict.refused))
            for isa, data in executables.items()
        }

    metadata = _metadata(resolution, build_id.hex(), options.isas, name)
    program = make_program(executables, options.outer, metadata)
    return Linked(program, metadata, resolution, layout, verdict.problems)


def _runtime_symbols(resolution: Resolution) -> Iterator[str]:
    """What the runtime defines for compiled code stays, once it takes part: other tools look for it."""
    first = resolution.definitions[resolution.isas[0]]
    for name, definition in first.items():
        if name.startswith(RUNTIME_PREFIX) and resolution.units[definition.unit].unit.private:
            yield name


def _end(layout: Layout, tables: Mapping[str, bytes]) -> int:
    """The end of the program, the same on all ISAs: behind the largest site table."""
    end = layout.sites + max(map(len, tables.values()))
    return end + -end % PAGE


def _build_id(resolution: Resolution, layout: Layout, tables: Mapping[str, bytes], options: LinkOptions) -> bytes:
    """Names the contents: all code and data that went in, where it lies, and all maps."""
    digest = hashlib.sha1(repr((options.isas, options.entry, options.symbols)).encode())
    for item in resolution.units:
        for isa in options.isas:
            obj = item.unit.objects.get(isa)
            digest.update(hashlib.sha1(obj.elf if obj else b"").digest())
    for placed in layout.placed:
        digest.update(f"{placed.key.unit} {placed.key.name} {placed.address:x}\n".encode("utf-8", "surrogateescape"))
    for isa in options.isas:
        digest.update(tables[isa])
    for item in resolution.units:
        sites = [(s.function, s.line, s.callee, s.values, s.noreturn) for s in item.unit.sites]
        digest.update(json.dumps(sites).encode())
    assert digest.digest_size == BUILD_ID_SIZE
    return digest.digest()


def _run_lld(
    resolution: Resolution,
    layout: Layout,
    tables: Mapping[str, bytes],
    end: int,
    build_id: bytes,
    options: LinkOptions,
) -> Mapping[str, bytes]:
    strip = ("--strip-debug",) if options.strip else ()
    duplicates = ("--allow-multiple-definition",) if options.allow_duplicates else ()
    with temporary_folder("popcc-link-") as folder:
        jobs = []
        for isa in options.isas:
            directory = folder / isa
            directory.mkdir()
            (directory / BUILD_ID_FILE).write_bytes(build_id)
            (directory / SITES_FILE).write_bytes(tables[isa])
            objects = ordered(layout, isa)
            with (directory / ARCHIVE).open("wb") as file:
                file.writelines(objects.archive(lambda n: resolution.units[n].unit))
            text = script(layout, objects, Tables(len(tables[isa]), end), options.entry, dict(options.symbols))
            jobs.append(Job(directory, objects, text, (*strip, *duplicates)))
        return link_all(jobs, lambda n: resolution.units[n].origin)


def _metadata(resolution: Resolution, build_id: str, isas: tuple[str, ...], name: str) -> Metadata:
    functions: list[FunctionInfo] = []
    sites: list[ProgramSite] = []
    for item in resolution.units:
        numbers: dict[str, int] = {}
        for s in item.unit.sites:
            if s.function not in numbers:
                numbers[s.function] = len(functions)
                tier = "memory" if s.function in item.unit.memory_tier else "register"
                functions.append(FunctionInfo(s.function, item.unit.source, tier))
            sites.append(ProgramSite(numbers[s.function], s.line, s.callee, s.values))
    return Metadata(build_id, isas, name, tuple(functions), tuple(sites))
