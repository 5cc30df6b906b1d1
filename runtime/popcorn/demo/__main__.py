"""Compiles a C program, starts it on this machine, moves it to every other ISA and back, and compares its output."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from popcc.isa import ISAS
from popcc.runtime.popcorn.hosts import host_isa
from popcc.temporary import temporary_folder

SOURCE = Path(__file__).with_name("demo.c")
POPCC = [sys.executable, "-m", "popcc.driver"]
POPCORN = [sys.executable, "-m", "popcc.runtime.popcorn.cli"]


def run(*command: str) -> str:
    """Shows a command as a user would type it, runs it, returns what it printed; ends the demo if it fails."""
    shown = " ".join(command).replace(" ".join(POPCC), "popcc").replace(" ".join(POPCORN), "popcorn")
    print(f"$ {shown}", flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"demo: '{shown}' failed with status {done.returncode}")
    return done.stdout


def moved(program: Path, output: Path) -> tuple[str, float]:
    """The program's output when it is moved around all ISAs, and how long it ran, in seconds."""
    here = host_isa().name
    begin = time.monotonic()
    with output.open("w") as out:
        print(f"$ {program} > {output} &", flush=True)
        process = subprocess.Popen([program], stdout=out)
    try:
        time.sleep(0.15)
        for isa in (*(name for name in ISAS if name != here), here):
            before = time.monotonic()
            run(*POPCORN, "migrate", str(process.pid), "--to", isa)
            print(f"  now on {isa}, {1000 * (time.monotonic() - before):.0f} ms after the command was given")
            print("".join(f"  {line}\n" for line in run(*POPCORN, "ps").splitlines()), end="")
            time.sleep(0.4)
        status = process.wait()
    finally:
        process.kill()
        process.wait()
    if status:
        sys.exit(f"demo: the moved program ended with status {status}")
    return output.read_text(), time.monotonic() - begin


def main() -> None:
    """The demo."""
    with temporary_folder("popcc-demo-") as folder:
        program = folder / "demo"
        run(*POPCC, "-O2", str(SOURCE), "-o", str(program), "-lm")
        begin = time.monotonic()
        still = run(str(program))
        print(f"  unmoved: {time.monotonic() - begin:.1f} s, {len(still.splitlines())} lines of output")
        travelled, seconds = moved(program, folder / "output")
        print(f"  moved: {seconds:.1f} s")
        if travelled != still:
            sys.exit("demo: the outputs DIFFER")
        print("".join(f"  | {line}\n" for line in travelled.splitlines()), end="")
        print("The output of the moved program is the same, byte for byte.")


if __name__ == "__main__":
    main()
