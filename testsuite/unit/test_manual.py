"""The manual pages: fresh, complete, well-formed, and of options that popcc really takes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from popcc.answers import CLANG_VERSION, LLVM_VERSION, MUSL_VERSION, version
from popcc.cc_options import parse
from popcc.frontend import wheel
from popcc.manual.pages import popcc_page, popcorn_page
from popcc.option_table import Option, all_options, help_text
from popcc.runtime.popcorn.cli import cli

MAN = Path(__file__).resolve().parents[2] / "man"
PAGES = {"popcc": popcc_page, "popcorn": popcorn_page}


def rendered(page: Path) -> str:
    """As a reader sees it, on one line, without hyphens of the layout."""
    command = ["groff", "-man", "-Tutf8", "-P-cbou", "-rHY=0", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not done.stderr
    return " ".join(done.stdout.split())


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_fresh(name: str) -> None:
    assert (MAN / f"{name}.1").read_text() == PAGES[name](), "run python -m popcc.manual"


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_well_formed(name: str) -> None:
    done = subprocess.run(["groff", "-man", "-ww", "-z", MAN / f"{name}.1"], capture_output=True, text=True, check=True)
    assert not done.stderr
    # without a date a page does not change by itself
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", MAN / f"{name}.1"], capture_output=True, text=True)
    complaints = [x for x in lint.stdout.splitlines() if "missing date" not in x]
    assert not complaints


def test_popccs_page_says_what_the_help_says() -> None:
    page, shown = rendered(MAN / "popcc.1"), " ".join(help_text().split())
    for option in all_options():
        assert f"{option.shown} " in shown and f" {option.shown} " in page
        text = " ".join(option.text.split())
        assert text in shown and text in page, option


def test_popcorns_page_says_what_its_help_says() -> None:
    page = rendered(MAN / "popcorn.1")
    for name, command in cli.commands.items():
        part = page[page.index(f"popcorn {name} popcorn {name} ") :]
        with click.Context(command, info_name=name, parent=click.Context(cli, info_name="popcorn")) as context:
            shown = command.get_help(context)
        for option in re.findall(r"^  (?:-\w, )?(--[\w-]+)", shown, re.M):
            assert f"{option} " in part, (name, option)


def sample(option: Option) -> list[str]:
    value = (
        option.choices[0]
        if option.choices
        else "--gc-sections"
        if "linker" in option.text
        else "a:b" * bool(option.value)
    )
    return [option.name, value] if option.separate else [option.name + value]


@pytest.mark.parametrize("option", list(all_options()), ids=lambda o: o.shown)
def test_popcc_takes_every_option_of_its_help(option: Option) -> None:
    assert not parse([*sample(option), "main.c"]).warnings


def test_versions_are_those_of_the_wheels() -> None:
    from llvmlite import binding

    assert ".".join(map(str, binding.llvm_version_info[:2])) == LLVM_VERSION
    header = wheel() / "lib/libc/musl/src/internal/version.h"
    assert f'"{MUSL_VERSION}"' in header.read_text()
    assert all(f" {v}" in version() for v in (CLANG_VERSION, LLVM_VERSION, MUSL_VERSION))


def test_a_program_for_reading_finds_the_pages(tmp_path: Path) -> None:
    """As the wheel lays them down beside the commands, where man looks for a command of the path."""
    folder = tmp_path / "share" / "man" / "man1"
    folder.mkdir(parents=True)
    shutil.copy(MAN / "popcorn.1", folder)
    environment = {"MANPATH": str(tmp_path / "share" / "man"), "PATH": "/usr/bin:/bin", "MANWIDTH": "80"}
    done = subprocess.run(["man", "popcorn"], capture_output=True, text=True, env=environment, check=True)
    assert "popcorn migrate" in done.stdout
