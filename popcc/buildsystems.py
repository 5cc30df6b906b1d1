"""What CMake and meson are to be told of popcc, as files that they read.

The files name this very popcc and are kept in the cache under a digest of their contents. autoconf and plain make
need none: ``CC=popcc``. Neither build is a cross build, since what popcc links runs on this machine.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from popcc.answers import MACHINE
from popcc.outputs import write_output

_CMAKE = """\
# cmake --toolchain: programs and static libraries by popcc
set(CMAKE_C_COMPILER {popcc})
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "popcc compiles as for release unless told otherwise")
endif()

# popcc links statically: a library that is asked for shared is built static. CMake reads this file once more, as
# rules, behind its own, which say otherwise.
set(CMAKE_USER_MAKE_RULES_OVERRIDE "${{CMAKE_CURRENT_LIST_FILE}}")
set_property(GLOBAL PROPERTY TARGET_SUPPORTS_SHARED_LIBS FALSE)
set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
set(BUILD_SHARED_LIBS OFF CACHE BOOL "popcc links statically")

# this system's libraries and headers are not popcc's: only what CMAKE_PREFIX_PATH names is looked at
set(CMAKE_FIND_USE_CMAKE_SYSTEM_PATH FALSE)
"""

_MESON = """\
# meson setup --cross-file: programs and static libraries by popcc, which run on this machine
[binaries]
c = {popcc}
ar = {ar}
strip = 'true'
pkg-config = 'false'

[built-in options]
default_library = 'static'
b_staticpic = false
b_pie = false

[properties]
needs_exe_wrapper = false

[host_machine]
system = 'linux'
cpu_family = '{cpu}'
cpu = '{cpu}'
endian = 'little'
"""


def cmake_toolchain(folder: Path) -> Path:
    """A toolchain file in `folder`. Raises `PopccError` when it can't be written."""
    return _written(folder, ".cmake", _CMAKE.format(popcc=_quoted(_popcc(), '"')))


def meson_cross(folder: Path) -> Path:
    """A cross file in `folder`. Raises `PopccError` when it can't be written."""
    ar = shutil.which("ar") or "ar"
    cpu = MACHINE.split("-")[0]
    return _written(folder, ".ini", _MESON.format(popcc=_quoted(_popcc(), "'"), ar=_quoted(ar, "'"), cpu=cpu))


def _popcc() -> str:
    """The command that was called, by its whole path."""
    found = shutil.which(sys.argv[0]) or sys.argv[0]
    return str(Path(found).absolute())


def _quoted(path: str, quote: str) -> str:
    escaped = path.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"


def _written(folder: Path, suffix: str, text: str) -> Path:
    path = folder / f"popcc-{hashlib.sha1(text.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}{suffix}"
    if not path.exists():
        write_output(str(path), text.encode("utf-8", "surrogateescape"))
    return path
