"""What does compiling for all ISAs cost against running the same clang -O2 once for each, and where does the time go?

Processor time, user and system, of Lua's files one after the other: what both cost when nothing else is to be done.
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from time import process_time
from typing import Any
from unittest.mock import patch

from common import POPCC, cpu, cpu_of, report
from real import sources

from popcc import codegen, frontend, isolate
from popcc import compile as compiler
from popcc.compile_options import CompileOptions
from popcc.frontend import base_flags, clang
from popcc.isa import ISAS
from popcc.linker.index import index_object
from popcc.linker.maps.complete import complete
from popcc.optimiser import optimise
from popcc.runtime.libc.headers import include_dirs

FLAGS = ("-w", "-std=gnu99", "-DLUA_USE_POSIX")
Phases = defaultdict[str, float]
BIG = ("lvm.c", "lparser.c", "lstrlib.c", "lgc.c", "lcode.c")


def phases(file: Path) -> Phases:
    """Seconds by phase, every function in its first tier; in this process."""
    spent: Phases = defaultdict(float)

    @contextmanager
    def timed(phase: str) -> Iterator[None]:
        begin, inner = process_time(), sum(spent.values())
        yield
        spent[phase] += process_time() - begin - (sum(spent.values()) - inner)  # but for phases within

    def wrapped(phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            with timed(phase):
                return function(*arguments)

        return call

    options = CompileOptions(tuple(ISAS), tuple(include_dirs()), FLAGS)
    ir, spent["front end"] = cpu(lambda: frontend.to_ir(file, FLAGS, options.include_dirs, "2", ""))
    codegen.initialise()
    with (
        patch("popcc.common.optimise", wrapped("optimiser", optimise)),
        timed("passes"),
    ):
        made = compiler.common_ir(ir, options)
    for name, isa in ISAS.items():
        with timed(f"code {name}"):
            elf = codegen.emit(made.text, isa, "2")
        with timed("object index"):
            index_object(elf)
        with timed(f"maps {name}"):
            complete(elf, isa, made.sites)
    return spent


def main() -> None:
    """Compiles all of Lua with both."""
    with tempfile.TemporaryDirectory(prefix="popcc-bench-") as name:
        folder = Path(name)
        out = str(folder / "out.o")
        files = sorted((sources.unpack(sources.LUA, folder / "lua") / "src").glob("*.c"))
        rival = [*clang(), *base_flags(include_dirs())]
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed popcc has its bytecode, the first run makes ours
        cpu_of([*POPCC, *FLAGS, "-O2", "-c", str(files[-1]), "-o", out])
        ours = once = 0.0
        rivals = f"{len(ISAS)} x clang"
        spent: Phases = defaultdict(float)
        for file in files:
            command = [*FLAGS, "-O2", "-c", str(file), "-o", out]
            a, b = cpu_of([*POPCC, *command]), cpu_of([*rival, *command])
            b *= len(ISAS)
            if file.name in BIG:
                report(f"compile {file.name}, against {rivals}", a, b)
            ours, once = ours + a, once + b
            for phase, seconds in isolate.start(phases, file).result().items():
                spent[phase] += seconds
        report(f"all {len(files)} files of Lua, against {rivals}", ours, once)
        spent["start, processes, second tier"] = ours - sum(spent.values())
        for phase, seconds in sorted(spent.items(), key=itemgetter(1), reverse=True):
            print(f"    {phase:40} {seconds:8.2f} s  {seconds / ours:4.0%}")


if __name__ == "__main__":
    main()
