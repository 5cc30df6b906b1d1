"""LLVM through llvmlite: code generation, run per ISA, and what stands in for the optimiser at -O0."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache

import llvmlite.binding as llvm

from popcc.errors import PopccError
from popcc.ir import model
from popcc.isa import ISAS, Isa

_GROUP = re.compile(r"attributes (#\d+) = \{ (.*) \}")
_GROUP_OF = re.compile(r"(?<= )(#\d+)(?= )")
_FOR_SIZE = re.compile(r"\b(?:optsize|minsize) ")
# design 5: what keeps every carried value in a callee-saved register or a slot, and every value of the machine
# code an IR value or a constant; one set serves all ISAs
LLVM_OPTIONS = (
    "-max-registers-for-gc-values=1000",
    "-fixup-allow-gcptr-in-csr",
    "-use-registers-for-deopt-values",
    "-disable-cgp",
    "-disable-lsr",
    "-disable-tail-duplicate",
    "-disable-early-taildup",
    "-tail-dup-placement=0",
    # each site copies what it carries: joining such copies in one go takes a ninth of the time in big functions
    "-join-globalcopies=0",
    "-emit-jump-table-sizes-section",
    # in the course of which LLVM verifies what it parses: once is enough (`verify`)
    "-disable-auto-upgrade-debug-info",
    *(option for isa in ISAS.values() for option in isa.llvm_options),
)


@cache
def initialise() -> None:
    """Targets and options; once per process, and before it forks children that are to have them."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    for option in LLVM_OPTIONS:
        llvm.set_option("popcc", option)


def _machine(isa: Isa, level: int) -> llvm.TargetMachine:
    return llvm.Target.from_triple(isa.triple).create_target_machine(
        cpu="", features=isa.features, opt=level, reloc="static", codemodel=isa.code_model, abiname=isa.abi
    )


def parse(text: str, after: str) -> llvm.ModuleRef:
    """Parses and verifies IR; a failure is our own bug in phase `after`."""
    module = parsed(text, after)
    verify(module, after)
    return module


def parsed(text: str, after: str) -> llvm.ModuleRef:
    """As `parse`, but leaves it to the caller to `verify`."""
    try:
        # in a context of its own: in a common one LLVM would rename types that an earlier module had as well
        return llvm.parse_assembly(text, llvm.create_context())
    except RuntimeError as error:
        raise _invalid(after, error) from None


def verify(module: llvm.ModuleRef, after: str) -> None:
    """Raises `PopccError` when the IR is not sound."""
    try:
        module.verify()
    except RuntimeError as error:
        raise _invalid(after, error) from None


def _invalid(after: str, error: Exception) -> PopccError:
    return PopccError(f"internal error: invalid IR after {after}: {error}")


def tidied(text: str) -> str:
    """IR as -O0 needs it: code generation would find out by itself, on one ISA or the other, which branches are never
    taken, and their sites would be missing there."""
    module = parse(text, "the passes before the optimiser")
    machine = _machine(ISAS["x86_64"], 2)
    for_nothing = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=0))
    for_nothing.getModulePassManager().run(module, for_nothing)
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=1))
    manager = llvm.create_new_module_pass_manager()
    manager.add_sroa_pass()
    manager.add_instruction_combine_pass()
    manager.add_simplify_cfg_pass()
    manager.run(module, builder)
    return str(module)


def unoptimised(text: str, functions: Collection[str]) -> str:
    """Keeps code generation from optimising some functions across blocks, which end at their sites."""
    if not functions:
        return text
    from popcc.passes.apart import split_at_sites

    module = model.parse(text, model.COMMON)
    # what is not optimised can't be optimised for size
    groups = {m.group(1): _FOR_SIZE.sub("", m.group(2)) for line in module.lines() if (m := _GROUP.match(line))}
    for function in module.functions():
        if function.name in functions:
            header = _GROUP_OF.sub(lambda m: groups[m.group(1)], function.header, count=1)
            function.header = header.replace(' section "', ' noinline optnone section "', 1)
            split_at_sites(function)
    return module.text()


def emit(ir: str | llvm.ModuleRef, isa: Isa, optimization: str, assembly: bool = False) -> bytes:
    """The ELF object (or assembly text) of common IR on one ISA. A parsed module is used up."""
    module = parse(ir, "the site pass") if isinstance(ir, str) else ir
    level = {"0": 1, "1": 1, "3": 3}.get(optimization, 2)
    machine = _machine(isa, level)
    module.triple = isa.triple
    module.data_layout = str(machine.target_data)
    if assembly:
        return str(machine.emit_assembly(module)).encode()
    return bytes(machine.emit_object(module))
