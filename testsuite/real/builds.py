"""The real programs, built by their own makefiles, if they have such: once by popcc, once by the host's compiler."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import harness

from real import sources
from real.files import HERE, SQLITE_FLAGS

BUILD_TIMEOUT = 7200.0  # for one command of a build; a loaded machine is slow


@dataclass(frozen=True)
class Obstacle:
    """Something in real programs that popcc can't build as it is."""

    what: str
    remedy: str


ASSEMBLY = Obstacle(
    "assembly files, inline assembly and intrinsics of one ISA",
    "Leave them out: most programs have the same in C, and take it where `__x86_64__` and its like are not defined, "
    "as under popcc. Else a configuration switch, or `#ifndef __popcorn__`.",
)
DLOPEN = Obstacle(
    "`dlopen`: plug-ins, modules, extensions",
    "It fails with an error at run time, which most programs report and go on. Build in what is needed.",
)
SHARED = Obstacle("shared libraries of the program's own (`-shared`)", "Build and link them as archives.")
LONG_DOUBLE = Obstacle(
    "results that need `long double` to be wider than `double`", "It is 64 bits wide on every ISA: compute otherwise."
)
CHANNELS = Obstacle(
    "pipes and sockets in a process that is saved to a file", "Move it in place, where they stay, or close them before."
)
WARNINGS = Obstacle(
    "warnings that are errors (`-Werror`), where musl's headers make clang warn of what gcc with glibc's doesn't",
    "`-Wno-error`: as it would be for clang on any system with musl.",
)
OBSTACLES = (ASSEMBLY, SHARED, WARNINGS, DLOPEN, LONG_DOUBLE, CHANNELS)


@dataclass(frozen=True)
class Project:
    """How a project is built, as its own documentation says. `CC` in the commands stands for the compiler.

    They run in the unpacked sources.
    """

    name: str
    source: sources.Source
    commands: tuple[tuple[str, ...], ...]
    program: str
    environment: tuple[str, ...] = ()  # of those variables that must be set to the compiler
    work: str = ""  # what the program does in the tests, on every ISA and while it moves
    without: tuple[tuple[Obstacle, str], ...] = ()  # what stood in the way, and what leaves it out
    version: str = ""  # where the tarball has another's

    @property
    def release(self) -> str:
        """Upstream's version."""
        return self.version or re.split(r"_|[.+]dfsg|[.]orig", self.source.tarball)[1]


BZIP2 = Project(
    "bzip2",
    sources.BZIP2,
    (("make", "CC=CC", "bzip2"),),
    "bzip2",
    work="compresses and restores three megabytes",
)
MINIGZIP = Project(
    "minigzip",
    sources.ZLIB,
    (("./configure", "--static"), ("make", "minigzip")),
    "minigzip",
    ("CC",),
    work="compresses and restores three megabytes",
    without=((SHARED, "`--static`"),),
)
LUA = Project(
    "lua",
    sources.LUA,
    (("make", "-C", "src", "CC=CC -std=gnu99", "posix"),),
    "src/lua",
    work="two scripts: the language's features, and Life",
    without=((DLOPEN, "the platform `posix` instead of `linux`"),),
)
SQLITE = Project(
    "sqlite",
    sources.SQLITE,
    (("CC", "-O2", "-w", "-I.", *SQLITE_FLAGS, "sqlite3.c", str(HERE / "sql.c"), "-o", "sql", "-lm"),),
    "sql",
    work="a script of 240 statements on a file, and what is in the file afterwards",
    without=((DLOPEN, "`SQLITE_OMIT_LOAD_EXTENSION`"),),
    version="3.39.4",
)
LZ4 = Project("lz4", sources.LZ4, (("make", "CC=CC", "lz4"),), "lz4", work="compresses and restores three megabytes")
# translations of its messages and the smaller programs are left out of both builds
XZ = Project(
    "xz",
    sources.XZ,
    (
        (
            "./configure",
            "CC=CC",
            *(f"--disable-{part}" for part in "shared assembler nls doc scripts xzdec lzmadec lzmainfo".split()),
        ),
        ("make",),
    ),
    "src/xz/xz",
    work="compresses and restores three megabytes, by two threads",
    without=((ASSEMBLY, "`--disable-assembler`"), (SHARED, "`--disable-shared`")),
)
DASH = Project(
    "dash",
    sources.DASH,
    (("./configure", "CC=CC"), ("make",)),
    "src/dash",
    work="a script: functions, pipes, subshells, traps, here documents",
)
MAWK = Project("mawk", sources.MAWK, (("./configure", "CC=CC"), ("make", "mawk")), "mawk", work="a script on two files")
ZSTD = Project(
    "zstd",
    sources.ZSTD,
    (
        (
            "make",
            "-C",
            "programs",
            "CC=CC",
            "ZSTD_NO_ASM=1",
            *(f"HAVE_{n}=0" for n in ("ZLIB", "LZMA", "LZ4")),
            "zstd-nolegacy",
        ),
    ),
    "programs/zstd-nolegacy",
    work="compresses and restores three megabytes, by two threads",
    without=((ASSEMBLY, "`ZSTD_NO_ASM=1`"),),
)
# all tools in one program, which links once, without manual pages, that are made by running it, and the tests of its
# library; as root configure asks to be allowed to
COREUTILS = Project(
    "coreutils",
    sources.COREUTILS,
    (
        ("env", "FORCE_UNSAFE_CONFIGURE=1", "./configure", "CC=CC", "--disable-nls", "--enable-single-binary=symlinks"),
        ("make", "SUBDIRS=.", "MANS="),
    ),
    "src/coreutils",
    work="a script of 38 tools",
    without=((LONG_DOUBLE, "`numfmt 9007199254740993` makes 9007199254740992, as `printf %.0f` does"),),
)
# by libtool, from its repository's files: configure itself has to be made
JQ = Project(
    "jq",
    sources.JQ,
    (
        ("autoreconf", "-fi"),
        (
            "./configure",
            "CC=CC",
            "--disable-shared",
            "--without-oniguruma",
            "--disable-docs",
            "--disable-maintainer-mode",
        ),
        ("make",),
    ),
    "jq",
    work="a script: records grouped, folded, rewritten; recursion, paths, strings, dates",
    without=((SHARED, "`--disable-shared`"),),
)
REDIS = Project(
    "redis",
    sources.REDIS,
    (("make", "-C", "src", "CC=CC", "MALLOC=libc", "redis-server", "redis-cli", "redis-benchmark"),),
    "src/redis-server",
    work="a server under redis-benchmark, and what it answers afterwards",
    without=(
        (LONG_DOUBLE, "`INCRBYFLOAT` by 10.6 makes 10.59999999999999964"),
        (CHANNELS, "moves in place, with its connections"),
    ),
)
# all of it takes half an hour; these are parts of which test programs are made, each with what it needs before it
GSL_PARTS = (
    "gsl err sys utils test ieee-utils complex block vector matrix permutation cblas blas rng sort poly linalg eigen "
    "bst spmatrix spblas min fft interpolation multiroots multimin wavelet splinalg"
)
GSL_KERNELS = "fft interpolation multimin multiroots rng sort splinalg wavelet".split()
GSL_FLAGS = "-O2 -ffp-contract=off"
GSL = Project(
    "gsl",
    sources.GSL,
    (
        ("./configure", "CC=CC", f"CFLAGS={GSL_FLAGS}", "--disable-shared"),
        ("sh", "-ec", f"for part in {GSL_PARTS}; do make -C $part; done"),
        # its tests are built, not run
        ("sh", "-ec", f"for kernel in {' '.join(GSL_KERNELS)}; do make -C $kernel check TESTS=; done"),
        # twice, as each of the archives needs some others
        ("sh", "-ec", f'all=$(ls */.libs/*.a); $CC {GSL_FLAGS} -I. -o dense "$0" $all $all -lm', str(HERE / "dense.c")),
    ),
    "dense",
    ("CC",),
    work=f"its own tests of {', '.join(GSL_KERNELS)}; dense systems of equations, singular values and eigenvalues",
    without=((SHARED, "`--disable-shared`"),),
)
# one process, without what needs libraries beside it: regular expressions and zlib
NGINX = Project(
    "nginx",
    sources.NGINX,
    (
        (
            "./configure",
            "--with-cc=CC",
            "--with-cc-opt=-Wno-error",
            "--without-http_rewrite_module",
            "--without-http_gzip_module",
            "--with-http_dav_module",
            "--with-http_sub_module",
        ),
        ("make",),
    ),
    "objs/nginx",
    work="serves files, includes, uploads and what it is the proxy for to four clients at once",
    without=((WARNINGS, "`--with-cc-opt=-Wno-error`"), (CHANNELS, "moves in place, with its connections")),
)
SHELL = Project(
    "sqlite3",
    sources.SHELL,
    (
        (
            "./configure",
            "CC=CC",
            "--disable-shared",
            "--disable-tcl",
            "--disable-readline",
            "--disable-load-extension",
            "--enable-fts5",
        ),
        ("make", "sqlite3"),
    ),
    "sqlite3",
    work="its shell: 2,200 statements on a file (joins, CTEs, windows, FTS, JSON, transactions), and the file",
    without=((SHARED, "`--disable-shared`"), (DLOPEN, "`--disable-load-extension`")),
)
CONFIG = str(HERE / "busybox.config")
BUSYBOX = Project(
    "busybox",
    sources.BUSYBOX,
    (
        # the first mention of a switch counts; those that were not asked about take their defaults
        ("sh", "-ec", 'make allnoconfig; cat "$0" .config >all; mv all .config; yes "" | make oldconfig', CONFIG),
        ("make", "CC=CC", "SKIP_STRIP=y", "busybox"),
    ),
    "busybox",
    work="a script of its shell and 77 applets",
)
PROJECTS = (BZIP2, MINIGZIP, LZ4, XZ, LUA, MAWK, DASH, SQLITE)


def tree(project: Project, compiler: str, folder: Path) -> Path:
    """The sources with what was built of them, once. Raises `AssertionError` with the failing command's words."""
    place = folder / f"{project.name}-{Path(shlex.split(compiler)[0]).name}"
    with harness.locked(folder / f"{place.name}.lock"):
        ready = place / "ready"
        if not ready.exists():
            top = sources.unpack(project.source, place)
            for command in project.commands:
                words = [w.replace("=CC", f"={compiler}") for w in command]
                if words[0] == "CC":
                    words[:1] = shlex.split(compiler)
                env = dict.fromkeys(project.environment, compiler)
                done = harness.run(words, BUILD_TIMEOUT, env=env, cwd=top)
                end = f"status {done.status}" if done.status is not None else f"no end within {BUILD_TIMEOUT:.0f} s"
                said = f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
                assert done.status == 0, f"in {top}: {shlex.join(words)}: {end}\n{said}"
            ready.write_text(top.name)
        return place / ready.read_text()


def pair(project: Project, folder: Path) -> tuple[Path, Path]:
    """(popcc's program, the host compiler's)."""
    ours, theirs = trees(project, folder)
    return ours / project.program, theirs / project.program


def trees(project: Project, folder: Path) -> tuple[Path, Path]:
    """(the sources with what popcc built of them, the same of the host's compiler)."""
    return tree(project, shlex.join(harness.popcc()), folder), tree(project, "gcc", folder)
