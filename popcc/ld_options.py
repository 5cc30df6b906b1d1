"""Linker flags as they come through ``-Wl,`` and ``-Xlinker``: what they mean for a popcc link.

Most of what build systems pass speaks of shared libraries or of lld's own collection and has nothing to say
here; it is dropped. What would change the program and can't be done is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from popcc.errors import PopccError


class LinkerFlags(Struct, frozen=True):
    """What is left of the linker's flags."""

    entry: str = "_start"
    undefined: tuple[str, ...] = ()
    symbols: tuple[tuple[str, int], ...] = ()  # --defsym
    libraries: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    whole: frozenset[int] = frozenset()  # inputs inside --whole-archive
    allow_duplicates: bool = False
    keep_all: bool = False
    strip: str = ""
    map_file: str = ""
    version: bool = False  # -Wl,--version, by which build systems recognise a linker
    fatal_warnings: bool = False
    warnings: tuple[str, ...] = ()


_WITH_VALUE = (
    "-u", "--undefined", "-e", "--entry", "-z", "-Map", "--Map", "--defsym", "-rpath", "--rpath", "-R", "-rpath-link",
    "--rpath-link", "-m", "-O", "-soname", "--soname", "-h", "-dynamic-linker", "--dynamic-linker", "-I", "-l", "-L",
    "--wrap", "--version-script", "--dynamic-list", "-T", "--script", "--sort-section", "-plugin", "-plugin-opt",
    "--sysroot", "--exclude-libs", "--require-defined", "--retain-symbols-file", "--unresolved-symbols", "--icf",
)  # fmt: skip
_REFUSED = {
    "--wrap": "popcc can't redirect symbols at link time; rename them with -D",
    "-T": "popcc writes the linker script itself, one per ISA",
    "--script": "popcc writes the linker script itself, one per ISA",
    "-shared": "popcc links statically: build a static library with ar",
    "--shared": "popcc links statically: build a static library with ar",
    "-soname": "popcc links statically: build a static library with ar",
    "--soname": "popcc links statically: build a static library with ar",
    "-h": "popcc links statically: build a static library with ar",
    "-r": "give -r to popcc itself",
    "--retain-symbols-file": "popcc has no such list; use -s or strip",
}
_IGNORED = frozenset(
    ("--start-group", "--end-group", "-(", "-)", "--as-needed", "--no-as-needed", "-Bstatic", "-Bdynamic", "-static",
     "--gc-sections", "--eh-frame-hdr", "--export-dynamic", "-E", "--no-undefined", "-dn", "-dy", "-pie", "--pie",
     "-no-pie", "--no-pie", "-zdefs", "-Bsymbolic", "-Bsymbolic-functions", "--no-relax", "--relax",
     "--enable-new-dtags", "--disable-new-dtags", "--no-dynamic-linker", "--print-gc-sections",
     "--copy-dt-needed-entries", "--warn-common", "--allow-shlib-undefined", "--no-allow-shlib-undefined",
     "--no-copy-dt-needed-entries", "--no-fatal-warnings", "--no-allow-multiple-definition", "--warn-once",
     "--push-state", "--pop-state", "--no-export-dynamic", "-nostdlib", "--discard-all", "-x", "-X", "--discard-locals",
     "--demangle", "--no-demangle", "--cref", "--verbose", "--trace", "-t", "--stats", "-N", "-n", "-q")
)  # fmt: skip
_IGNORED_PREFIXES = (
    "--hash-style", "--build-id", "-O", "--sort-section", "--rpath", "-rpath", "--dynamic-linker", "-dynamic-linker",
    "--compress-debug-sections", "--color-diagnostics", "--warn-", "--no-warn-", "--threads", "--icf", "--exclude-libs",
    "-plugin", "--error-limit", "-m", "--sysroot", "--version-script", "--dynamic-list", "-R", "-I",
    "--thinlto", "--lto", "--unresolved-symbols=report-all", "--no-rosegment", "--rosegment", "--package-metadata",
)  # fmt: skip


def read_linker_flags(flags: Sequence[str], strip: bool) -> LinkerFlags:
    """`flags` in order, inputs marked as ``"\\0" + number``. Raises `PopccError` for what can't be honoured."""
    reader = _Reader(list(flags))
    while reader.at < len(reader.flags):
        reader.one(reader.take())
    return LinkerFlags(
        entry=reader.entry,
        undefined=tuple(reader.undefined),
        symbols=tuple(reader.symbols),
        libraries=tuple(reader.libraries),
        directories=tuple(reader.directories),
        whole=frozenset(reader.whole),
        allow_duplicates=reader.allow_duplicates,
        keep_all=reader.keep_all,
        strip="all" if strip else reader.strip,
        map_file=reader.map_file,
        version=reader.version,
        fatal_warnings=reader.fatal_warnings,
        warnings=tuple(reader.warnings),
    )


class _Reader:
    """The flags while they are being read."""

    def __init__(self, flags: list[str]) -> None:
        self.flags = flags
        self.at = 0
        self.entry = "_start"
        self.undefined: list[str] = []
        self.symbols: list[tuple[str, int]] = []
        self.libraries: list[str] = []
        self.directories: list[str] = []
        self.whole: set[int] = set()
        self.in_whole = False
        self.allow_duplicates = self.keep_all = self.fatal_warnings = self.version = False
        self.strip = self.map_file = ""
        self.warnings: list[str] = []

    def take(self) -> str:
        self.at += 1
        return self.flags[self.at - 1]

    def one(self, flag: str) -> None:
        if flag.startswith("\0"):
            if self.in_whole:
                self.whole.add(int(flag[1:]))
            return
        name, value = self.split(flag)
        if reason := _REFUSED.get(name):
            raise PopccError(f"unsupported linker option '{flag}': {reason}")
        if value is not None:
            self.valued(name, value, flag)
        elif name in ("--whole-archive", "-whole-archive"):
            self.in_whole = True
        elif name in ("--no-whole-archive", "-no-whole-archive"):
            self.in_whole = False
        elif name == "--no-gc-sections":
            self.keep_all = True
        elif name in ("--allow-multiple-definition", "-zmuldefs"):
            self.allow_duplicates = True
        elif name in ("-s", "--strip-all"):
            self.strip = "all"
        elif name in ("-S", "--strip-debug"):
            self.strip = self.strip or "debug"
        elif name in ("--version", "-v", "-V"):
            self.version = True
        elif name == "--fatal-warnings":
            self.fatal_warnings = True
        elif name not in _IGNORED and not name.startswith(_IGNORED_PREFIXES) and not name.startswith("-z"):
            raise PopccError(f"unknown linker option '{flag}'")

    def split(self, flag: str) -> tuple[str, str | None]:
        """A flag and its value, joined or in the next flag."""
        if flag in _WITH_VALUE:
            if self.at >= len(self.flags) or self.flags[self.at].startswith("\0"):
                raise PopccError(f"argument to linker option '{flag}' is missing")
            return flag, self.take()
        name, equals, value = flag.partition("=")
        if equals and name in _WITH_VALUE:
            return name, value
        if flag[:2] in ("-u", "-L", "-l", "-e") and len(flag) > 2 and not flag.startswith("-export"):
            return flag[:2], flag[2:]
        return flag, None

    def valued(self, name: str, value: str, flag: str) -> None:
        if name in ("-u", "--undefined", "--require-defined"):
            self.undefined.append(value)
        elif name in ("-e", "--entry"):
            self.entry = value
        elif name in ("-Map", "--Map"):
            self.map_file = value
        elif name == "--defsym":
            self.defsym(value)
        elif name == "-l":
            self.libraries.append(value)
        elif name == "-L":
            self.directories.append(value)
        elif name == "-z" and value == "muldefs":
            self.allow_duplicates = True
        elif name == "--unresolved-symbols" and value != "report-all":
            raise PopccError(f"unsupported linker option '{flag}': every symbol must be defined")

    def defsym(self, text: str) -> None:
        symbol, _, value = text.partition("=")
        try:
            self.symbols.append((symbol, int(value, 0)))
        except ValueError:
            raise PopccError(f"unsupported linker option '--defsym={text}': give a number") from None
