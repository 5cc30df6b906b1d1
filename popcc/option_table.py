"""popcc's options as a table. `--help`, the manual page and the shells' completions are all made from it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from msgspec import Struct

from popcc.isa import ISAS

_COLUMN = 30  # where `--help` says what an option means
_WIDTH = 100


class Option(Struct, frozen=True):
    """An option as people type it."""

    name: str  # with the "=", "," or letters that its value follows
    value: str = ""  # what the value is; "" when there is none
    text: str = ""
    separate: bool = False  # the value stands in the next argument
    choices: tuple[str, ...] = ()  # what the value can be
    several: bool = False  # ... and more than one, with commas between

    @property
    def shown(self) -> str:
        return f"{self.name} {self.value}" if self.separate else self.name + self.value


class Section(Struct, frozen=True):
    """Options that belong together."""

    title: str
    options: tuple[Option, ...]


class Example(Struct, frozen=True):
    """A command, and what it is good for."""

    command: str
    text: str = ""


USAGE = "popcc [options] file..."
ABOUT = "a C compiler whose running programs move between ISAs"

EXAMPLES = (
    Example("popcc -O2 -o prog main.c util.c", "compile and link for every ISA; one file that runs here"),
    Example("popcc -c -O2 main.c", "an object for ar, nm, strip -g, ld -r as usual"),
    Example("make CC=popcc", "a program's own build"),
    Example("popcorn migrate $(pidof prog) --to aarch64", "move what is running"),
)

BUILD_SYSTEMS = (
    Example("./configure CC=popcc", "autoconf"),
    Example("cmake --toolchain $(popcc --print-cmake-toolchain) ..", "CMake"),
    Example("meson setup --cross-file $(popcc --print-meson-cross) build", "meson"),
)

POINTS = ("auto", "functions", "loops", "all", "none")
SHELLS = ("bash", "zsh", "fish")

SECTIONS = (
    Section("Options of popcc", (
        Option("--isa=", "ISA,...", "the ISAs to compile for; all unless given", choices=tuple(ISAS), several=True),
        Option("--migration-points=", "WHERE", "where a running program can stop to move: auto (the default), "
               "functions, loops, all, none", choices=POINTS),
        Option("-fpopcorn-asm=", "ISA:FILE.c", "the functions that FILE.c defines take the place of the source's own "
               "on that ISA; it may use the ISA's assembly and intrinsics"),
        Option("--sites-report", text="say per function how its calls are mapped, and why where they are not"),
        Option("--verify", text="prove the maps of what is linked, and remember what was proved (the default)"),
        Option("--no-verify", text="don't"),
    )),
    Section("How far to go", (
        Option("-c", text="compile each file to an object"),
        Option("-S", text="compile to assembly of this machine's ISA"),
        Option("-emit-llvm", text="with -S: the IR that all ISAs are generated from"),
        Option("-E", text="preprocess only"),
        Option("-fsyntax-only", text="check only"),
        Option("-r", text="link objects to one object"),
        Option("-o", "FILE", "where to; '-' is standard output", separate=True),
        Option("-x", "LANGUAGE", "what the files behind it are", separate=True,
               choices=("c", "c-header", "cpp-output", "ir", "none")),
    )),
    Section("C and its preprocessor", (
        Option("-I", "DIR", "look for headers there"),
        Option("-isystem", "DIR", "... behind those of -I, without their warnings", separate=True),
        Option("-iquote", "DIR", "... for #include \"...\" only", separate=True),
        Option("-idirafter", "DIR", "... behind the system's", separate=True),
        Option("-include", "FILE", "include it before the first line", separate=True),
        Option("-D", "NAME[=VALUE]", "define a macro"),
        Option("-U", "NAME", "undefine it"),
        Option("-std=", "STANDARD", "which C", choices=("c89", "c99", "c11", "c17", "c23",
               "gnu89", "gnu99", "gnu11", "gnu17", "gnu23")),
        Option("-ansi", text="C89"),
        Option("-pedantic", text="warn of extensions"),
        Option("-W", "WARNING", "clang's warnings: -Wall, -Wextra, -Werror, -Wno-..."),
        Option("-w", text="none of them"),
        Option("-f", "FEATURE", "clang's options of the language: -fno-builtin, -fwrapv, -funsigned-char, ..."),
        Option("-Wp,", "OPTIONS", "options of the preprocessor, with commas between"),
        Option("-Xpreprocessor", "OPTION", "an option of the preprocessor", separate=True),
    )),
    Section("Code", (
        Option("-O", "LEVEL", "how much to optimise: 0 (the default), 1, 2, 3, s, z, g",
               choices=("0", "1", "2", "3", "s", "z", "g")),
        Option("-g", text="source lines and names for debuggers and 'popcorn inspect'"),
        Option("-pthread", text="compile for threads"),
        Option("-static", text="no effect: every program is"),
    )),
    Section("Dependencies, as make reads them", (
        Option("-M", text="instead of compiling"),
        Option("-MM", text="... without the system's headers"),
        Option("-MD", text="while compiling"),
        Option("-MMD", text="... without the system's headers"),
        Option("-MF", "FILE", "where to", separate=True),
        Option("-MT", "TARGET", "of what", separate=True),
        Option("-MQ", "TARGET", "of what, quoted for make", separate=True),
        Option("-MP", text="a rule for each header, so that make misses none that goes away"),
    )),
    Section("Linking", (
        Option("-L", "DIR", "look for libraries there"),
        Option("-l", "NAME", "link libNAME.a"),
        Option("-s", text="leave out symbols and what debuggers want"),
        Option("-u", "SYMBOL", "link what defines it, even if nothing asks for it", separate=True),
        Option("-e", "SYMBOL", "where the program begins", separate=True),
        Option("-nostdlib", text="no C library and no runtime"),
        Option("-Wl,", "OPTIONS", "options of the linker, with commas between"),
        Option("-Xlinker", "OPTION", "an option of the linker", separate=True),
    )),
    Section("Questions", (
        Option("-v", text="show the commands while they run"),
        Option("-###", text="show the commands and run none"),
        Option("--help", text="this"),
        Option("--version", text="versions of popcc and of what it is made of"),
        Option("-dumpmachine", text="what it compiles for"),
        Option("-dumpversion", text="the version of the C front end"),
        Option("-print-file-name=", "NAME", "where a library is"),
        Option("-print-prog-name=", "NAME", "where a program is"),
        Option("-print-search-dirs", text="where libraries are looked for"),
        Option("--print-cmake-toolchain", text="write a toolchain file for CMake; say where"),
        Option("--print-meson-cross", text="write a cross file for meson; say where"),
        Option("--print-completion=", "SHELL", "a shell's script that completes all of this", choices=SHELLS),
    )),
)  # fmt: skip


def all_options() -> Iterator[Option]:
    """Every option, in the order of the help."""
    for section in SECTIONS:
        yield from section.options


def help_text() -> str:
    """What `popcc --help` prints."""
    lines = [f"popcc: {ABOUT}", "", f"Usage: {USAGE}", ""]
    lines += _examples(EXAMPLES)
    for section in SECTIONS:
        lines += ["", f"{section.title}:"]
        for option in section.options:
            lines += _row(option.shown, option.text)
    lines += ["", "Build systems:", *_examples(BUILD_SYSTEMS)]
    return "\n".join(lines) + "\n"


def _examples(examples: tuple[Example, ...]) -> list[str]:
    width = max(len(e.command) for e in examples)
    return [f"  {e.command:{width}}  {e.text}".rstrip() for e in examples]


def _row(left: str, text: str) -> list[str]:
    lines = textwrap.wrap(text, _WIDTH - _COLUMN, break_on_hyphens=False)
    if len(left) + 4 > _COLUMN:
        return [f"  {left}", *(" " * _COLUMN + line for line in lines)]
    return [f"  {left:{_COLUMN - 2}}{lines[0]}", *(" " * _COLUMN + line for line in lines[1:])]
