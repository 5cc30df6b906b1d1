"""Plant and find: site maps and machine code altered at random, each of which the verifier must reject.

    python testsuite/mutants.py PROGRAM.c… [--count N] [--seed S]     prints per kind how many were rejected

Kinds of alteration, each a way in which completion, code generation or a bad disk could be wrong. One that leaves
behaviour as it was is no error; what survives is printed, and test_verify.py says which kinds may and why.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from popcc.compile import compile_source
from popcc.compile_options import CompileOptions
from popcc.isa import ISAS
from popcc.linker.addresses import Addresses
from popcc.linker.elf import read_elf
from popcc.linker.inputs import LinkUnit, Objects
from popcc.linker.link import Linked, LinkOptions, link
from popcc.linker.machine import MACHINES
from popcc.linker.machine.base import Expr, Insn
from popcc.linker.program import EXECUTABLE
from popcc.linker.sitetable import live_functions
from popcc.linker.verify import fingerprints
from popcc.linker.verify.frame import read_body
from popcc.linker.verify.image import Image
from popcc.linker.verify.listing import Listing
from popcc.linker.verify.proved import Proved
from popcc.linker.verify.report import verify_function
from popcc.linker.verify.tables import TableFunction, TableSite, is_constant, read_table, slot_of
from popcc.runtime.libc.headers import include_dirs
from popcc.schema.sites import NO_LOCATION, SLOT, RecipeKind, SiteFlag
from popcc.toolchain import standard_libraries
from popcc.unit import Unit

_NOPS = {"x86_64": b"\x90", "aarch64": bytes.fromhex("1f2003d5"), "riscv64": bytes.fromhex("0100")}


class Subject(Struct, frozen=True):
    """One function of a linked program, with all that verification goes by."""

    isa: str
    image: Image
    function: TableFunction
    listing: Listing

    def rejected(self) -> bool:
        """Whether the verifier finds something wrong."""
        return bool(verify_function(self.isa, self.image, self.function, self.listing))

    def insns(self) -> list[Insn]:
        """The function's code."""
        return MACHINES[self.isa].decode(self.image.code(self.function.start, self.function.size))


class Mutant(Struct, frozen=True):
    """An altered subject."""

    kind: str
    subject: Subject
    text: str


def linked(source: Path, optimization: str = "2") -> Linked:
    """A program of one file, linked without verification."""
    options = CompileOptions(tuple(ISAS), tuple(include_dirs()), ("-w",), optimization)
    return program_of([compile_source(source, options)])


def program_of(units: Sequence[Unit], verify: bool = False, proved: Proved | None = None) -> Linked:
    """A program of these units and the C library."""
    inputs = [Objects(tuple(LinkUnit(u, u.source) for u in units)), *standard_libraries(tuple(ISAS))]
    return link(inputs, LinkOptions(tuple(ISAS), next(iter(ISAS)), verify=verify, proved=proved), "program")


def subjects(program: Linked) -> list[Subject]:
    """All functions with sites, on all ISAs."""
    out = []
    for isa in ISAS:
        addresses = Addresses(isa, program.resolution, program.layout)
        elf = read_elf(program.program, "program")
        section = elf.section(EXECUTABLE + isa)
        if section is not None:
            elf = read_elf(elf.contents(section), isa)
        image = Image(elf)
        objects = fingerprints.Objects(addresses)
        for live, function in zip(live_functions(addresses), read_table(elf), strict=True):
            out.append(Subject(isa, image, function, objects.file(live.unit).listing(live)))
    return out


def _with_site(subject: Subject, number: int, site: TableSite) -> Subject:
    sites = list(subject.function.sites)
    sites[number] = site
    return replace(subject, function=replace(subject.function, sites=tuple(sites)))


def _other_place(rng: random.Random, isa: str, word: int) -> int:
    """Another register that calls preserve, or the slot beside."""
    if word & SLOT:
        return word + rng.choice((8, -8))
    machine = MACHINES[isa]
    numbers = [
        n for n, r in machine.dwarf.items() if r in machine.callee_saved and n != word and r not in machine.vectors
    ]
    return rng.choice(numbers)


def _drop_value(rng: random.Random, isa: str, site: TableSite) -> TableSite | None:
    places = [k for k, w in enumerate(site.values) if not is_constant(w)]
    return _value(site, rng.choice(places), NO_LOCATION) if places else None


def _swap_values(rng: random.Random, isa: str, site: TableSite) -> TableSite | None:
    pairs = [(a, b) for a in range(len(site.values)) for b in range(a) if site.values[a] != site.values[b]]
    if not pairs:
        return None
    a, b = rng.choice(pairs)
    return _value(_value(site, a, site.values[b]), b, site.values[a])


def _move_value(rng: random.Random, isa: str, site: TableSite) -> TableSite | None:
    places = [k for k, w in enumerate(site.values) if not is_constant(w)]
    if not places:
        return None
    k = rng.choice(places)
    return _value(site, k, _other_place(rng, isa, site.values[k]))


def _value(site: TableSite, k: int, word: int) -> TableSite:
    return replace(site, values=(*site.values[:k], word, *site.values[k + 1 :]))


def _needed_recipe(rng: random.Random, site: TableSite) -> int | None:
    """One of the recipes; where a wider one fills the same place, a narrower one changes nothing."""
    needed = [
        k for k, r in enumerate(site.recipes) if not any(o.dest == r.dest and o.width > r.width for o in site.recipes)
    ]
    return rng.choice(needed) if needed else None


def _drop_recipe(rng: random.Random, isa: str, site: TableSite) -> TableSite | None:
    if (k := _needed_recipe(rng, site)) is None:
        return None
    return replace(site, recipes=(*site.recipes[:k], *site.recipes[k + 1 :]))


def _change_recipe(rng: random.Random, isa: str, site: TableSite) -> TableSite | None:
    if (k := _needed_recipe(rng, site)) is None:
        return None
    r = site.recipes[k]
    if r.kind in (RecipeKind.ZEXT, RecipeKind.SEXT):
        changed = replace(r, imm=r.imm // 2 or 2)
    elif r.kind == RecipeKind.VALUE and len(site.values) > 1 and rng.random() < 0.5:
        changed = replace(r, value=(r.value + 1) % len(site.values))
    elif r.kind == RecipeKind.LOAD:
        changed = replace(r, imm=r.imm + r.width)
    else:
        changed = replace(r, imm=r.imm ^ 1 << rng.randrange(8))
    return replace(site, recipes=(*site.recipes[:k], changed, *site.recipes[k + 1 :]))


def _move_recipe(rng: random.Random, isa: str, site: TableSite) -> TableSite | None:
    if (k := _needed_recipe(rng, site)) is None:
        return None
    changed = replace(site.recipes[k], dest=_other_place(rng, isa, site.recipes[k].dest))
    return replace(site, recipes=(*site.recipes[:k], changed, *site.recipes[k + 1 :]))


def _drop_saved(rng: random.Random, isa: str, site: TableSite) -> TableSite | None:
    if not site.saved:
        return None
    k = rng.randrange(len(site.saved))
    return replace(site, saved=(*site.saved[:k], *site.saved[k + 1 :]))


def _swap_saved(rng: random.Random, isa: str, site: TableSite) -> TableSite | None:
    if len(site.saved) < 2:
        return None
    a, b = rng.sample(range(len(site.saved)), 2)
    saved = list(site.saved)
    saved[a], saved[b] = (saved[a][0], saved[b][1]), (saved[b][0], saved[a][1])
    return replace(site, saved=tuple(saved))


def _move_saved(rng: random.Random, isa: str, site: TableSite) -> TableSite | None:
    if not site.saved:
        return None
    k = rng.randrange(len(site.saved))
    register, offset = site.saved[k]
    return replace(site, saved=(*site.saved[:k], (register, offset + rng.choice((8, -8))), *site.saved[k + 1 :]))


def _change_frame(rng: random.Random, isa: str, site: TableSite) -> TableSite | None:
    return replace(site, frame=site.frame + rng.choice((-16, -8, 8, 16, 64)))


OF_MAPS: dict[str, Callable[[random.Random, str, TableSite], TableSite | None]] = {
    "drop a value": _drop_value,
    "swap two values": _swap_values,
    "shift a value": _move_value,
    "drop a recipe": _drop_recipe,
    "change a recipe": _change_recipe,
    "shift a recipe": _move_recipe,
    "drop a saved register": _drop_saved,
    "swap two saved registers": _swap_saved,
    "shift a saved register": _move_saved,
    "change the frame size": _change_frame,
}


def _without(subject: Subject, insn: Insn) -> Subject:
    """The code with an instruction blanked."""
    elf = subject.image.elf
    at = subject.image.elf.section(".text")
    assert at is not None
    begin = at.offset + insn.address - at.address
    nop = _NOPS[subject.isa]
    size = insn.end - insn.address
    data = elf.data[:begin] + nop * (size // len(nop)) + elf.data[begin + size :]
    return replace(subject, image=Image(read_elf(data, elf.where)))


def _described(subject: Subject, site: TableSite) -> set[str]:
    """Registers that a map describes."""
    names = MACHINES[subject.isa].dwarf
    words = [w for w in site.values if not is_constant(w)] + [r.dest for r in site.recipes]
    return {names[w] for w in words if slot_of(w) is None}


def _remove_spill(rng: random.Random, subject: Subject) -> tuple[Subject, str] | None:
    """Blank the only store to a slot that some site lists a value in; not to one that a push filled with anything."""
    if any(insn.text == "push rax" for insn in subject.insns()):
        return None
    sp = MACHINES[subject.isa].stack_pointer
    listed = {(s.frame, w) for s in subject.function.sites if s.usable for w in s.values if w & SLOT}
    stores: dict[int, list[Insn]] = {}
    for insn in subject.insns():
        for e in insn.effects:
            if e[0] == "store" and e[1][0] == sp and e[1][1] is None and e[2] == 8 and len(insn.effects) == 1:
                stores.setdefault(e[1][2], []).append(insn)
    found = [
        stores[frame - (w & ~SLOT)][0] for frame, w in sorted(listed) if len(stores.get(frame - (w & ~SLOT), ())) == 1
    ]
    if not found:
        return None
    insn = rng.choice(found)
    return _without(subject, insn), insn.text


def _extend_range(rng: random.Random, subject: Subject) -> tuple[Subject, str] | None:
    """Blank the first write of a register behind a site whose map does not describe it, where it is read thereafter.

    Only of registers that had been written before: until then they hold the caller's, and are nobody's to read.
    """
    machine = MACHINES[subject.isa]
    insns = subject.insns()
    sites = {s.returns_to: s for s in subject.function.sites if s.usable and not s.flags & SiteFlag.NORETURN}
    found = []
    written_at = _written(subject)
    for k, insn in enumerate(insns):
        site = sites.get(insn.end)
        if insn.kind != "call" or site is None:
            continue
        lost = {machine.dwarf[n] for n, _ in site.saved} - _described(subject, site)
        lost &= set(machine.callee_saved) & written_at.get(insn.end, frozenset())
        for j in range(k + 1, len(insns)):
            if insns[j].kind:
                break
            effects = insns[j].effects
            sets = [e[1] for e in effects if e[0] == "set"]
            if len(effects) == 1 and sets and sets[0] in lost and _read_next(insns, j, sets[0]):
                found.append(insns[j])
            lost -= set(sets)
    if not found:
        return None
    insn = rng.choice(found)
    return _without(subject, insn), insn.text


def _written(subject: Subject) -> dict[int, frozenset[str]]:
    """The registers that some path to a call has written, by return address; restored ones are the caller's again."""
    machine = MACHINES[subject.isa]
    code = subject.image.code(subject.function.start, subject.function.size)
    body = read_body(machine, code, subject.function)
    entry: dict[int, frozenset[str]] = {0: frozenset()}
    at: dict[int, frozenset[str]] = {}
    work = [0]
    while work:
        n = work.pop()
        written = entry[n]
        for insn in (step.insn for step in body.blocks[n]):
            written |= {e[1] for e in insn.effects if e[0] == "set" and not _from_stack(e[3], machine.stack_pointer)}
            if insn.kind == "call":
                at[insn.end] = written
        for s in body.successors[n]:
            joined = entry.get(s, frozenset()) | written
            if joined != entry.get(s):
                entry[s] = joined
                work.append(s)
    return at


def _from_stack(e: Expr, stack_pointer: str) -> bool:
    """Whether a value comes from a slot: at a function's end that is the caller's."""
    return bool(e[0] == "ld" and e[1][0] == stack_pointer)


def _read_next(insns: list[Insn], at: int, register: str) -> bool:
    """Whether the next instruction that is no jump stores or tests a register as it is."""
    for insn in insns[at + 1 :]:
        if insn.kind:
            return any(r == register for r, _ in insn.reads)
        if any(e[0] == "store" and e[3][0] == "r" and e[3][1] == register for e in insn.effects):
            return True
        if any(e[0] == "set" and e[1] == register for e in insn.effects):
            return False
    return False


OF_CODE = {"remove a spill": _remove_spill, "extend a live range": _extend_range}


def _alter_map(
    rng: random.Random, subject: Subject, change: Callable[[random.Random, str, TableSite], TableSite | None]
) -> tuple[Subject, str] | None:
    number = rng.choice([n for n, s in enumerate(subject.function.sites) if s.usable])
    site = change(rng, subject.isa, subject.function.sites[number])
    return None if site is None else (_with_site(subject, number, site), f"site {site.id}")


def mutants(rng: random.Random, found: list[Subject], count: int) -> Iterator[Mutant]:
    """`count` of each kind, or fewer where the program has no place for them."""
    usable = [s for s in found if any(site.usable for site in s.function.sites)]
    of_maps = {kind: partial(_alter_map, change=change) for kind, change in OF_MAPS.items()}
    for kind, alter in (of_maps | OF_CODE).items():
        made = 0
        for _ in range(20 * count):
            if made == count:
                break
            altered = alter(rng, rng.choice(usable))
            if altered is not None:
                made += 1
                yield Mutant(kind, *altered)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=100, help="of each kind and program (default 100)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    rng = random.Random(arguments.seed)
    made: Counter[str] = Counter()
    survived: Counter[str] = Counter()
    for program in arguments.programs:
        for mutant in mutants(rng, subjects(linked(program)), arguments.count):
            made[mutant.kind] += 1
            if not mutant.subject.rejected():
                survived[mutant.kind] += 1
                s = mutant.subject
                print(f"survived: {mutant.kind}: {program.name} {s.function.name} [{s.isa}] {mutant.text}")
    for kind, n in made.items():
        print(f"{kind}: {n - survived[kind]} of {n} rejected")
    total = sum(made.values())
    print(f"all: {total - sum(survived.values())} of {total}, {100 * (1 - sum(survived.values()) / total):.2f} %")


if __name__ == "__main__":
    main()
