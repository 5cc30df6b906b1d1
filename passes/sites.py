"""Sites: each call that may be on the stack during a migration becomes a statepoint (design 5).

After a site every value that is used again is a *new* SSA value, its relocation, so that nothing computed from
the old one before the call can be used after it (popcc.passes.carriers). The deopt operands list the carried
values in our order and are what the stack map records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from popcc.ir.calls import Call, parse_call
from popcc.ir.model import Function, Inst, Module, header_span
from popcc.ir.text import quote_free
from popcc.passes.base import DebugLines, with_declarations
from popcc.passes.callgraph import CallGraph, call_graph
from popcc.passes.carriers import CARRIER, Carriers
from popcc.passes.cfg import flow_graph
from popcc.passes.commonstack import FRAME, csp_address
from popcc.passes.graph import reachable, reversed_graph
from popcc.passes.liveness import Liveness
from popcc.passes.renaming import Renaming
from popcc.passes.tls import THREAD_POINTER
from popcc.passes.types import value_types
from popcc.unit import SiteInfo

_STATEPOINT = "llvm.experimental.gc.statepoint.p0"
_RELOCATE = "llvm.experimental.gc.relocate.p1"
_RESULT = "llvm.experimental.gc.result"
_SETJMP = frozenset(("__popcorn_setjmp",))
_MANGLED = {"ptr": "p0", "double": "f64", "float": "f32"}
_HEADER_TAIL = re.compile(r" (section |align \d+|gc |![a-z_]+ |prefix |personality |comdat)")
_UNTRUE = re.compile(r" (?:noreturn|memory\([^)]*\)|norecurse|nofree|nosync|willreturn|mustprogress)(?= )")
_LINE = re.compile(r", !dbg !\d+")
_METADATA_TAIL = re.compile(r" (![a-z_]+ |prefix |personality )")


class Sites(Struct, frozen=True):
    """The pass. `found` receives what is known of each site, its id being the position.

    The calls of functions that are to be `without` sites stay as they are: no thread moves while one is on the stack.
    If the pass gets a part of a module, `calls` are the whole module's, and `first` the ids of functions' first sites.
    """

    without: frozenset[str] = frozenset()
    found: list[SiteInfo] = []
    calls: CallGraph | None = None
    first: Mapping[str, int] = {}
    name: str = "sites"

    def apply(self, module: Module) -> Module:
        """Rewrites every function with sites."""
        calls = self.calls or call_graph(module)
        lines = DebugLines(module)
        results: dict[str, str] = {}
        for function in module.functions():
            if function.name not in calls.site_free | self.without:
                first = self.first.get(function.name, len(self.found))
                _Rewriter(function, calls, lines, self.found, first, results).run()
        if not self.found and not self.without:
            return module
        # frames of noreturn functions are unwound as well, and LLVM saves no registers in those; what a
        # function touches has changed with the common stack
        items = [_still_true(i) if isinstance(i, str) and i.startswith("attributes #") else i for i in module.items]
        return with_declarations(
            module.with_items(items),
            [
                THREAD_POINTER,
                f"declare token @{_STATEPOINT}(i64 immarg, i32 immarg, ptr, i32 immarg, i32 immarg, ...)",
                f"declare {CARRIER} @{_RELOCATE}(token, i32 immarg, i32 immarg)",
                *(f"declare {type_} @{_RESULT}.{suffix}(token)" for type_, suffix in results.items()),
            ],
        )


class _Site(Struct, frozen=True):
    """What is known of a site before it is made: the values that it carries, and whether nobody comes back from it."""

    carried: tuple[str, ...]
    noreturn: bool


class _Rewriter:
    """The rewriting of one function."""

    def __init__(
        self,
        function: Function,
        calls: CallGraph,
        lines: DebugLines,
        found: list[SiteInfo],
        first: int,
        results: dict[str, str],
    ) -> None:
        self.function = function
        self.calls = calls
        self.lines = lines
        self.found = found
        self.offset = first - len(found)  # from positions to ids
        self.results = results
        self.types = value_types(function)
        self.has_frame = FRAME in self.types
        self.dynamic = any("%popcorn.dyn" in (i.result or "") for i in function.insts())
        self.carriers = Carriers(function, self.types)
        self.sites: dict[Inst, _Site] = {}

    def run(self) -> None:
        """Rewrites the function."""
        liveness = Liveness(self.function, list(self.types))
        recomputed = self._find_sites(liveness)
        if not self.sites:
            return
        self._mark_header()
        self.carriers.carried = frozenset(n for site in self.sites.values() for n in site.carried)
        live_in = self._live_in(liveness, recomputed)
        carried = {
            block.name: liveness.bits(n for i in block.insts if i in self.sites for n in self.sites[i].carried)
            for block in self.function.blocks
        }
        Renaming(self.function, self.carriers, recomputed, liveness, live_in, carried).run(self._rewrite)

    def _is_site(self, inst: Inst) -> bool:
        return inst.opcode == "call" and self.calls.is_site(parse_call(inst))

    def _find_sites(self, liveness: Liveness) -> frozenset[str]:
        """Notes the sites; returns the values that are recomputed behind one."""
        recomputed: set[str] = set()
        for block in self.function.blocks:
            following = dict(pairwise(block.insts))
            for inst, names in liveness.live_after(block, self._is_site):
                recomputed.update(n for n in names if n in self.carriers.roots)
                carried = dict.fromkeys(map(self.carriers.root, names))
                carried.pop(FRAME, None)
                carried.pop("", None)
                self.sites[inst] = _Site(
                    (FRAME, *carried) if self.has_frame else tuple(carried),
                    following[inst].opcode == "unreachable",
                )
        return frozenset(recomputed)

    def _live_in(self, liveness: Liveness, recomputed: frozenset[str]) -> dict[str, int]:
        """By block, the carried values that it or a later one reads first; sites read the frame's address.

        What stands between a value that is recomputed and its root counts for the root, at whose value sites look.
        """
        chains = {name: self.carriers.root(name) for n in recomputed for name in self.carriers.chain(n)}
        derived, carried = liveness.bits(chains), liveness.bits(self.carriers.carried)
        live = {
            block: (names & carried) | liveness.bits(chains[n] for n in liveness.listed(names & derived))
            for block, names in liveness.live_in.items()
        }
        if self.has_frame:
            for block in reachable(reversed_graph(flow_graph(self.function)), self._blocks_with_sites()):
                live[block] |= liveness.bits((FRAME,))
        live[self.function.blocks[0].name] = 0  # parameters and the frame are defined there
        return live

    def _blocks_with_sites(self) -> list[str]:
        return [block.name for block in self.function.blocks if any(i in self.sites for i in block.insts)]

    def _mark_header(self) -> None:
        """``disable-tail-calls`` goes with the attributes, ``gc`` behind section and alignment, before metadata."""
        header = self.function.header
        end = header_span(header)[1]
        m = _HEADER_TAIL.search(header, end)
        at = m.start() if m else len(header) - 2
        header = header[:at] + ' "disable-tail-calls"="true"' + header[at:]
        m = _METADATA_TAIL.search(header, end)
        at = m.start() if m else len(header) - 2
        self.function.header = header[:at] + ' gc "statepoint-example"' + header[at:]

    def _rewrite(self, inst: Inst, loaded: Inst, out: list[Inst]) -> None:
        """Appends what stands for `inst`: itself with operands `loaded`, or a site."""
        site = self.sites.get(inst)
        if site is None:
            out.append(loaded)
        elif quote_free(parse_call(loaded).callee) in _SETJMP:
            self._setjmp(parse_call(loaded), site, out)
        else:
            token = self._statepoint(parse_call(loaded), site.carried, site.noreturn, out)
            relocate = f"call {CARRIER} @{_RELOCATE}(token {token}"
            self.carriers.passed(
                [(n, self.carriers.emit(f"{relocate}, i32 {k}, i32 {k})", out)) for k, n in enumerate(site.carried)]
            )

    def _statepoint(self, call: Call, carried: Sequence[str], noreturn: bool, out: list[Inst]) -> str:
        """The call as a site that carries these values; returns its token."""
        callee = call.callee
        if callee.startswith("%"):
            # ISel would take the statepoint's own first result for a callee that is a relocation
            callee = self.carriers.emit(f'call ptr asm "", "=r,0"(ptr {callee})', out)
        arguments = [_plain(a.type, a.attributes, a.value) for a in call.arguments]
        types = ", ".join(a.type for a in call.arguments)
        live = ", ".join(f"{CARRIER} {self.carriers.version(n)}" for n in carried)
        bundles = f'[ "deopt"({live}), "gc-live"({live}) ]' if carried else '[ "deopt"() ]'
        convention = call.convention + " " if call.convention else ""
        operands = ", ".join(
            [f"i64 {len(self.found) + self.offset}", "i32 0", f"ptr elementtype({call.ret} ({types})) {callee}",
             f"i32 {len(arguments)}",
             "i32 0", *arguments, "i32 0", "i32 0"]
        )  # fmt: skip
        twice = " returns_twice" if quote_free(call.callee) in _SETJMP else ""
        debug = _LINE.search(call.metadata)  # other metadata speaks of a result that the statepoint does not have
        token = self.carriers.emit(
            f"call {convention}token (i64, i32, ptr, i32, i32, ...) @{_STATEPOINT}({operands}){twice} {bundles}"
            f"{debug.group() if debug else ''}",
            out,
        )
        if call.result and call.ret != "void":
            self._result(call, token, out)
        line = self.lines.line_of(call.inst())
        names = tuple((quote_free(n), self.types[n]) for n in carried)
        self.found.append(SiteInfo(self.function.name, line, quote_free(call.callee), names, noreturn))
        return token

    def _result(self, call: Call, token: str, out: list[Inst]) -> None:
        suffix = _MANGLED.get(call.ret) or (call.ret if re.fullmatch(r"i\d+", call.ret) else None)
        if suffix is None:
            suffix = self.results.get(call.ret, f"x{len(self.results)}")
        self.results[call.ret] = suffix
        extension = "".join(f"{a} " for a in call.ret_attributes if a in ("zeroext", "signext"))
        out.append(Inst(f"  {call.result} = call {extension}{call.ret} @{_RESULT}.{suffix}(token {token})"))

    def _setjmp(self, call: Call, site: _Site, out: list[Inst]) -> None:
        """Nothing in a register or slot outlives setjmp; the frame is found by csp, which longjmp restores.

        With dynamic allocas csp isn't the frame: the frame's address is left on the common stack for good.
        """
        emit = self.carriers.emit
        if self.dynamic:
            slot = csp_address(self._numbers(), out)
            top = emit(f"load ptr, ptr {slot}, align 8", out)
            low = emit(f"getelementptr inbounds i8, ptr {top}, i64 -16", out)
            out.append(Inst(f"  store ptr {self.carriers.load(FRAME, out)}, ptr {low}, align 8"))
            out.append(Inst(f"  store ptr {low}, ptr {slot}, align 8"))
        self._statepoint(call, (), site.noreturn, out)
        slot = csp_address(self._numbers(), out)
        frame = emit(f"load ptr, ptr {slot}, align 8", out)
        if self.dynamic:
            frame = emit(f"load ptr, ptr {frame}, align 8", out)
        self.carriers.passed([(n, self.carriers.encode("ptr", frame, out)) for n in site.carried])

    def _numbers(self) -> Iterator[int]:
        """Numbers for names that the common stack pass may have used as well."""
        while True:
            yield 1_000_000 + self.carriers.number()


def _still_true(group: str) -> str:
    kept = _UNTRUE.sub("", group)
    return kept.replace("{ }", '{ "popcc" }')  # a group may not be empty


def _plain(type_: str, attributes: tuple[str, ...], value: str) -> str:
    kept = [a for a in attributes if a in ("zeroext", "signext", "inreg")]
    return " ".join((type_, *kept, value))
