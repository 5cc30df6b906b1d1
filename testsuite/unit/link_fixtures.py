"""Small units for the linker's tests: C compiled per ISA by the wheel's clang, as compiled code would look.

The "runtime" is a start routine and raw write and exit, so that linked programs run, natively or under qemu.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from popcc.frontend import clang
from popcc.isa import ISAS
from popcc.linker.index import index_object, private_unit
from popcc.linker.inputs import Input, LinkUnit, Objects
from popcc.linker.link import Linked, LinkOptions, link
from popcc.unit import FunctionMap, SiteInfo, Unit

EVERY = tuple(ISAS)

START = r"""
__asm__(
#if defined __x86_64__
".text\n.globl _start\n_start: xor %ebp,%ebp\n and $-16,%rsp\n call begin\n hlt\n"
".globl sys3\nsys3: mov %rdi,%rax\n mov %rsi,%rdi\n mov %rdx,%rsi\n mov %rcx,%rdx\n syscall\n ret\n"
#elif defined __riscv
".text\n.globl _start\n_start: call begin\n ebreak\n"
".globl sys3\nsys3: mv a7,a0\n mv a0,a1\n mv a1,a2\n mv a2,a3\n ecall\n ret\n"
#else
".text\n.globl _start\n_start: mov x29,#0\n bl begin\n brk #0\n"
".globl sys3\nsys3: mov x8,x0\n mov x0,x1\n mov x1,x2\n mov x2,x3\n svc #0\n ret\n"
#endif
".globl _start, sys3\n.type _start,@function\n.type sys3,@function\n");
long sys3(long, long, long, long);
#if defined __x86_64__
enum { WRITE = 1, EXIT = 60 };
#else
enum { WRITE = 64, EXIT = 93 };
#endif
int __popcorn_flag;
void put(const char *s) { long n = 0; while (s[n]) n++; sys3(WRITE, 1, (long)s, n); }
void quit(int status) { for (;;) sys3(EXIT, status, 0, 0); }
extern void (*__init_array_start[])(void), (*__init_array_end[])(void);
int main(void);
void begin(void)
{
	for (void (**f)(void) = __init_array_start; f < __init_array_end; f++) (*f)();
	quit(main());
}
"""


@cache
def compiled(source: str, isa: str, flags: tuple[str, ...] = ()) -> bytes:
    """The ELF object of C text."""
    command = [
        *clang(), f"--target={ISAS[isa].triple}", *ISAS[isa].clang_flags, "-x", "c", "-c", "-O1",
        "-ffunction-sections", "-fdata-sections",
        "-fno-pic", "-fno-asynchronous-unwind-tables", "-ffreestanding", *flags, "-o", "-", "-",
    ]  # fmt: skip
    run = subprocess.run(command, input=source.encode(), capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


def unit(
    name: str, source: str | Mapping[str, str], *, isas: Sequence[str] = EVERY, leaf_calls: tuple[str, ...] = ()
) -> Unit:
    """A common unit of C text, without sites. Different text per ISA makes the errors that a linker must find."""
    texts = source if isinstance(source, Mapping) else dict.fromkeys(isas, source)
    objects = {isa: index_object(compiled(text, isa), name) for isa, text in texts.items()}
    digest = hashlib.sha1(name.encode()).hexdigest()[:16]
    return Unit(digest, name, False, leaf_calls, (), {}, {}, objects)


def with_sites(u: Unit, maps: Mapping[str, Sequence[FunctionMap]], sites: Sequence[SiteInfo]) -> Unit:
    """`u` with site maps made by hand."""
    objects = {isa: replace(obj, functions=tuple(maps.get(isa, ()))) for isa, obj in u.objects.items()}
    return replace(u, sites=tuple(sites), objects=objects)


@cache
def start(isas: tuple[str, ...] = EVERY) -> Unit:
    """The runtime."""
    return private_unit("start", {isa: compiled(START, isa) for isa in isas})


def objects(*units: Unit) -> Objects:
    """Units as if given on the command line."""
    return Objects(tuple(LinkUnit(u, u.source.replace(".c", ".o")) for u in units))


def linked(*units: Unit, libraries: Sequence[Input] = (), options: LinkOptions | None = None) -> Linked:
    """The program of units and the runtime; unless `options` say otherwise not verified, for tests make maps up."""
    options = options or LinkOptions(EVERY, "x86_64", verify=False)
    return link([objects(*units, start()), *libraries], options, "program")


def run(executable: bytes, isa: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run an executable here."""
    path = directory / f"run-{isa}"
    path.write_bytes(executable)
    path.chmod(0o755)
    native = platform.machine() in ISAS[isa].machine_names
    runner = [] if native else [shutil.which(ISAS[isa].qemu) or ISAS[isa].qemu]
    return subprocess.run([*runner, str(path)], capture_output=True, text=True, timeout=60)
