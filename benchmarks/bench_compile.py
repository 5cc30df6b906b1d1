"""What does compiling for two ISAs cost against running the same clang -O2 twice?"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from common import POPCC, best, report
from real import sources

from popcc.frontend import base_flags, clang
from popcc.runtime.libc.headers import include_dirs


def main() -> None:
    """Compiles Lua's biggest files with both."""
    with tempfile.TemporaryDirectory(prefix="popcc-bench-") as name:
        folder = Path(name)
        lua = sources.unpack(sources.LUA, folder / "lua") / "src"
        flags = ["-O2", "-std=gnu99", "-DLUA_USE_POSIX", "-c"]
        total = 0.0
        total_once = 0.0
        subprocess.run([*POPCC, *flags, str(lua / "lzio.c"), "-o", str(folder / "first.o")], check=True)
        for file in ("lvm.c", "lparser.c", "lapi.c", "lstrlib.c", "lgc.c"):
            out = str(folder / "out.o")
            ours = best([*POPCC, *flags, str(lua / file), "-o", out], 3)
            once = best([*clang(), *base_flags(include_dirs()), *flags, str(lua / file), "-o", out], 3)
            report(f"compile {file}, against 2 x clang", ours, 2 * once)
            total += ours
            total_once += 2 * once
        report("all of them", total, total_once)


if __name__ == "__main__":
    main()
