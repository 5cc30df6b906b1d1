"""How many sites of real programs are proved and refused, how many functions fall to the memory tier?"""

from __future__ import annotations

import tempfile
from pathlib import Path

import common  # noqa: F401  the path to the sources
from real import sources

from popcc.compile import CompileOptions, compile_source
from popcc.isa import ISAS
from popcc.runtime.libc.headers import include_dirs


def main() -> None:
    """Compiles the sources and counts."""
    with tempfile.TemporaryDirectory(prefix="popcc-bench-") as name:
        folder = Path(name)
        jobs = {
            "Lua 5.4": (sources.unpack(sources.LUA, folder / "lua") / "src", ("-std=gnu99", "-DLUA_USE_POSIX")),
            "bzip2": (sources.unpack(sources.BZIP2, folder / "bzip2"), ()),
            "zlib": (sources.unpack(sources.ZLIB, folder / "zlib"), ("-DHAVE_UNISTD_H", "-D_LARGEFILE64_SOURCE=1")),
        }
        for what, (place, flags) in jobs.items():
            functions = tier = 0
            sites = dict.fromkeys(ISAS, 0)
            refused = dict.fromkeys(ISAS, 0)
            for file in sorted(place.glob("*.c")):
                options = CompileOptions(tuple(ISAS), tuple(include_dirs()), ("-w", *flags))
                unit = compile_source(file, options)
                tier += len(unit.memory_tier)
                functions += len(next(iter(unit.objects.values())).functions)
                for isa, o in unit.objects.items():
                    sites[isa] += sum(len(f.sites) for f in o.functions)
                    refused[isa] += sum(bool(s.unproved) for f in o.functions for s in f.sites)
            shares = ", ".join(f"{isa} {sites[isa]} sites, {refused[isa]} refused" for isa in ISAS)
            print(f"{what:8} {functions:5} functions with sites, {tier} in the memory tier; {shares}", flush=True)


if __name__ == "__main__":
    main()
