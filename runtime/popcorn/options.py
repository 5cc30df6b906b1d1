"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
program_option = click.option(
    "--program", type=click.Path(path_type=Path), help="The program file, if it is no longer where it was."
)
