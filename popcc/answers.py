"""Questions to the compiler that need no compilation: --version, --help, -print-..., -dumpmachine."""

from __future__ import annotations

import shutil

from popcc import __version__
from popcc.cc_options import Options
from popcc.errors import PopccError

CLANG_VERSION = "19.1.7"
MACHINE = "x86_64-linux-musl"  # what the front end compiles for, and the common format of the ISAs

_BUILD_SYSTEMS = ("-print-cmake-toolchain", "-print-meson-cross")

_HELP = """\
popcc: a C compiler whose running programs move between ISAs

Usage: popcc [options] file...

  popcc -O2 -o prog main.c util.c     compile and link for every ISA; one file that runs here
  popcc -c -O2 main.c                 an object for ar, nm, strip -g, ld -r as usual
  make CC=popcc                       a program's own build
  popcorn migrate $(pidof prog) --to aarch64

Options of popcc:
  --isa=x86_64,aarch64          the ISAs to compile for (default: all)
  --migration-points=WHERE      where a running program can stop to move:
                                auto (default), functions, loops, all, none
  --sites-report                say per function how its calls are mapped, and why where they are not
  --no-verify                   don't prove the maps of what is linked (--verify, the default, does,
                                and remembers what it has proved)

Build systems:
  ./configure CC=popcc          autoconf; make CC=popcc
  cmake --toolchain $(popcc --print-cmake-toolchain) ..
  meson setup --cross-file $(popcc --print-meson-cross) build

Options as in other C compilers:
  -c -S -E -r -o FILE           how far to go, and where to
  -I -D -U -include -isystem -idirafter -std= -ansi -W... -f... -w -x LANGUAGE
  -O0 -O1 -O2 -O3 -Os -Oz -Og -g -pthread -static -s
  -M -MM -MD -MMD -MF -MT -MQ -MP
  -L -l -Wl,... -Xlinker -u -e -nostdlib -Wp,...
  -S -emit-llvm                 the IR that all ISAs are generated from
  -v -###                       show the commands; -### does not run them
  --version -dumpmachine -dumpversion -print-file-name= -print-prog-name= -print-search-dirs
"""


def answer(options: Options) -> str:
    """The text for standard output."""
    request = "-" + options.print_request.lstrip("-")
    name, _, value = request.partition("=")
    if name in ("-version", "-dumpmachine", "-dumpversion", "-dumpfullversion", "-help"):
        return _HELP if name == "-help" else _fixed(name)
    if name == "-Wl,--version":
        return f"LLD {CLANG_VERSION} (compatible with GNU linkers)\n"
    if name == "-print-file-name":
        return _found(value, options) + "\n"
    if name == "-print-prog-name":
        return (shutil.which(value) or value) + "\n"
    if name == "-print-libgcc-file-name":
        return "libgcc.a\n"  # helper routines come with the C library; nothing has to be named
    if name == "-print-search-dirs":
        return f"programs: =\nlibraries: ={':'.join(map(str, options.library_dirs))}\n"
    if name in ("-print-target-triple", "-print-effective-triple", "-print-multiarch"):
        return MACHINE + "\n"
    if name == "-print-multi-directory":
        return ".\n"
    if name in ("-print-sysroot", "-print-multi-os-directory", "-print-multi-lib"):
        return "\n"
    if name == "-print-resource-dir":
        from popcc.frontend import wheel

        return f"{wheel() / 'lib'}\n"
    if name in _BUILD_SYSTEMS:
        return _for_build_system(name)
    raise PopccError(f"unknown argument: '{options.print_request}'")


def _for_build_system(name: str) -> str:
    from popcc import buildsystems
    from popcc.runtime.libc.build import cache_dir

    make = buildsystems.cmake_toolchain if name == "-print-cmake-toolchain" else buildsystems.meson_cross
    return f"{make(cache_dir())}\n"


def _fixed(name: str) -> str:
    if name == "-dumpmachine":
        return MACHINE + "\n"
    if name in ("-dumpversion", "-dumpfullversion"):
        return CLANG_VERSION + "\n"
    return version()


def version() -> str:
    """What --version says; configure scripts and meson look for clang's name and number."""
    from popcc.isa import ISAS

    return (
        f"popcc {__version__} (front end: clang version {CLANG_VERSION})\n"
        f"Target: {MACHINE}\nThread model: posix\nISAs: {' '.join(ISAS)}\n"
    )


def _found(name: str, options: Options) -> str:
    return next((str(d / name) for d in options.library_dirs if (d / name).exists()), name)
