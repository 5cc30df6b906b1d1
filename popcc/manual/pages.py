"""The manual pages popcc(1) and popcorn(1): the table of popcc's options and click's commands, in man(7)'s markup."""

from __future__ import annotations

from inspect import cleandoc

import click

from popcc import __version__, option_table
from popcc.manual.roff import Page
from popcc.runtime.popcorn.cli import cli

_POPCC_ENVIRONMENT = (
    ("POPCC_CACHE", "where the C library is kept once it is built, and what was proved; ~/.cache/popcc unless set"),
    ("LIBRARY_PATH", "folders in which -l looks behind those of -L, with colons between"),
)
_POPCC_ABOUT = """\
popcc is used like any other cc. What it links is a static Linux program that carries an executable for each ISA; it
runs as it stands, and popcorn(1) moves it from one ISA to another while it runs. The first link builds the C library,
which takes minutes. Options of gcc and clang that say nothing about such programs are taken without a word, those that
can't be honoured are refused by name.
"""
_EXIT = "0, or 1 with a message on standard error; the front end's status where that found an error in the program."


def popcc_page() -> str:
    """popcc(1)."""
    page = Page("popcc", 1, option_table.ABOUT, __version__)
    page.section("SYNOPSIS")
    command, _, rest = option_table.USAGE.partition(" ")
    page.synopsis(command, rest)
    page.section("DESCRIPTION")
    page.paragraph(_POPCC_ABOUT)
    page.section("OPTIONS")
    for section in option_table.SECTIONS:
        page.subsection(section.title)
        for option in section.options:
            page.entry(option.name, f" {option.value}" if option.separate else option.value, option.text)
    page.section("ENVIRONMENT")
    for name, words in _POPCC_ENVIRONMENT:
        page.entry(name, "", words)
    page.section("EXIT STATUS")
    page.paragraph(_EXIT)
    page.section("EXAMPLES")
    for example in (*option_table.EXAMPLES, *option_table.BUILD_SYSTEMS):
        page.entry(example.command, "", example.text)
    page.section("SEE ALSO")
    page.paragraph("popcorn(1), clang(1), qemu-user(1)")
    return str(page)


def popcorn_page() -> str:
    """popcorn(1), with a part for each of its commands."""
    context = click.Context(cli, info_name="popcorn", **cli.context_settings)
    about, examples = _parts(cli)
    page = Page("popcorn", 1, "move running programs that popcc linked from one ISA to another", __version__)
    page.section("SYNOPSIS")
    page.synopsis("popcorn", " ".join(cli.collect_usage_pieces(context)))
    page.section("DESCRIPTION")
    for paragraph in about:
        page.paragraph(paragraph)
    page.section("OPTIONS")
    _options(page, cli, context)
    page.section("COMMANDS")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if command is not None and not command.hidden:
            _command(page, name, command, context)
    page.section("EXAMPLES")
    for example in examples:
        page.verbatim(example)
    page.section("EXIT STATUS")
    page.paragraph("0, 1 with a message when it could not be done, 2 for a command line that is wrong. A program that "
                   "was started or restored ends with its own status.")  # fmt: skip
    page.section("SEE ALSO")
    page.paragraph("popcc(1), core(5), qemu-user(1)")
    return str(page)


def _command(page: Page, name: str, command: click.Command, parent: click.Context) -> None:
    context = click.Context(command, info_name=name, parent=parent, **command.context_settings)
    paragraphs, examples = _parts(command)
    page.subsection(f"popcorn {name}")
    page.synopsis(f"popcorn {name}", " ".join(command.collect_usage_pieces(context)))
    for paragraph in paragraphs:
        page.paragraph(paragraph)
    _options(page, command, context)
    for example in examples:
        page.verbatim(example)
    if isinstance(command, click.Group):
        for part in command.list_commands(context):
            if (below := command.get_command(context, part)) is not None:
                _command(page, f"{name} {part}", below, parent)


def _options(page: Page, command: click.Command, context: click.Context) -> None:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is not None:
            names, words = record
            name, _, value = names.partition(" ")
            page.entry(name, f" {value}" if value else "", words)


def _parts(command: click.Command) -> tuple[list[str], list[list[str]]]:
    """Paragraphs of a command's help, and those with lines to be kept as they are: click marks them with a \\b."""
    running: list[str] = []
    kept: list[list[str]] = []
    for part in cleandoc(command.help or "").split("\n\n"):
        if part.startswith("\b\n"):
            kept.append(part.splitlines()[1:])
        else:
            running.append(part)
    return running, kept
