"""Questions to the compiler that need no compilation: --version, --help, -print-..., -dumpmachine."""

from __future__ import annotations

import shutil

from popcc import __version__
from popcc.cc_options import Options
from popcc.errors import PopccError
from popcc.option_table import help_text

# Of what the pinned wheels bring, written down here so that a question loads none of them; a test holds them to it.
CLANG_VERSION = "19.1.7"
LLVM_VERSION = "22.1"
MUSL_VERSION = "1.2.5"
MACHINE = "x86_64-linux-musl"  # what the front end compiles for, and the common format of the ISAs

_BUILD_SYSTEMS = ("-print-cmake-toolchain", "-print-meson-cross")


def answer(options: Options) -> str:
    """The text for standard output."""
    request = "-" + options.print_request.lstrip("-")
    name, _, value = request.partition("=")
    if name in ("-version", "-dumpmachine", "-dumpversion", "-dumpfullversion", "-help"):
        return help_text() if name == "-help" else _fixed(name)
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
    if name == "-print-completion":
        from popcc.completion import completion

        return completion(value)
    if name in _BUILD_SYSTEMS:
        return _for_build_system(name)
    raise PopccError(f"unknown argument: '{options.print_request}'")


def _for_build_system(name: str) -> str:
    from popcc import buildsystems
    from popcc.cache import cache_dir

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
        f"Optimiser and code generation: LLVM {LLVM_VERSION}\nC library: musl {MUSL_VERSION}\n"
    )


def _found(name: str, options: Options) -> str:
    return next((str(d / name) for d in options.library_dirs if (d / name).exists()), name)
