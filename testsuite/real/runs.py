"""Running the real programs: popcc's build moved or on one ISA, and the host compiler's build for comparison."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

import harness

from popcc.isa import ISAS

TIMEOUT = 600.0
MIN_MOVES = 50
NOTHING = Path("/dev/null")


def compressible(folder: Path) -> Path:
    """1.5 megabytes that compress a little, a lot and not at all; the same every time, made once per session."""
    path = folder / "data"
    with harness.locked(folder / "data.lock"):
        if not path.exists():
            random_ = random.Random(1)
            words = [bytes(random_.choices(b"etaoinshrdlu", k=random_.randint(2, 9))) for _ in range(2000)]
            text = b" ".join(random_.choices(words, k=125_000))
            runs = b"".join(bytes([random_.randrange(256)]) * random_.randint(1, 4000) for _ in range(200))
            path.write_bytes(text[:850_000] + runs[:350_000] + random_.randbytes(300_000))
    return path


def moved(
    program: Path, arguments: Sequence[str], every: int, stdin: Path = NOTHING, through: Sequence[str] = ()
) -> bytes:
    """The program's output, having been moved at least 50 times."""
    return moved_often(program, arguments, every, stdin, through)[0]


def moved_often(
    program: Path, arguments: Sequence[str], every: int, stdin: Path = NOTHING, through: Sequence[str] = ()
) -> tuple[bytes, int]:
    """The program's output, and how often it was moved at least, which is 50 times or more.

    `through` is a command that runs the program, once or often: the words to do that with are its arguments.
    """
    with harness.counted_runners() as runners:
        options = ["--on", "x86_64", "--move-every", str(every)]
        output = _under_popcorn(through, options, [str(program), *arguments], stdin, runners)
        crossings = runners.count()
    # at least: from each ISA to the next, and this counts the moves to those that need an emulator
    moves = crossings + (crossings - 1) // (len(ISAS) - 1)
    assert moves >= MIN_MOVES, f"moved only {moves} times; make --move-every smaller than {every}"
    return output, moves


def on(
    isa: str,
    program: Path,
    arguments: Sequence[str],
    stdin: Path = NOTHING,
    through: Sequence[str] = (),
    rebuilt: int = 0,
) -> bytes:
    """The program's output on an ISA, from the first to the last, its stack made anew at every `rebuilt`th point."""
    options = ["--on", isa, *(["--rebuild-every", str(rebuilt)] if rebuilt else [])]
    with harness.counted_runners() as runners:
        return _under_popcorn(through, options, [str(program), *arguments], stdin, runners)


def plain(program: Path, arguments: Sequence[str], stdin: Path = NOTHING, through: Sequence[str] = ()) -> bytes:
    """The output of the host compiler's program."""
    with stdin.open("rb") as given:
        return subprocess.run(
            [*through, program, *arguments], stdin=given, stdout=subprocess.PIPE, check=True, timeout=60
        ).stdout


def _under_popcorn(
    through: Sequence[str], options: list[str], words: list[str], stdin: Path, runners: harness.Runners
) -> bytes:
    command = [*through, *harness.popcorn(), "run", *options, *words]
    with stdin.open("rb") as given:
        out = harness.run_bytes(command, TIMEOUT, given, runners.environment)
    assert out.status == 0 and not out.stderr, (
        f"status {out.status}: {out.stderr[-2000:].decode()}\n{' '.join(command)}"
    )
    return out.stdout
