"""The popcorn command: programs that popcc linked, run, moved, written to files and looked at."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import click

from popcc import __version__
from popcc.errors import PopccError
from popcc.interrupts import Interrupts, end_by
from popcc.isa import isa_named
from popcc.linker.program import read_program
from popcc.linker.verify.report import verify_program
from popcc.runtime.popcorn import actions, complete, maps, show, watching
from popcc.runtime.popcorn.hosts import host_isa
from popcc.runtime.popcorn.image import read_image
from popcc.runtime.popcorn.launch import find_program, prepare
from popcc.runtime.popcorn.machine import commands, moving, running
from popcc.runtime.popcorn.machine.state import DEFAULT, find_machine
from popcc.runtime.popcorn.oci import write_image
from popcc.runtime.popcorn.options import json_option, program_option
from popcc.runtime.popcorn.output import print_json, print_table, print_text, say, size_text
from popcc.runtime.popcorn.processes import find_process
from popcc.runtime.popcorn.run import Move, parse_move, run_with_moves, self_moves

_POSITIVE = click.IntRange(min=1)
_COUNT = click.IntRange(1, 2**63 - 1)  # the runtime counts in 64 bits


def _isa(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    try:
        return isa_named(value).name if value is not None else None
    except PopccError as e:
        raise click.BadParameter(str(e)) from None


def _moves(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[Move, ...]:
    try:
        return tuple(parse_move(v) for v in values)
    except (ValueError, PopccError) as e:
        raise click.BadParameter(str(e)) from None


def _what(ctx: click.Context, param: click.Parameter, value: str) -> moving.What:
    try:
        return moving.parse_what(value)
    except PopccError as e:
        raise click.BadParameter(str(e)) from None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="popcorn")
def cli() -> None:
    """Move running programs that popcc linked from one ISA to another.

    \b
    Examples:
      popcorn run ./program                      run it here
      popcorn run --on aarch64 ./program         run it on another ISA (under qemu-user if need be)
      popcorn ps                                 which programs can be moved
      popcorn migrate 4711 --to aarch64          move one while it runs
      popcorn checkpoint 4711 -o image           write one to a file, and end it
      popcorn restore image --on aarch64         go on from the file, on any ISA
      popcorn machine up                         emulate a machine, whose nodes have different ISAs
    """


class _Run(click.Command):
    """--machine takes a name or none."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        valued = {o for p in self.params if isinstance(p, click.Option) and not p.is_flag for o in p.opts}
        return super().parse_args(ctx, running.with_machine_named(args, valued))


@cli.command(cls=_Run, context_settings={"allow_interspersed_args": False})
@click.option(
    "--on",
    "isa",
    metavar="ISA",
    callback=_isa,
    shell_complete=complete.isas,
    help="ISA to start on; this machine's unless given.",
)
@click.option(
    "--rebuild-every", type=_COUNT, metavar="N", help="Rebuild the stack in place at every Nth migration point."
)
@click.option("--move-every", type=_COUNT, metavar="N", help="Move to the next ISA at every Nth migration point.")
@click.option(
    "--roam-every",
    type=_COUNT,
    metavar="N",
    help="Each thread to a random node of --machine at every Nth of its points.",
)
@click.option(
    "--at",
    "moves",
    callback=_moves,
    multiple=True,
    metavar="TIME:ISA",
    shell_complete=complete.moves,
    help="Move to ISA TIME after the start; repeatable.",
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of what --rebuild-every and --roam-every do.")
@click.option(
    "--machine",
    metavar="[NAME]",
    shell_complete=complete.machines,
    help="Run it on a node of a machine, 'default' unless named; its threads can go to the others.",
)
@click.option(
    "--node",
    metavar="NODE",
    shell_complete=complete.nodes,
    help="The node of the machine to start on; the first of this machine's ISA unless given.",
)
@click.argument("program", shell_complete=complete.files)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, shell_complete=complete.files)
def run(
    isa: str | None, rebuild_every: int | None, move_every: int | None, roam_every: int | None, moves: tuple[Move, ...],
    seed: int | None, machine: str | None, node: str | None, program: str, arguments: tuple[str, ...],
) -> None:  # fmt: skip
    """Run PROGRAM with ARGUMENTS. The exit status is the program's, 128 + N if signal N ended it.

    \b
    Examples:
      popcorn run --at 1s:aarch64 --at 2s:x86_64 ./program input
      popcorn run --move-every 1000 ./program
      popcorn run --machine --node aarch64 ./program input
      popcorn run --machine --roam-every 1000 ./program
    """
    info = read_program(find_program(program))
    extra = self_moves(rebuild_every, move_every, roam_every, seed)
    if roam_every is not None and machine is None and node is None:
        raise click.UsageError("--roam-every needs a machine whose nodes threads go to; add --machine")
    if machine is not None or node is not None:
        if isa is not None:
            raise click.UsageError("--on can't be given with a machine: a node has its ISA; name one with --node")
        origin = running.origin(find_machine(machine or DEFAULT), node, info)
        isa, extra = origin.isa, extra | running.environment(origin)
    launch = prepare(info, isa or host_isa().name, arguments, extra)
    if not moves:
        launch.exec()
    sys.exit(run_with_moves(launch, moves))


@cli.command()
@click.argument("what", metavar="PID[/TID]", callback=_what, shell_complete=complete.pids)
@click.argument("node", required=False, shell_complete=complete.targets)
@click.option("--to", "isa", metavar="ISA", shell_complete=complete.targets, help="ISA to move to; or a node, as NODE.")
@program_option
def migrate(what: moving.What, node: str | None, isa: str | None, program: Path | None) -> None:
    """Move the running program PID, or its thread TID, to NODE of its machine; or the program to another ISA.

    It keeps its pid, files, terminal and parent. NODE is a name or a number; if it is an ISA's name and no node's, the
    program changes its ISA and stays where it is. To a node of another host go all its threads; its kernel stays here.

    \b
    Examples:
      popcorn migrate 4711 --to aarch64
      popcorn migrate 4711 second                all of it goes to the node called second
      popcorn migrate 4711/4713 1                thread 4713 goes to node 1
    """
    to = node or isa
    if to is None or (node and isa):
        raise click.UsageError("give one place to go to: NODE, or --to ISA")
    answer = moving.migrate(what, to, program)
    say(f"{what} runs on {to}: {answer.threads} threads, {answer.frames} frames, {answer.took * 1000:.0f} ms")


@cli.command()
@click.argument("pid", type=_POSITIVE, shell_complete=complete.pids)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The image file.")
@click.option("--leave-running", is_flag=True, help="The program goes on; otherwise it ends when the image is safe.")
def checkpoint(pid: int, output: Path, leave_running: bool) -> None:
    """Write the running program PID to a file, from which it can go on on any ISA.

    \b
    Example:
      popcorn checkpoint 4711 -o image && popcorn restore image --on aarch64
    """
    answer = actions.checkpoint(pid, output, leave_running)
    say(f"{output}: {answer.threads} threads, {answer.frames} frames, {size_text(answer.image_bytes)}")


@cli.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "--on",
    "isa",
    metavar="ISA",
    callback=_isa,
    shell_complete=complete.isas,
    help="ISA to go on on; this machine's unless given.",
)
@program_option
def restore(image: Path, isa: str | None, program: Path | None) -> None:
    """Go on from an image, as this process.

    Its open files are opened again where they were. Standard streams that were terminals, pipes or the like are
    those given here.

    \b
    Example:
      popcorn restore image --on aarch64
    """
    actions.restore(image, isa, program).exec()


@cli.command()
@click.argument("what", metavar="IMAGE|PID", shell_complete=complete.images_and_pids)
@program_option
@json_option
def inspect(what: str, program: Path | None, as_json: bool) -> None:
    """Show what an image, or a running program, holds: frames by function and line, live values, files.

    \b
    Examples:
      popcorn inspect image
      popcorn inspect 4711 --json
    """
    path = Path(what)
    image = actions.snapshot(find_process(int(what))) if what.isdigit() and not path.exists() else read_image(path)
    try:
        meta = actions.program_of_image(image, program).metadata
    except PopccError as e:
        if program:
            raise
        click.echo(f"popcorn: warning: without names: {e}", err=True)
        meta = None
    if as_json:
        print_json(show.image_json(image, meta))
    else:
        print_text("\n".join(show.image_lines(image, meta)))


@cli.command()
@click.argument("program", shell_complete=complete.files)
@click.argument("function", required=False, shell_complete=complete.functions)
@json_option
def sites(program: str, function: str | None, as_json: bool) -> None:
    """Show the functions of PROGRAM that can be on the stack while it moves; of one FUNCTION, code and maps.

    \b
    Columns in a pipe, tab-separated: function, file, tier, sites, live values.
    Examples:
      popcorn sites ./program
      popcorn sites ./program main
    """
    info = read_program(find_program(program))
    if function:
        found = maps.listings(info, function)
        if as_json:
            print_json([maps.listing_json(f, info.metadata) for f in found])
        else:
            print_text("\n\n".join("\n".join(maps.listing_lines(f, info.metadata)) for f in found))
        return
    all_ = show.program_json(info)
    if as_json:
        print_json(all_)
        return
    rows = [(f["name"], f["file"], f["tier"], f["sites"], f["values"]) for f in all_["functions"]]
    print_table(("FUNCTION", "FILE", "TIER", "SITES", "VALUES"), rows)


@cli.command()
@click.argument("program", shell_complete=complete.files)
@json_option
def verify(program: str, as_json: bool) -> None:
    """Prove the site maps of PROGRAM from its machine code, for each ISA; the exit status is 1 if that fails.

    \b
    Proved of every site: what is live behind the call is described, and is on every path where the map says.
    Example:
      popcorn verify ./program
    """
    info = read_program(find_program(program))
    say(f"{info.path}: proving {len(info.metadata.sites)} sites")
    failed = False
    results = []
    for result in verify_program(info):
        failed |= bool(result.findings)
        results.append(maps.result_json(result, info.metadata))
        if not as_json:
            print_text("\n".join(maps.result_lines(result, info.metadata)))
    if as_json:
        print_json({"program": str(info.path), "build_id": info.build_id, "isas": results})
    sys.exit(1 if failed else 0)


@cli.command()
@click.argument("program", shell_complete=complete.files)
@click.option(
    "--isa", required=True, metavar="ISA", callback=_isa, shell_complete=complete.isas, help="ISA to extract."
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="File to write.")
def extract(program: str, isa: str, output: Path) -> None:
    """Write the executable of one ISA out of PROGRAM.

    \b
    Example:
      popcorn extract ./program --isa aarch64 -o program.aarch64
    """
    data = read_program(find_program(program)).executable(isa)
    try:
        output.write_bytes(data)
        output.chmod(0o755)
    except OSError as e:
        raise PopccError(f"cannot write '{output}': {e.strerror}") from None


@cli.command(context_settings={"allow_interspersed_args": False})
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Directory to make.")
@click.option("--tag", default="latest", show_default=True, help="What the image is called in the layout.")
@json_option
@click.argument("program", shell_complete=complete.files)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, shell_complete=complete.files)
def image(output: Path, tag: str, as_json: bool, program: str, arguments: tuple[str, ...]) -> None:
    """Make a container image of PROGRAM: an OCI layout that holds, for each ISA, its executable.

    Containers run PROGRAM with ARGUMENTS unless they are given others.

    \b
    Examples:
      popcorn image -o hello.oci ./hello
      skopeo copy --all oci:hello.oci:latest docker://registry.example/hello:1.0
    """
    made = write_image(read_program(find_program(program)), output, tag, arguments)
    if as_json:
        platforms = list(made.platforms)
        print_json({"path": str(made.path), "tag": made.tag, "digest": made.digest, "platforms": platforms})
    else:
        say(f"{made.path}:{made.tag}: {', '.join(made.platforms)}")


@cli.command()
@click.argument("shell", type=click.Choice(complete.SHELLS))
def completion(shell: str) -> None:
    """Print the script by which SHELL completes popcorn's commands, options, pids, ISAs and functions.

    \b
    Examples:
      eval "$(popcorn completion bash)"                          in ~/.bashrc
      popcorn completion zsh > "${fpath[1]}/_popcorn"
      popcorn completion fish > ~/.config/fish/completions/popcorn.fish
    """
    click.echo(complete.script(cli, shell))


for command in (commands.machine, commands.nodes, watching.ps, watching.top_command, watching.faults):
    cli.add_command(command)


def main(interrupts: Interrupts | None = None) -> NoReturn:
    """The command: every error is one message, Ctrl-C and closed pipes end quietly.

    `interrupts` are those that were ready before this module was imported.
    """
    interrupts = interrupts or Interrupts()
    try:
        cli.main(prog_name="popcorn", standalone_mode=False)
        sys.exit(0)
    except PopccError as e:
        interrupts.end_if_any()
        for line in str(e).splitlines():
            click.echo(f"popcorn: error: {line}", err=True)
        sys.exit(1)
    except click.UsageError as e:
        e.show()
        sys.exit(2)
    except click.ClickException as e:
        click.echo(f"popcorn: error: {e.format_message()}", err=True)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        end_by(interrupts.signal or signal.SIGINT)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except OSError as e:
        if e.filename is not None or e.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
            raise
        click.echo(f"popcorn: error: cannot write to standard output: {e.strerror}", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python writes what is left when it ends
        sys.exit(1)


if __name__ == "__main__":
    main()
