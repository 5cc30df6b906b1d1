"""Functions with a body of their own on some ISAs: each runs its own, moves go on, and what can't work is refused."""

from __future__ import annotations

from pathlib import Path

import harness
import pytest

from popcc.isa import ISAS

FOLDER = Path(__file__).parent / "bodies"
TIMEOUT = 600.0
WHO = {isa: isa if "popcorn_who" in (FOLDER / f"{isa}.c").read_text() else "portable" for isa in ISAS}


def bodies(*isas: str) -> list[str]:
    """The options that give the functions of `common.c` their bodies."""
    return [f"-fpopcorn-asm={isa}:{FOLDER / f'{isa}.c'}" for isa in isas]


@pytest.fixture(scope="module")
def bits(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the host compiler's program counts."""
    path = tmp_path_factory.mktemp("gcc") / "common"
    assert harness.run(["gcc", str(FOLDER / "common.c"), "-o", str(path)], TIMEOUT).status == 0
    return harness.run([str(path)], TIMEOUT).stdout.split()[0]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All three bodies, linked."""
    path = tmp_path_factory.mktemp("bodies") / "common"
    done = harness.run([*harness.popcc(), "-O2", str(FOLDER / "common.c"), *bodies(*ISAS), "-o", str(path)], TIMEOUT)
    assert (done.status, done.stdout, done.stderr) == (0, "", "")
    return path


@pytest.mark.parametrize("options", [[], ["--rebuild-every", "1"]], ids=["plain", "rebuilt"])
@pytest.mark.parametrize("isa", ISAS)
def test_each_isa_runs_its_own(isa: str, options: list[str], program: Path, bits: str) -> None:
    done = harness.run([*harness.popcorn(), "run", "--on", isa, *options, str(program)], TIMEOUT)
    assert (done.status, done.stdout, done.stderr) == (0, f"{bits} {WHO[isa].upper()} {WHO[isa]}\n", "")


def test_moves_go_on(program: Path, bits: str) -> None:
    with harness.counted_runners() as runners:
        command = [*harness.popcorn(), "run", "--on", "x86_64", "--move-every", "20", str(program)]
        done = harness.run(command, TIMEOUT, env=runners.environment)
        assert runners.count() > 2
    assert done.status == 0 and not done.stderr, done.stderr
    count, *who = done.stdout.split()
    assert count == bits and {w.lower() for w in who} <= set(WHO.values())


MAIN = "int f(int x) { return x; } int main(void) { return f(0); }\n"


@pytest.mark.parametrize(
    ("common", "own", "message"),
    [
        (MAIN, "int g(int x) { return x; }", "own.c in g [aarch64]: main.c has no function of that name"),
        (
            f"static {MAIN}",
            "int f(int x) { return x; }",
            "own.c in f [aarch64]: the function of that name in main.c is static",
        ),
        (
            MAIN,
            "long f(long x) { return x; }",
            "own.c in f [aarch64]: is i64 (i64), on other ISAs i32 (i32); pass and return scalars and pointers",
        ),
        (
            MAIN,
            "int printf(const char *, ...); int f(int x) { return printf(\"x\"); }",
            "own.c in f [aarch64]: variable arguments are passed in another way here; wrap the call in common C",
        ),
        (
            MAIN,
            "static int n; int f(int x) { return n += x; }",
            "own.c in n [aarch64]: a variable would be on this ISA only; define it in common C",
        ),
        (
            MAIN,
            "extern __thread int n; int f(int x) { return n + x; }",
            "own.c in n [aarch64]: thread-locals are addressed in another way here; pass the address",
        ),
        (MAIN, '__asm__("nop"); int f(int x) { return x; }', "own.c [aarch64]: assembly outside a function"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_body(common: str, own: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text(common)
    (tmp_path / "own.c").write_text(own)
    done = harness.run([*harness.popcc(), "-c", "main.c", "-fpopcorn-asm=aarch64:own.c"], TIMEOUT, cwd=tmp_path)
    assert done.status == 1 and not (tmp_path / "main.o").exists()
    assert done.stderr.startswith(f"popcc: error: {message}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["main.c", "-fpopcorn-asm=aarch64"],
            "invalid value in '-fpopcorn-asm=aarch64'; write -fpopcorn-",
        ),
        (["main.c", "-fpopcorn-asm=vax:main.c"], "unknown ISA 'vax'; known are x86_64, aarch64, riscv64"),
        (["main.c", "-fpopcorn-asm=aarch64:none.c"], "no such file or directory: 'none.c'"),
        (
            ["main.c", "main.c", "-fpopcorn-asm=aarch64:main.c"],
            "-fpopcorn-asm needs exactly one source",
        ),
    ],
)
def test_command_lines(arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text(MAIN)
    done = harness.run([*harness.popcc(), "-c", *arguments], TIMEOUT, cwd=tmp_path)
    assert done.status == 1 and done.stderr.startswith(f"popcc: error: {message}"), done.stderr
