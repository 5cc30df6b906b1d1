"""Running lld for all ISAs at once, and saying what it says in the user's terms."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from popcc.errors import ErrorGroup, PopccError
from popcc.frontend import wheel
from popcc.isa import isa_named
from popcc.linker.ordered import ARCHIVE, Ordered

_PREFIX = re.compile(r"^ld\.lld: (error|warning): ")


class Job(Struct, frozen=True):
    """One ISA's link in its own directory."""

    directory: Path
    objects: Ordered
    script: str
    flags: Sequence[str]


def link_all(jobs: Sequence[Job], origin: Callable[[int], str]) -> Mapping[str, bytes]:
    """ISA -> executable. Raises an `ErrorGroup` of what lld found, objects named by `origin`."""
    running = [(job, _start(job)) for job in jobs]
    errors: list[PopccError] = []
    outputs: dict[str, bytes] = {}
    try:
        for job, process in running:
            _, text = process.communicate()
            if process.returncode:
                errors += _translate(job.objects.translated(text.decode(errors="replace"), origin), job.objects.isa)
            else:
                outputs[job.objects.isa] = (job.directory / "out").read_bytes()
    finally:
        for _, process in running:
            if process.poll() is None:
                process.kill()
                process.wait()
    if errors:
        raise ErrorGroup(errors)
    return outputs


def _start(job: Job) -> subprocess.Popen[bytes]:
    (job.directory / "script").write_text(job.script, encoding="utf-8", errors="surrogateescape")
    # -O0: lld merges no constants, which would undo the layout; --no-relax: it rewrites no code; --discard-locals: on
    # some ISAs relocations name assembler's labels
    command = [
        str(wheel() / "zig"), "ld.lld", "-m", isa_named(job.objects.isa).emulation, "-static", "-O0", "--gc-sections",
        "--no-relax", "--discard-locals", "-z", "max-page-size=65536", "--build-id=none",
        "--error-limit=20", *job.flags, "-T", "script", "-o", "out", "-b", "binary", "build_id", "sites", "-b", "elf",
        "--whole-archive", ARCHIVE,
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=job.directory, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _translate(text: str, isa: str) -> list[PopccError]:
    messages: list[str] = []
    for line in text.splitlines():
        if _PREFIX.match(line):
            messages.append(_PREFIX.sub("", line))
        elif messages:
            messages[-1] += "\n" + line
        elif line.strip():
            messages.append(line)
    return [PopccError(f"{m} [{isa}]" if "\n" not in m else f"{m}\n>>> [{isa}]") for m in messages or ["lld failed"]]
