"""The command line of a C compiler, read into one immutable value.

Options fall into three kinds: the front end's (passed on in their order; clang judges them), the linker's and
popcc's own. What would make ISAs differ or can't be done is refused; what has no meaning here and does no harm
is dropped, with a warning where somebody might rely on it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from popcc.errors import PopccError
from popcc.ld_options import LinkerFlags, read_linker_flags


class Action(Enum):
    """How far to go."""

    PREPROCESS = "-E"  # also -M, -MM and -fsyntax-only: all that the front end does alone
    ASSEMBLY = "-S"
    OBJECT = "-c"
    RELOCATABLE = "-r"
    LINK = "link"


class Kind(Enum):
    """What a file on the command line is."""

    SOURCE = "source"
    IR = "LLVM IR"
    LINKABLE = "object or archive"
    LIBRARY = "-l"


class Input(Struct, frozen=True):
    """A file, or a library by name, in the order of the command line."""

    kind: Kind
    name: str
    language: str = ""  # clang's -x for a source, "" to go by the name
    whole_archive: bool = False


class Options(Struct, frozen=True):
    """Everything that a command line says."""

    action: Action
    inputs: tuple[Input, ...]
    output: str = ""
    front_end: tuple[str, ...] = ()  # for clang, in order
    optimization: str = "0"
    debug: bool = False
    emit_llvm: bool = False
    verbose: bool = False
    dry_run: bool = False  # -###
    library_dirs: tuple[Path, ...] = ()
    standard_library: bool = True
    linker: LinkerFlags = LinkerFlags()
    isas: tuple[str, ...] = ()  # () = all
    bodies: tuple[tuple[str, str], ...] = ()  # -fpopcorn-asm: ISA and file
    migration_points: str = "auto"
    sites_report: bool = False
    verify: bool = True  # the maps, at link
    print_request: str = ""  # --version, -print-..., --help
    dependencies: str = ""  # -MD or -MMD
    dependency_file: str = ""
    dependency_targets: tuple[str, ...] = ()  # -MT and -MQ with their values
    warnings: tuple[str, ...] = ()


SOURCE_LANGUAGES = {".c": "c", ".i": "cpp-output", ".h": "c-header"}
_FOREIGN = {
    **dict.fromkeys((".s", ".S", ".sx", ".asm"), "assembly, which is of one ISA; popcc compiles C only"),
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".c++", ".C", ".cp", ".ii"), "C++; popcc compiles C only"),
    **dict.fromkeys((".m", ".mm", ".f", ".f90", ".go", ".d", ".rs"), "not C; popcc compiles C only"),
    ".bc": "LLVM bitcode; popcc reads IR as text (.ll)",
    ".so": "a shared library; popcc links statically, against lib….a built by popcc",
}
_LANGUAGES = ("c", "c-header", "cpp-output", "none", "ir")

# Options whose value may stand in the next argument. True: the front end's, passed on.
_SEPARATE = {
    **dict.fromkeys(
        ("-I", "-D", "-U", "-include", "-imacros", "-isystem", "-iquote", "-idirafter", "-iprefix", "-iwithprefix",
         "-iwithprefixbefore", "-isysroot", "-Xpreprocessor", "-Xclang", "-imultilib", "-A"), True),
    **dict.fromkeys(("-o", "-x", "-L", "-l", "-MF", "-MT", "-MQ", "-Xlinker", "-Xassembler", "-u", "-e", "-z", "-T",
                     "-arch", "-target", "--param", "--sysroot", "-B", "-G", "-b", "-V"), False),
}  # fmt: skip
_JOINED = ("-I", "-D", "-U", "-isystem", "-iquote", "-idirafter", "-imacros", "-include", "-A", "-o", "-x", "-L", "-l",
           "-MF", "-MT", "-MQ", "-u", "-z", "-T", "-B")  # fmt: skip
_FRONT_END_PREFIXES = ("-W", "-f", "-std=", "-pedantic", "-d", "--std=", "-ftemplate-", "-Wp,", "-i")
_FRONT_END = frozenset(
    ("-w", "-ansi", "-trigraphs", "-undef", "-nostdinc", "-C", "-CC", "-P", "-H", "-pthread", "-pthreads",
     "-traditional-cpp", "-MP", "-MG", "-MV", "-Qunused-arguments", "-nobuiltininc")
)  # fmt: skip
_FRONT_END_ONLY = ("-E", "-M", "-MM", "-fsyntax-only")
_PRINT = ("--version", "--help", "-help", "-dumpmachine", "-dumpversion", "-dumpfullversion")
_SILENT = frozenset(
    ("-pipe", "--pipe", "-static", "--static", "-rdynamic", "-no-pie", "-nopie", "-m64", "-mcmodel=small",
     "-mfpmath=sse", "-integrated-as", "-no-integrated-cpp", "-static-libgcc",
     "-no-canonical-prefixes", "-canonical-prefixes")
)  # fmt: skip
_HARMLESS_PREFIXES = (
    "-fPIC", "-fpic", "-fPIE", "-fpie", "-fno-PIC", "-fno-pic", "-fno-PIE", "-fno-pie", "-fno-plt", "-fplt",
    "-fstack-protector", "-fno-stack-protector", "-fstack-clash-protection", "-fno-stack-clash-protection",
    "-fcf-protection", "-fomit-frame-pointer", "-fno-omit-frame-pointer", "-fasynchronous-unwind-tables",
    "-fno-asynchronous-unwind-tables", "-funwind-tables", "-fno-unwind-tables", "-fexceptions", "-fno-exceptions",
    "-ffunction-sections", "-fno-function-sections", "-fdata-sections", "-fno-data-sections", "-fno-lto",
    "-ffp-contract=off", "-fuse-ld=", "-fuse-linker-plugin", "-fno-use-linker-plugin", "-fno-ident",
    "-fno-semantic-interposition", "-fsemantic-interposition", "-mtune=", "-mno-", "-fno-fast-math", "-fuse-init-array",
    "-ffat-lto-objects", "-fno-fat-lto-objects", "-fsigned-char",
)  # fmt: skip
_SAME_BITS = "no effect: results must be the same on all ISAs, to the bit"
_WARNED_PREFIXES = {
    "-flto": "no effect: popcc optimises each file on its own",
    "-fcommon": "no effect: a variable is defined in one file, and declared 'extern' in others",
    "-pie": "no effect: programs that migrate lie at fixed addresses",
    "-static-pie": "no effect: programs that migrate lie at fixed addresses",
    "-ffast-math": _SAME_BITS,
    "-funsafe-math-optimizations": _SAME_BITS,
    "-fassociative-math": _SAME_BITS,
    "-freciprocal-math": _SAME_BITS,
    "-ffp-contract=": _SAME_BITS,
    "-ffp-model=": _SAME_BITS,
    "-Wa,": "no effect: popcc has no assembler",
    "-Xassembler": "no effect: popcc has no assembler",
    "-B": "no effect: popcc brings its own tools",
    "-save-temps": "no effect: popcc keeps what lies between in memory",
    "-save-temps=": "no effect: popcc keeps what lies between in memory",
    "--param": "no effect in clang",
    "--param=": "no effect in clang",
    "--sysroot": "no effect: popcc brings its own headers and C library",
    "--sysroot=": "no effect: popcc brings its own headers and C library",
}
_REFUSED_PREFIXES = {
    "-shared": "popcc links statically: build a static library with ar",
    "-m32": "popcc compiles for 64-bit ISAs only",
    "-mx32": "popcc compiles for 64-bit ISAs only",
    "-mlong-double-": "long double is 64 bits wide on all ISAs",
    "-march=": "popcc compiles for several ISAs at once and has no options of one; leave it out",
    "-mcpu=": "popcc compiles for several ISAs at once and has no options of one; leave it out",
    "-m": "popcc compiles for several ISAs at once and has no options of one; leave it out",
    "-fsanitize=": "popcc has no sanitizer runtime; leave it out",
    "-fprofile-": "popcc has no profiling runtime; leave it out",
    "-ftest-coverage": "popcc has no coverage runtime; leave it out",
    "--coverage": "popcc has no coverage runtime; leave it out",
    "-fopenmp": "popcc has no OpenMP runtime; use POSIX threads",
    "-fopenmp=": "popcc has no OpenMP runtime; use POSIX threads",
    "-fblocks": "popcc has no blocks runtime",
    "-fsplit-stack": "popcc lays out stacks itself",
    "-pg": "popcc has no profiling runtime; leave it out",
    "-T": "popcc writes the linker script itself, one per ISA",
    "-target": "popcc compiles for all ISAs at once; choose some with --isa=",
    "--target=": "popcc compiles for all ISAs at once; choose some with --isa=",
    "-arch": "popcc compiles for all ISAs at once; choose some with --isa=",
}
_OPEN_ENDED = frozenset(("-m", "-flto"))  # prefixes of whole families
_POINTS = ("auto", "functions", "loops", "all", "none")


def parse(arguments: Sequence[str]) -> Options:
    """Read a command line. Raises `PopccError` in clang's words where clang has some."""
    reader = _Reader(list(_expand(arguments, 0)))
    reader.read()
    return reader.options()


def _expand(arguments: Sequence[str], depth: int) -> Iterator[str]:
    """Arguments with ``@file`` replaced by what the file holds; as in gcc, a file that is not there is no file."""
    for a in arguments:
        path = Path(a[1:])
        if not (a.startswith("@") and len(a) > 1 and path.is_file()):
            yield a
            continue
        if depth > 20:
            raise PopccError(f"response file '{path}' includes itself")
        try:
            yield from _expand(shlex.split(path.read_text(errors="surrogateescape")), depth + 1)
        except ValueError as e:
            raise PopccError(f"response file '{path}': {e}") from None
        except OSError as e:
            raise PopccError(f"cannot read '{path}': {e.strerror}") from None


class _Reader:
    """The arguments while they are being read."""

    def __init__(self, arguments: list[str]) -> None:
        self.arguments = arguments
        self.at = 0
        self.language = ""
        self.actions: list[str] = []
        self.inputs: list[Input] = []
        self.front_end: list[str] = []
        self.linker: list[str] = []  # linker flags; "\0N" marks the position of input N
        self.values: dict[str, str] = {}
        self.switches: set[str] = set()
        self.library_dirs: list[Path] = []
        self.targets: list[str] = []
        self.warnings: list[str] = []
        self.bodies: list[tuple[str, str]] = []

    def read(self) -> None:
        while self.at < len(self.arguments):
            argument = self.arguments[self.at]
            self.at += 1
            if argument == "-" or not argument.startswith("-"):
                self.add_file(argument)
            else:
                self.option(argument)

    def option(self, a: str) -> None:
        name, value = self.split(a)
        if value is not None:
            self.valued(name, value)
        elif a in ("-c", "-S", "-r", *_FRONT_END_ONLY):
            self.actions.append(a)
        elif a in _PRINT or a.startswith(("-print-", "--print-")):
            self.values.setdefault("print", a)
        elif a.startswith("-O"):
            self.values["-O"] = self.level(a[2:])
        elif a.startswith("-g") and not a.startswith("-gcc-"):
            self.values["-g"] = "" if a in ("-g0", "-ggdb0") else "1"
        elif a in ("-MD", "-MMD"):
            self.values["dependencies"] = a
        elif a in ("-v", "-###", "-s", "-emit-llvm", "--sites-report"):
            self.switches.add(a)
        elif a in ("-nostdlib", "-nodefaultlibs", "-nolibc", "-nostartfiles"):
            self.switches.add("-nostdlib")
        elif a.startswith("-Wl,"):
            self.linker += a[4:].split(",")
        elif a.startswith("-fpopcorn-asm="):
            isa, colon, file = a.partition("=")[2].partition(":")
            if not (isa and colon and file):
                raise PopccError(f"invalid value in '{a}'; write -fpopcorn-asm=ISA:FILE.c")
            self.bodies.append((isa, file))
        elif a.startswith("--isa="):
            self.values["--isa"] = a.partition("=")[2]
        elif a.startswith("--migration-points="):
            self.migration_points(a.partition("=")[2])
        elif a in ("--verify", "--no-verify"):
            self.values["verify"] = a
        elif a in _SILENT or a.startswith(_HARMLESS_PREFIXES):
            pass
        elif reason := _by_prefix(a, _WARNED_PREFIXES):
            self.warnings.append(f"'{a}' has {reason}" if reason.startswith("no ") else f"'{a}': {reason}")
        elif reason := _by_prefix(a, _REFUSED_PREFIXES):
            raise PopccError(f"unsupported option '{a}': {reason}")
        elif a in _FRONT_END or a.startswith(_FRONT_END_PREFIXES):
            self.front_end.append(a)
        else:
            raise PopccError(f"unknown argument: '{a}'")

    def split(self, a: str) -> tuple[str, str | None]:
        """An option and its value, when it is one that takes a value."""
        if a in _SEPARATE:
            if self.at >= len(self.arguments):
                raise PopccError(f"argument to '{a}' is missing (expected 1 value)")
            self.at += 1
            return a, self.arguments[self.at - 1]
        if a in _SILENT or a in _FRONT_END or a.startswith(("-isysroot=", "-idirafter=")):
            return a, None
        matching = [j for j in _JOINED if a.startswith(j) and len(a) > len(j)]
        name = max(matching, key=len, default="")
        return (name, a[len(name) :]) if name else (a, None)

    def valued(self, name: str, value: str) -> None:
        if _SEPARATE[name]:
            self.front_end += [name, value] if name.startswith(("-i", "-X")) else [name + value]
        elif name == "-o":
            self.values["-o"] = value
        elif name == "-x":
            self.set_language(value)
        elif name == "-L":
            self.library_dirs.append(Path(value))
        elif name == "-l":
            self.add(Input(Kind.LIBRARY, value))
        elif name == "-MF":
            self.values["-MF"] = value
        elif name in ("-MT", "-MQ"):
            self.targets += [name, value]
        elif name == "-Xlinker":
            self.linker.append(value)
        elif name in ("-u", "-e", "-z"):
            self.linker += [name, value]
        elif reason := _by_prefix(name, _REFUSED_PREFIXES):
            raise PopccError(f"unsupported option '{name} {value}': {reason}")
        else:
            self.warnings.append(f"'{name} {value}' has {_WARNED_PREFIXES.get(name, 'no effect')}")

    def level(self, text: str) -> str:
        if text == "fast":
            self.warnings.append("'-Ofast' is taken as -O3: " + _SAME_BITS.removeprefix("no effect: "))
            return "3"
        if text in ("s", "z", "g", "0", "1", "2", "3"):
            return text
        if text == "":
            return "1"
        if text.isdigit():
            return "3"
        raise PopccError(f"invalid integral value '{text}' in '-O{text}'")

    def migration_points(self, value: str) -> None:
        if value not in _POINTS:
            raise PopccError(f"invalid value '{value}' in '--migration-points={value}'; known are {', '.join(_POINTS)}")
        self.values["points"] = value

    def set_language(self, value: str) -> None:
        if value.startswith("assembler"):
            raise PopccError(f"unsupported language '{value}': {_FOREIGN['.s']}")
        if value not in _LANGUAGES:
            raise PopccError(f"language not recognized: '{value}'; popcc compiles C only")
        self.language = "" if value == "none" else value

    def add_file(self, name: str) -> None:
        suffix = Path(name).suffix
        if self.language:
            kind = Kind.IR if self.language == "ir" else Kind.SOURCE
            self.add(Input(kind, name, "" if kind is Kind.IR else self.language))
        elif suffix in SOURCE_LANGUAGES or name == "-":
            self.add(Input(Kind.SOURCE, name))
        elif suffix == ".ll":
            self.add(Input(Kind.IR, name))
        elif suffix in _FOREIGN or ".so." in name:
            raise PopccError(f"cannot compile '{name}': it is {_FOREIGN.get(suffix, _FOREIGN['.so'])}")
        else:
            self.add(Input(Kind.LINKABLE, name))

    def add(self, item: Input) -> None:
        self.linker.append(f"\0{len(self.inputs)}")
        self.inputs.append(item)

    def options(self) -> Options:
        linker = read_linker_flags(self.linker, "-s" in self.switches)
        extra = [Input(Kind.LIBRARY, name) for name in linker.libraries]
        inputs = [replace(item, whole_archive=n in linker.whole) for n, item in enumerate(self.inputs)]
        printing = self.values.get("print", "-Wl,--version" if linker.version and not inputs else "")
        action = self.action()
        return Options(
            action=action,
            inputs=tuple(inputs + extra),
            output=self.values.get("-o", ""),
            front_end=(*self.front_end, *(a for a in self.actions if action is Action.PREPROCESS and a != "-E")),
            optimization=self.values.get("-O", "0"),
            debug=bool(self.values.get("-g")),
            emit_llvm="-emit-llvm" in self.switches,
            verbose="-v" in self.switches,
            dry_run="-###" in self.switches,
            library_dirs=(*self.library_dirs, *map(Path, linker.directories), *_environment_dirs()),
            standard_library="-nostdlib" not in self.switches,
            linker=linker,
            isas=tuple(i for i in self.values.get("--isa", "").split(",") if i),
            bodies=tuple(self.bodies),
            migration_points=self.values.get("points", "auto"),
            sites_report="--sites-report" in self.switches,
            verify=self.values.get("verify") != "--no-verify",
            print_request=printing,
            dependencies=self.values.get("dependencies", ""),
            dependency_file=self.values.get("-MF", ""),
            dependency_targets=tuple(self.targets),
            warnings=tuple(self.warnings + list(linker.warnings)),
        )

    def action(self) -> Action:
        if any(a in _FRONT_END_ONLY for a in self.actions):
            return Action.PREPROCESS
        for name, action in (("-S", Action.ASSEMBLY), ("-c", Action.OBJECT), ("-r", Action.RELOCATABLE)):
            if name in self.actions:
                return action
        return Action.LINK


def _environment_dirs() -> list[Path]:
    return [Path(p) for p in os.environ.get("LIBRARY_PATH", "").split(":") if p]


def _by_prefix(argument: str, table: dict[str, str]) -> str:
    """The entry of the longest prefix, where a prefix that is a whole word matches that word only."""
    exact = table.get(argument)
    if exact is not None:
        return exact
    prefixes = [p for p in table if argument.startswith(p) and (p[-1] in "=-," or p in _OPEN_ENDED)]
    return table[max(prefixes, key=len)] if prefixes else ""
