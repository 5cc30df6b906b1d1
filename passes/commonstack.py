"""Whatever can have its address taken moves to the thread's common stack (law 3, design 4.5).

    higher addresses
      caller's frame
      +-----------------+  <- csp on entry, 16-aligned
      |  static allocas |
      +-----------------+  <- %popcorn.frame, csp while the function runs
      |  dynamic allocas|     (csp moves down; stacksave and stackrestore read and write it)
      +-----------------+  <- csp
    lower addresses

csp is at thread pointer + 32. Functions without sites keep their allocas on the machine stack: no frame of
theirs is ever moved. Every function that calls setjmp has a frame, by which longjmp finds it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from msgspec import Struct

from popcc.errors import Place, PlacedError, PopccError
from popcc.ir.model import Function, Inst, Module, header_name
from popcc.ir.text import split_list, take_type
from popcc.passes.base import with_declarations
from popcc.passes.callgraph import CallGraph, call_graph
from popcc.passes.memory import calls_setjmp
from popcc.passes.sizes import TypeSizes
from popcc.passes.tls import THREAD_POINTER

FRAME = "%popcorn.frame"
CSP_OFFSET = 32
_PTRMASK = "declare ptr @llvm.ptrmask.p0.i64(ptr, i64)"
_LIFETIME = re.compile(r"@llvm\.lifetime\.")


class CommonStack(Struct, frozen=True):
    """The pass. `calls` are the whole module's, if it gets a part."""

    calls: CallGraph | None = None
    name: str = "common stack"

    def apply(self, module: Module) -> Module:
        """Rewrites allocas of functions with sites. Raises `PlacedError` for an alloca aligned beyond a page."""
        calls = self.calls or call_graph(module)
        sizes = TypeSizes(module)
        changed = False
        for function in module.functions():
            if function.name not in calls.site_free:
                changed |= _function(function, sizes)
        return with_declarations(module, [THREAD_POINTER, _PTRMASK]) if changed else module


def check_machine_stack(text: str) -> None:
    """Raises when a function with sites still has something on the machine stack that an address could lead to."""
    header = ""
    for line in text.split("\n"):
        if line.startswith("define "):
            header = line if ' gc "' in line else ""
        elif header and " = alloca " in line:
            raise PopccError(f"internal error: in {header_name(header)}: left on the machine stack:{line}")


class _Alloca(Struct, frozen=True):
    type: str
    count: str  # "" or "i64 %n"
    align: int

    @property
    def static(self) -> bool:
        return not self.count or self.count.split()[1].isdigit()


def _parse(inst: Inst) -> _Alloca:
    type_, rest = take_type(inst.rhs[len("alloca ") :])
    count, align = "", 8
    for part in split_list(rest.lstrip(", ")):
        if part.startswith("align "):
            align = int(part[6:])
        elif re.match(r"i\d+ ", part):
            count = part
    return _Alloca(type_, count, align)


def _function(function: Function, sizes: TypeSizes) -> bool:
    entry = function.blocks[0]
    offsets: dict[str, int] = {}
    size, biggest_align = 0, 16
    for inst in entry.insts:
        if inst.opcode != "alloca" or not (alloca := _parse(inst)).static:
            continue
        assert inst.result is not None
        count = int(alloca.count.split()[1]) if alloca.count else 1
        if alloca.align > 4096:
            raise PlacedError(
                Place(symbol=function.name), f"a local aligned to {alloca.align} bytes; the limit is 4096"
            )
        size = (size + alloca.align - 1) // alloca.align * alloca.align
        offsets[inst.result] = size
        size += sizes.size(alloca.type) * count
        biggest_align = max(biggest_align, alloca.align)
    dynamic = any(i.opcode == "alloca" and i.result not in offsets for i in function.insts())
    stack_use = any("@llvm.stacksave" in i.rhs or "@llvm.stackrestore" in i.rhs for i in function.insts())
    if not offsets and not dynamic and not stack_use and not calls_setjmp(function):
        return False
    size = max(16, (size + 15) & -16)
    fresh = itertools.count()
    for block in function.blocks:
        out: list[Inst] = []
        for inst in block.insts:
            _rewrite(inst, offsets, sizes, fresh, out, biggest_align, size)
        block.insts = out
    entry.insts[:0] = [*_prologue(size, biggest_align, fresh), *_addresses(offsets)]
    return True


def _prologue(size: int, align: int, fresh: Iterator[int]) -> list[Inst]:
    """csp -= size. With an alignment beyond 16 the old csp is kept in the frame's last 16 bytes."""
    out: list[Inst] = []
    slot = csp_address(fresh, out)
    out.append(Inst(f"  %popcorn.csp = load ptr, ptr {slot}, align 8"))
    if align == 16:
        out.append(Inst(f"  {FRAME} = getelementptr inbounds i8, ptr %popcorn.csp, i64 -{size}"))
    else:
        out += [
            Inst(f"  %popcorn.low = getelementptr inbounds i8, ptr %popcorn.csp, i64 -{size + 16}"),
            Inst(f"  {FRAME} = call ptr @llvm.ptrmask.p0.i64(ptr %popcorn.low, i64 -{align})"),
            Inst(f"  %popcorn.old = getelementptr inbounds i8, ptr {FRAME}, i64 {size}"),
            Inst("  store ptr %popcorn.csp, ptr %popcorn.old, align 8"),
        ]
    out.append(Inst(f"  store ptr {FRAME}, ptr {slot}, align 8"))
    return out


def _addresses(offsets: dict[str, int]) -> list[Inst]:
    return [Inst(f"  {name} = getelementptr inbounds i8, ptr {FRAME}, i64 {at}") for name, at in offsets.items()]


def csp_address(fresh: Iterator[int], out: list[Inst]) -> str:
    """Appends what computes the address of the thread's common stack pointer; returns its name."""
    k = next(fresh)
    out.append(Inst(f"  %popcorn.tp{k} = call ptr @llvm.thread.pointer.p0()"))
    out.append(Inst(f"  %popcorn.cspp{k} = getelementptr inbounds i8, ptr %popcorn.tp{k}, i64 {CSP_OFFSET}"))
    return f"%popcorn.cspp{k}"


def _rewrite(
    inst: Inst, offsets: dict[str, int], sizes: TypeSizes, fresh: Iterator[int], out: list[Inst], align: int, size: int
) -> None:
    if inst.opcode == "alloca":
        if inst.result not in offsets:
            _dynamic(inst, sizes, fresh, out)
    elif inst.opcode == "call" and _LIFETIME.search(inst.rhs):
        pass  # what is no alloca any more may have no lifetime marker
    elif inst.opcode == "call" and "@llvm.stacksave" in inst.rhs:
        out.append(Inst(f"  {inst.result} = load ptr, ptr {csp_address(fresh, out)}, align 8"))
    elif inst.opcode == "call" and "@llvm.stackrestore" in inst.rhs:
        pointer = inst.rhs[inst.rhs.index("(ptr ") + 5 : inst.rhs.rindex(")")].split(" ")[-1]
        slot = csp_address(fresh, out)
        out.append(Inst(f"  store ptr {pointer}, ptr {slot}, align 8"))
    elif inst.opcode == "ret":
        _epilogue(fresh, out, align, size)
        out.append(inst)
    else:
        out.append(inst)


def _epilogue(fresh: Iterator[int], out: list[Inst], align: int, size: int) -> None:
    k = next(fresh)
    out.append(Inst(f"  %popcorn.end{k} = getelementptr inbounds i8, ptr {FRAME}, i64 {size}"))
    end = f"%popcorn.end{k}"
    if align > 16:
        out.append(Inst(f"  %popcorn.was{k} = load ptr, ptr {end}, align 8"))
        end = f"%popcorn.was{k}"
    slot = csp_address(fresh, out)
    out.append(Inst(f"  store ptr {end}, ptr {slot}, align 8"))


def _dynamic(inst: Inst, sizes: TypeSizes, fresh: Iterator[int], out: list[Inst]) -> None:
    alloca = _parse(inst)
    k = next(fresh)
    stem = f"%popcorn.dyn{k}"
    if alloca.count:
        count_type, count = alloca.count.split()
    else:
        count_type, count = "i64", "1"
    if count_type != "i64":
        out.append(Inst(f"  {stem}.n = zext {count_type} {count} to i64"))
        count = f"{stem}.n"
    align = max(16, alloca.align)
    out.append(Inst(f"  {stem}.bytes = mul i64 {count}, {sizes.size(alloca.type)}"))
    slot = csp_address(fresh, out)
    out += [
        Inst(f"  {stem}.csp = load ptr, ptr {slot}, align 8"),
        Inst(f"  {stem}.minus = sub i64 0, {stem}.bytes"),
        Inst(f"  {stem}.low = getelementptr inbounds i8, ptr {stem}.csp, i64 {stem}.minus"),
        Inst(f"  {inst.result} = call ptr @llvm.ptrmask.p0.i64(ptr {stem}.low, i64 -{align})"),
        Inst(f"  store ptr {inst.result}, ptr {slot}, align 8"),
    ]
