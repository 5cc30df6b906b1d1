"""What images and programs hold, for people and as JSON."""

from __future__ import annotations

import signal
import struct
import time
from collections import Counter
from typing import Any

from popcc.linker.program import Metadata, ProgramInfo
from popcc.runtime.popcorn.image import Frame, ImageFile, Thread
from popcc.schema.images import FileKind

_FLOATS = {"float": ("<I", "<f"), "double": ("<Q", "<d")}


def value_text(type_: str, value: int) -> str:
    """A live value as C would print it: addresses in hexadecimal, numbers in decimal."""
    if type_ in _FLOATS:
        raw, kind = _FLOATS[type_]
        number: float = struct.unpack(kind, struct.pack(raw, value & (1 << 8 * struct.calcsize(raw)) - 1))[0]
        return repr(number)
    if type_ == "i1":
        return "true" if value & 1 else "false"
    if type_.startswith("i") and type_[1:].isdigit() and int(type_[1:]) <= 64:
        bits = int(type_[1:])
        low = value & (1 << bits) - 1
        return str(low - (1 << bits) if low >> (bits - 1) else low)
    return hex(value)


def frame_json(frame: Frame, meta: Metadata | None) -> dict[str, Any]:
    """One frame: site, function, source line and values by name."""
    if meta is None or frame.site >= len(meta.sites):
        return {"site": frame.site, "values": [{"value": hex(v)} for v in frame.values]}
    site = meta.sites[frame.site]
    function = meta.functions[site.function]
    names = site.values if len(site.values) == len(frame.values) else tuple(("?", "i64") for _ in frame.values)
    return {
        "site": frame.site,
        "function": function.name,
        "file": function.file,
        "line": site.line or None,
        "callee": site.callee,
        "tier": function.tier,
        "values": [
            {"name": name, "type": type_, "value": value_text(type_, value)}
            for (name, type_), value in zip(names, frame.values, strict=True)
        ],
    }


def image_json(image: ImageFile, meta: Metadata | None) -> dict[str, Any]:
    """All of an image but the memory itself."""
    head = image.head
    return {
        "program": image.program,
        "build_id": image.build_id,
        "isa": image.isa,
        "pid": head.pid,
        "taken": head.realtime / 1e9,
        "cwd": image.cwd,
        "umask": oct(head.umask),
        "heap": [hex(head.brk_start), hex(head.brk_end)],
        "memory_bytes": sum(m.bytes for m in image.memory),
        "threads": [_thread_json(t, meta) for t in image.threads],
        "mappings": [
            {
                "start": hex(m.start),
                "end": hex(m.end),
                "prot": _protection(m.prot),
                **({"file": path} if m.file else {}),
            }
            for m, path in image.mappings
        ],
        "files": [
            {"fd": f.fd, "kind": _file_kind(f.kind), "path": path, "offset": f.offset, "flags": oct(f.flags)}
            for f, path in image.files
        ],
        "handlers": {
            _signal_name(n): hex(a.handler) for n, a in enumerate(image.handlers, 1) if a.handler not in (0, 1)
        },
        "ignored": [_signal_name(n) for n, a in enumerate(image.handlers, 1) if a.handler == 1],
        "timers": [{"which": t.which, "value": t.value / 1e6, "interval": t.interval / 1e6} for t in image.timers],
        "posix_timers": [
            {"id": t.id, "clock": t.clock, "left": (t.at - t.now) / 1e9 if t.at else 0, "interval": t.interval / 1e9}
            for t in image.posix_timers
        ],
    }


def image_lines(image: ImageFile, meta: Metadata | None) -> list[str]:
    """The same for people, the frames above all."""
    j = image_json(image, meta)
    taken = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(j["taken"]))
    lines = [
        f"program   {j['program']}  (build {j['build_id'][:12]})",
        f"taken     {taken} on {j['isa']}, process {j['pid']}",
        f"directory {j['cwd']}",
        f"memory    {j['memory_bytes']} bytes in {len(image.memory)} pieces, {len(j['mappings'])} mappings",
    ]
    lines += [f"file      {f['fd']}: {f['kind']} {f['path']} at {f['offset']}" for f in j["files"]]
    for thread in j["threads"]:
        lines += ["", f"thread {thread['tid']}, {thread['points']} points passed, moved {thread['generation']} times"]
        for number, frame in enumerate(thread["frames"]):
            lines.append(_frame_line(number, frame))
            lines += [f"        {v.get('name', '?')} = {v['value']}" for v in frame["values"]]
    return lines


def program_json(program: ProgramInfo) -> dict[str, Any]:
    """The functions with sites of a program."""
    meta = program.metadata
    count = Counter(s.function for s in meta.sites)
    values = Counter[int]()
    for s in meta.sites:
        values[s.function] += len(s.values)
    return {
        "program": str(program.path),
        "build_id": program.build_id,
        "isas": list(program.available),
        "sites": len(meta.sites),
        "functions": [
            {"name": f.name, "file": f.file, "tier": f.tier, "sites": count[n], "values": values[n]}
            for n, f in enumerate(meta.functions)
            if count[n]
        ],
    }


def _thread_json(thread: Thread, meta: Metadata | None) -> dict[str, Any]:
    note = thread.note
    return {
        "tid": note.tid,
        "name": note.name.rstrip(b"\0").decode(errors="replace"),
        "generation": note.generation,
        "points": note.points,
        "mask": hex(note.mask),
        "frames": [frame_json(f, meta) for f in thread.frames],
    }


def _frame_line(number: int, frame: dict[str, Any]) -> str:
    if "function" not in frame:
        return f"  #{number:<3} site {frame['site']}"
    where = f" at {frame['file']}:{frame['line']}" if frame["line"] else f" in {frame['file']}"
    return f"  #{number:<3} {frame['function']}{where}, calling {frame['callee']}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _protection(prot: int) -> str:
    return "".join(letter if prot & bit else "-" for bit, letter in ((1, "r"), (2, "w"), (4, "x")))


def _file_kind(kind: int) -> str:
    try:
        return FileKind(kind).name.lower()
    except ValueError:
        return f"kind {kind}"
