"""How much slower do programs run than the same clang -O2 makes them, with the same static musl? And text growth."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from common import POPCC, RIVAL, best, report, text_size
from real import sources

LUA_WORK = """
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
local t, s = {}, 0
for i = 1, 300000 do t[i] = (i * 7919) % 100003 end
table.sort(t)
for i = 1, #t do s = s + t[i] % 7 end
local parts = {}
for i = 1, 60000 do parts[#parts + 1] = string.format("%d:%s", i, string.rep("x", i % 9)) end
print(fib(32), s, #table.concat(parts, ","))
"""


def main() -> None:
    """Builds both versions of each program and times them."""
    with tempfile.TemporaryDirectory(prefix="popcc-bench-") as name:
        folder = Path(name)
        lua = sources.unpack(sources.LUA, folder / "lua") / "src"
        files = [str(f) for f in sorted(lua.glob("*.c")) if f.name != "luac.c"]
        script = folder / "work.lua"
        script.write_text(LUA_WORK)
        bzip2 = sources.unpack(sources.BZIP2, folder / "bzip2")
        names = "blocksort huffman crctable randtable compress decompress bzlib bzip2".split()
        data = folder / "data"
        data.write_bytes(b"".join(Path(f).read_bytes() for f in files) * 16)
        jobs = {
            "Lua 5.4": (["-std=gnu99", "-DLUA_USE_POSIX", *files, "-lm"], [str(script)]),
            "bzip2": ([str(bzip2 / f"{n}.c") for n in names], ["-kc", str(data)]),
        }
        for what, (arguments, work) in jobs.items():
            programs = {}
            for who, compiler in (("popcc", POPCC), ("rival", RIVAL)):
                programs[who] = folder / f"{what.split()[0]}-{who}"
                subprocess.run([*compiler, "-O2", "-w", *arguments, "-o", str(programs[who])], check=True)
            times = dict.fromkeys(programs, float("inf"))
            for _ in range(7):  # in turns, so that both meet the same moods of the machine
                for who, program in programs.items():
                    times[who] = min(times[who], best([program, *work], 1))
            report(f"{what}: run time", times["popcc"], times["rival"])
            report(f"{what}: text", text_size(programs["popcc"]) / 1024, text_size(programs["rival"]) / 1024, "KiB")


if __name__ == "__main__":
    main()
