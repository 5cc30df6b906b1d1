"""Completion, asked of the shells themselves."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from popcc.completion import completion
from popcc.errors import PopccError
from popcc.isa import ISAS
from popcc.option_table import all_options

# Bash takes a line apart as readline does: at blanks, and at "=" and ":", which are words of their own.
ASK = """\
{script}
compopt() {{ :; }}
COMP_WORDS=({words}) COMP_CWORD={last} COMP_LINE={line} COMP_POINT={point}
{function} {command} "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def asked(script: str, function: str, line: str, cwd: Path) -> set[str]:
    """What bash offers behind `line`."""
    words: list[str] = []
    for word in line.split(" "):
        name, equals, value = word.partition("=")
        words += [w for w in (name, equals, value) if w] if equals else [word]
    text = ASK.format(script=script, function=function, command=words[0], last=len(words) - 1, point=len(line),
                      words=" ".join(map(shlex.quote, words)), line=shlex.quote(line))  # fmt: skip
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, cwd=cwd, env=env, check=True)
    assert not done.stderr
    return set(done.stdout.split())


def popcc(line: str, cwd: Path) -> set[str]:
    return asked(completion("bash"), "_popcc", f"popcc {line}", cwd)


def test_popccs_options(tmp_path: Path) -> None:
    offered = popcc("-", tmp_path)
    assert {o.name for o in all_options() if o.name != "-O"} <= offered
    assert popcc("-O", tmp_path) == {f"-O{level}" for level in "0123szg"}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("--isa=", set(ISAS)),
        ("--isa=a", {"aarch64"}),
        ("--isa=aarch64,r", {"aarch64,riscv64"}),
        ("--migration-points=f", {"functions"}),
        ("-c --print-completion=z", {"zsh"}),
        ("-x c-", {"c-header"}),
        ("-I h", {"headers"}),
        ("-Ih", {"-Iheaders"}),
        ("-o h", {"headers", "hello.c"}),
        ("-O2 h", {"headers", "hello.c"}),
        ("-fsy", {"-fsyntax-only"}),
        ("-std=c9", {"c99"}),
    ],
)
def test_popccs_values(line: str, offered: set[str], tmp_path: Path) -> None:
    (tmp_path / "headers").mkdir()
    (tmp_path / "hello.c").touch()
    assert popcc(line, tmp_path) == offered


def popcorn(line: str, cwd: Path) -> set[str]:
    script = subprocess.run(
        [sys.executable, "-m", "popcc.runtime.popcorn.cli", "completion", "bash"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return asked(script, "_popcorn_completion", f"popcorn {line}", cwd)


def test_popcorns_commands_and_isas(tmp_path: Path) -> None:
    assert popcorn("mig", tmp_path) == {"migrate"}
    assert popcorn("migrate 1 --to ", tmp_path) == set(ISAS)
    assert popcorn("run --at 1s:a", tmp_path) == {"1s:aarch64"}
    assert popcorn("completion ", tmp_path) == {"bash", "zsh", "fish"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("command", ["popcc", "popcorn"])
def test_each_shell_takes_the_scripts(shell: str, command: str, tmp_path: Path) -> None:
    question = ["-m", "popcc.driver", f"--print-completion={shell}"]
    if command == "popcorn":
        question = ["-m", "popcc.runtime.popcorn.cli", "completion", shell]
    script = subprocess.run([sys.executable, *question], capture_output=True, text=True, check=True).stdout
    (tmp_path / command).write_text(script)
    load = "autoload -U compinit; compinit -D -u;" if shell == "zsh" else ""
    done = subprocess.run(
        [shell, "-c", f"{load} source {tmp_path / command}"], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_another_shell_is_refused() -> None:
    with pytest.raises(PopccError, match="there is no completion for 'csh'; known are bash, zsh, fish"):
        completion("csh")
