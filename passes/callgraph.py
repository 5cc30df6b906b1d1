"""Who calls whom in a unit, and which functions can't be on the stack during a migration.

A function is site-free when it holds no migration point and calls nothing but site-free functions. What
other units define is site-free only when it is on the list of leaf functions, which the linker checks.
"""

from __future__ import annotations

import re

from msgspec import Struct

from popcc.ir.calls import Call, parse_call
from popcc.ir.model import Function, Inst, Module, header_name
from popcc.ir.text import GLOBAL_RE, quote_free
from popcc.leaf import LEAF_FUNCTIONS
from popcc.passes.graph import reachable, reversed_graph

POINT = "__popcorn_point"
WORLD = "<other units>"

# what the runtime defines that never stops in the middle; longjmp and the point are not among them
_RUNTIME_LEAVES = frozenset(
    (
        "__popcorn_syscall_raw",
        "__popcorn_syscall_cp_raw",
        "__popcorn_time_left",
        "__popcorn_sigsave",
        "__popcorn_clock",
        "__popcorn_ticks",
    )
)
_STATEPOINT = "@llvm.experimental.gc."  # what sites have become: many, and none calls a leaf function
_REPLACEABLE = re.compile(r"^define [^@]*\b(?:weak|linkonce|weak_odr|linkonce_odr)\b")


class CallGraph(Struct, frozen=True):
    """The calls of one unit."""

    graph: dict[str, dict[str, None]]  # from each function, and from the world, to what it calls
    site_free: frozenset[str]  # defined here

    def is_site(self, call: Call) -> bool:
        """Whether `call` may be on the stack during a migration."""
        if call.is_asm or call.is_intrinsic:
            return False
        if not call.callee.startswith("@"):
            return True
        name = quote_free(call.callee)
        return not (name in self.site_free or is_leaf(name))


def is_leaf(name: str) -> bool:
    """Whether a function of another unit is called without a site."""
    return name in LEAF_FUNCTIONS or name in _RUNTIME_LEAVES


def leaf_calls(module: Module) -> tuple[str, ...]:
    """The leaf functions of other units that the module calls; the linker checks that they hold no sites."""
    defined = {f.name for f in module.functions()}
    called = {
        quote_free(c.callee)
        for f in module.functions()
        for i in f.insts()
        if _STATEPOINT not in i.rhs and (c := call_of(i)) and c.callee[0] == "@"
    }
    return tuple(sorted(n for n in called - defined if n in LEAF_FUNCTIONS))


def call_of(inst: Inst) -> Call | None:
    """The call an instruction makes, if it makes one."""
    return parse_call(inst) if inst.opcode == "call" else None


def call_graph(module: Module) -> CallGraph:
    """Builds the graph. Indirect calls lead to every function whose address is taken and to the world outside."""
    functions = {f.name: f for f in module.functions()}
    exposed = _address_taken(module, functions) | {n for n, f in functions.items() if _visible(f)}
    graph: dict[str, dict[str, None]] = {name: {} for name in functions}
    graph[WORLD] = dict.fromkeys(exposed)
    tainted = {n for n, f in functions.items() if _REPLACEABLE.match(f.header)}
    for name, function in functions.items():
        for inst in function.insts():
            call = call_of(inst)
            if call is None or call.is_asm or call.is_intrinsic:
                continue
            callee = quote_free(call.callee) if call.callee[0] == "@" else WORLD
            if callee in functions:
                graph[name][callee] = None
            elif not is_leaf(callee):
                graph[name][WORLD] = None
                tainted.add(name)
    reaching = reachable(reversed_graph(graph), tainted)
    return CallGraph(graph, frozenset(functions.keys() - reaching))


def _visible(function: Function) -> bool:
    return not re.match(r"^define [^@]*\b(?:internal|private)\b", function.header)


def _address_taken(module: Module, functions: dict[str, Function]) -> set[str]:
    """Functions of the unit that are named anywhere but as a direct callee."""
    taken: set[str] = set()
    for line in module.lines():
        if line.startswith("@"):
            taken.update(quote_free(g) for g in GLOBAL_RE.findall(line.split(" = ", 1)[1]))
    for function in functions.values():
        for inst in function.insts():
            if "@" not in inst.rhs:
                continue
            names = [quote_free(g) for g in GLOBAL_RE.findall(inst.rhs)]
            if (call := call_of(inst)) and call.callee[0] == "@":
                names.remove(quote_free(call.callee))
            taken.update(names)
    return taken & functions.keys()


def declared(module: Module) -> set[str]:
    """Names of functions the module declares."""
    return {header_name(line) for line in module.lines() if line.startswith("declare ")}
