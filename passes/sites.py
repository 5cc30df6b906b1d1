"""Sites: each call that may be on the stack during a migration becomes a statepoint (design 5).

After a site every value that is used again is a *new* SSA value, its relocation, so that nothing computed from
the old one before the call can be used after it. Each carried value travels as a ``ptr addrspace(1)`` of 8
bytes; the deopt operands list them in our order and are what the stack map records. Values that are cheap to
recompute (casts, constant offsets) are recomputed from their root at each use and do not travel; nor does the thread
pointer, which is read anew.

SSA is broken here on purpose: carried values live in allocas, which SROA, run right behind, takes apart again.
"""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from popcc.ir.calls import Call, parse_call
from popcc.ir.model import Function, Inst, Module, header_span
from popcc.ir.text import quote_free, substitute
from popcc.passes.base import DebugLines, with_declarations
from popcc.passes.callgraph import CallGraph, call_graph
from popcc.passes.commonstack import FRAME, csp_address
from popcc.passes.demote import Demotion, demote
from popcc.passes.liveness import Liveness
from popcc.passes.memory import calls_setjmp, may_be_carried
from popcc.passes.tls import THREAD_POINTER
from popcc.passes.types import value_types
from popcc.unit import SiteInfo

_CARRIER = "ptr addrspace(1)"
_STATEPOINT = "llvm.experimental.gc.statepoint.p0"
_RELOCATE = "llvm.experimental.gc.relocate.p1"
_RESULT = "llvm.experimental.gc.result"
_CASTS = frozenset("zext sext trunc ptrtoint inttoptr bitcast".split())
_THREAD_POINTER = " @llvm.thread.pointer."
_SETJMP = frozenset(("__popcorn_setjmp",))
_MANGLED = {"ptr": "p0", "double": "f64", "float": "f32"}
_HEADER_TAIL = re.compile(r" (section |align \d+|gc |![a-z_]+ |prefix |personality |comdat)")
_UNTRUE = re.compile(r" (?:noreturn|memory\([^)]*\)|norecurse|nofree|nosync|willreturn|mustprogress)(?= )")
_LINE = re.compile(r", !dbg !\d+")
_METADATA_TAIL = re.compile(r" (![a-z_]+ |prefix |personality )")


@dataclass(frozen=True)
class Sites:
    """The pass. `found` receives what is known of each site, its id being the position.

    The calls of functions that are to be `without` sites stay as they are: no thread moves while one is on the stack.
    """

    without: frozenset[str] = frozenset()
    found: list[SiteInfo] = field(default_factory=list)
    name: str = "sites"

    def apply(self, module: Module) -> Module:
        """Rewrites every function with sites."""
        calls = call_graph(module)
        lines = DebugLines(module)
        results: dict[str, str] = {}
        for function in module.functions():
            if function.name not in calls.site_free | self.without:
                _Rewriter(function, calls, lines, self.found, results).run()
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
                f"declare {_CARRIER} @{_RELOCATE}(token, i32 immarg, i32 immarg)",
                *(f"declare {type_} @{_RESULT}.{suffix}(token)" for type_, suffix in results.items()),
            ],
        )


class _Rewriter:
    """The rewriting of one function."""

    def __init__(
        self, function: Function, calls: CallGraph, lines: DebugLines, found: list[SiteInfo], results: dict[str, str]
    ) -> None:
        self.function = function
        self.calls = calls
        self.lines = lines
        self.found = found
        self.results = results
        self.types = value_types(function)
        self.has_frame = FRAME in self.types
        self.setjmp = calls_setjmp(function)
        self.dynamic = any("%popcorn.dyn" in (i.result or "") for i in function.insts())
        self.fresh = itertools.count()
        self.definitions = {i.result: i for i in function.insts() if i.result}
        self.roots = self._roots()
        self.carried: deque[list[str]] = deque()  # by site, in program order
        self.noreturn: deque[bool] = deque()
        self.slots: dict[str, str] = {}
        self.recomputed: frozenset[str] = frozenset()

    def run(self) -> None:
        """Rewrites the function."""
        self._find_sites()
        if not self.carried:
            return
        self._mark_header()
        values = frozenset(self.slots) | self.recomputed
        d = Demotion(values, self._load, frozenset(self.slots), self._store, self._replace)
        demote(self.function, d, lambda inst: False)
        entry = self.function.blocks[0]
        start: list[Inst] = [Inst(f"  {slot} = alloca {_CARRIER}, align 8") for slot in self.slots.values()]
        for p in self.function.parameters()[0]:
            if p.name in self.slots:
                self._store(p.name, start)
        entry.insts[:0] = start

    def _roots(self) -> dict[str, str]:
        """For each value that is a cast or constant offset of one other value: that value; "" for what needs none."""
        roots: dict[str, str] = {}
        for name, inst in self.definitions.items():
            if inst.opcode == "call" and _THREAD_POINTER in inst.rhs:
                # where an ISA has a register for it, LLVM would list that one, and die of it
                roots[name] = ""
            if name == FRAME or (inst.opcode not in _CASTS and inst.opcode != "getelementptr"):
                continue
            operands = [n for n in inst.names if n in self.types]
            if (
                len(operands) != 1
                or not may_be_carried(self.types[name])
                or not may_be_carried(self.types[operands[0]])
            ):
                continue
            if inst.opcode == "getelementptr" and f"ptr {operands[0]}," not in inst.rhs + ",":
                continue
            roots[name] = operands[0]
        return roots

    def _root(self, name: str) -> str:
        while name in self.roots:
            name = self.roots[name]
        return name

    def _is_site(self, inst: Inst) -> bool:
        return inst.opcode == "call" and self.calls.is_site(parse_call(inst))

    def _find_sites(self) -> None:
        liveness = Liveness(self.function, list(self.types))
        recomputed: set[str] = set()
        for block in self.function.blocks:
            in_block: list[list[str]] = []
            for _, names in liveness.live_after(block, self._is_site):
                recomputed.update(n for n in names if n in self.roots)
                carried = dict.fromkeys(self._root(n) for n in names)
                carried.pop(FRAME, None)
                carried.pop("", None)
                in_block.append([FRAME, *carried] if self.has_frame else list(carried))
            self.carried.extend(reversed(in_block))
            followers = zip(block.insts, block.insts[1:], strict=False)
            self.noreturn.extend(f.opcode == "unreachable" for i, f in followers if self._is_site(i))
        self.recomputed = frozenset(recomputed)
        every = dict.fromkeys(n for names in self.carried for n in names)
        self.slots = {n: f"%popcorn.slot{k}" for k, n in enumerate(every)}

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

    def _name(self) -> str:
        return f"%popcorn.s{next(self.fresh)}"

    def _emit(self, rhs: str, out: list[Inst]) -> str:
        name = self._name()
        out.append(Inst(f"  {name} = {rhs}"))
        return name

    def _load(self, name: str, out: list[Inst]) -> str:
        """The current value of `name`, decoded from its slot or recomputed from its root."""
        if name in self.slots:
            carried = self._emit(f"load {_CARRIER}, ptr {self.slots[name]}, align 8", out)
            return self._decode(self.types[name], carried, out)
        base = self.roots[name]
        if not base:
            return self._emit(self.definitions[name].rhs, out)
        value = self._load(base, out) if base in self.slots or base in self.roots else base
        return self._emit(substitute(self.definitions[name].rhs, {base: value}), out)

    def _store(self, name: str, out: list[Inst]) -> None:
        carried = self._encode(self.types[name], name, out)
        out.append(Inst(f"  store {_CARRIER} {carried}, ptr {self.slots[name]}, align 8"))

    def _encode(self, type_: str, value: str, out: list[Inst]) -> str:
        if type_ == "ptr":
            value = self._emit(f"ptrtoint ptr {value} to i64", out)
        elif type_ == "double":
            value = self._emit(f"bitcast double {value} to i64", out)
        elif type_ == "float":
            value = self._emit(f"bitcast float {value} to i32", out)
            value = self._emit(f"zext i32 {value} to i64", out)
        elif type_ != "i64":
            value = self._emit(f"zext {type_} {value} to i64", out)
        return self._emit(f"inttoptr i64 {value} to {_CARRIER}", out)

    def _decode(self, type_: str, carried: str, out: list[Inst]) -> str:
        value = self._emit(f"ptrtoint {_CARRIER} {carried} to i64", out)
        if type_ == "ptr":
            return self._emit(f"inttoptr i64 {value} to ptr", out)
        if type_ == "double":
            return self._emit(f"bitcast i64 {value} to double", out)
        if type_ == "float":
            value = self._emit(f"trunc i64 {value} to i32", out)
            return self._emit(f"bitcast i32 {value} to float", out)
        return value if type_ == "i64" else self._emit(f"trunc i64 {value} to {type_}", out)

    def _replace(self, inst: Inst, out: list[Inst]) -> bool:
        if inst.opcode != "call" or not self._is_site(inst):
            return False
        call = parse_call(inst)
        carried = self.carried.popleft()
        if quote_free(call.callee) in _SETJMP:
            self._setjmp(call, out)
            return True
        values = [self._emit(f"load {_CARRIER}, ptr {self.slots[n]}, align 8", out) for n in carried]
        token = self._statepoint(call, values, carried, out)
        for k, name in enumerate(carried):
            moved = self._emit(f"call {_CARRIER} @{_RELOCATE}(token {token}, i32 {k}, i32 {k})", out)
            out.append(Inst(f"  store {_CARRIER} {moved}, ptr {self.slots[name]}, align 8"))
        return True

    def _statepoint(self, call: Call, values: list[str], carried: list[str], out: list[Inst]) -> str:
        callee = call.callee
        if callee.startswith("%"):
            # ISel would take the statepoint's own first result for a callee that is a relocation
            callee = self._emit(f'call ptr asm "", "=r,0"(ptr {callee})', out)
        arguments = [_plain(a.type, a.attributes, a.value) for a in call.arguments]
        types = ", ".join(a.type for a in call.arguments)
        live = ", ".join(f"{_CARRIER} {v}" for v in values)
        bundles = f'[ "deopt"({live}), "gc-live"({live}) ]' if values else '[ "deopt"() ]'
        convention = call.convention + " " if call.convention else ""
        operands = ", ".join(
            [f"i64 {len(self.found)}", "i32 0", f"ptr elementtype({call.ret} ({types})) {callee}",
             f"i32 {len(arguments)}",
             "i32 0", *arguments, "i32 0", "i32 0"]
        )  # fmt: skip
        twice = " returns_twice" if quote_free(call.callee) in _SETJMP else ""
        debug = _LINE.search(call.metadata)  # other metadata speaks of a result that the statepoint does not have
        token = self._emit(
            f"call {convention}token (i64, i32, ptr, i32, i32, ...) @{_STATEPOINT}({operands}){twice} {bundles}"
            f"{debug.group() if debug else ''}",
            out,
        )
        if call.result and call.ret != "void":
            suffix = _MANGLED.get(call.ret) or (call.ret if re.fullmatch(r"i\d+", call.ret) else None)
            if suffix is None:
                suffix = self.results.get(call.ret, f"x{len(self.results)}")
            self.results[call.ret] = suffix
            extension = "".join(f"{a} " for a in call.ret_attributes if a in ("zeroext", "signext"))
            out.append(Inst(f"  {call.result} = call {extension}{call.ret} @{_RESULT}.{suffix}(token {token})"))
        line = self.lines.line_of(call.inst())
        names = tuple((quote_free(n), self.types[n]) for n in carried)
        info = SiteInfo(self.function.name, line, quote_free(call.callee), names, self.noreturn.popleft())
        self.found.append(info)
        return token

    def _setjmp(self, call: Call, out: list[Inst]) -> None:
        """Nothing in a register or slot outlives setjmp; the frame is found by csp, which longjmp restores.

        With dynamic allocas csp isn't the frame: the frame's address is left on the common stack for good.
        """
        if self.dynamic:
            slot = csp_address(self._numbers(), out)
            top = self._emit(f"load ptr, ptr {slot}, align 8", out)
            low = self._emit(f"getelementptr inbounds i8, ptr {top}, i64 -16", out)
            out.append(Inst(f"  store ptr {self._load(FRAME, out)}, ptr {low}, align 8"))
            out.append(Inst(f"  store ptr {low}, ptr {slot}, align 8"))
        self._statepoint(call, [], [], out)
        slot = csp_address(self._numbers(), out)
        frame = self._emit(f"load ptr, ptr {slot}, align 8", out)
        if self.dynamic:
            frame = self._emit(f"load ptr, ptr {frame}, align 8", out)
        carried = self._encode("ptr", frame, out)
        out.append(Inst(f"  store {_CARRIER} {carried}, ptr {self.slots[FRAME]}, align 8"))

    def _numbers(self) -> Iterator[int]:
        """Numbers for names that the common stack pass may have used as well."""
        return (1_000_000 + n for n in self.fresh)


def _still_true(group: str) -> str:
    kept = _UNTRUE.sub("", group)
    return kept.replace("{ }", '{ "popcc" }')  # a group may not be empty


def _plain(type_: str, attributes: tuple[str, ...], value: str) -> str:
    kept = [a for a in attributes if a in ("zeroext", "signext", "inreg")]
    return " ".join((type_, *kept, value))
