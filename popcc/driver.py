"""The `popcc` command: a C compiler's command line, carried out phase by phase.

Modules that compile and link are imported when their phase begins: a configure script runs the compiler
hundreds of times to ask for its version or to preprocess, and neither needs LLVM.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from msgspec.structs import replace

from popcc import toolchain
from popcc.cc_options import Action, Input, Kind, Options, parse
from popcc.collector import collector_off
from popcc.errors import ErrorGroup, PopccError
from popcc.interrupts import Interrupts, end_by, held

if TYPE_CHECKING:
    from popcc.compile_options import CompileOptions
    from popcc.linker.inputs import Input as LinkInput
    from popcc.native import Body
    from popcc.unit import Unit


def main() -> NoReturn:
    """Entry point of the command."""
    interrupts = Interrupts()
    try:
        status = run(sys.argv[1:], interrupts)
    except KeyboardInterrupt:
        end_by(interrupts.signal or signal.SIGINT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = 1
    except Exception:
        interrupts.end_if_any()  # children that the signal ended, too, may be missed before it is noticed here
        raise
    sys.exit(status)


def run(arguments: Sequence[str], interrupts: Interrupts | None = None) -> int:
    """Carry out a command line; returns the exit status."""
    from popcc.frontend import FrontEndError

    try:
        return _run(parse(arguments))
    except BrokenPipeError:
        raise
    except OSError as error:  # no room for temporary files, say
        _report(PopccError(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)))
        return 1
    except PopccError as error:
        if interrupts:  # an error that only says that a child was stopped together with us is none
            interrupts.end_if_any()
        if not isinstance(error, FrontEndError):
            _report(error)
            return 1
        if error.status < 0:
            print(f"popcc: error: the front end was killed by signal {-error.status}", file=sys.stderr)
        return error.status if error.status >= 0 else 128 - error.status


def _run(options: Options) -> int:
    for warning in options.warnings:
        print(f"popcc: warning: {warning}", file=sys.stderr)
    if options.warnings and options.linker.fatal_warnings and options.action is Action.LINK:
        raise PopccError("warnings are errors here (--fatal-warnings)")

    # Questions.
    if options.print_request or (options.verbose and not options.inputs):
        from popcc.answers import answer, version
        from popcc.outputs import write_output

        if options.print_request:
            write_output("-", answer(options).encode("utf-8", "surrogateescape"))
        else:
            print(version(), end="", file=sys.stderr)
        return 0

    # The command line as a whole. From here on every file that was named exists.
    _check_inputs(options)
    isas = toolchain.chosen_isas(options.isas)
    if options.dry_run or options.verbose:
        _show_commands(options, isas)
        if options.dry_run:
            return 0

    # What clang does alone.
    if options.action is Action.PREPROCESS:
        return _front_end_alone(options)

    # Python tries the directory for temporary files with a file, which a signal just then would leave there.
    with held():
        tempfile.gettempdir()

    # Sources to units, kept in the order of the command line.
    if options.action is Action.ASSEMBLY:
        _write_assembly(options, isas)
        return 0
    units = _compile_all(options, isas)
    if options.sites_report:
        from popcc.outputs import write_output
        from popcc.sites_report import sites_report

        write_output("-", sites_report(list(units.values())).encode("utf-8", "surrogateescape"))

    # Units to files.
    if options.action is Action.OBJECT:
        _write_objects(options, isas, units)
    elif options.action is Action.RELOCATABLE:
        _write_relocatable(options, isas, units)
    else:
        _link(options, isas, units)
    return 0


def _check_inputs(options: Options) -> None:
    """Refuse what no phase could carry out, in clang's words."""
    if not options.inputs:
        raise PopccError("no input files")
    files = [i.name for i in options.inputs if i.kind is not Kind.LIBRARY and i.name != "-"]
    files += [file for _, file in options.bodies]
    missing = [name for name in files if not Path(name).exists()]
    if missing:
        raise ErrorGroup(PopccError(f"no such file or directory: '{name}'") for name in missing)
    sources = _sources(options)
    if options.bodies and len(sources) != 1:
        raise PopccError("-fpopcorn-asm needs exactly one source, whose functions the file has bodies for")
    if any(i.name == "-" and not i.language for i in sources) and options.action is not Action.PREPROCESS:
        raise PopccError("-E or -x required when input is from standard input")
    separate = options.action in (Action.ASSEMBLY, Action.OBJECT)
    if separate and options.output and len(sources) > 1:
        raise PopccError("cannot specify -o when generating multiple output files")
    if options.emit_llvm and options.action is not Action.ASSEMBLY:
        raise PopccError("-emit-llvm needs -S: popcc writes IR as text only")
    headers = [i for i in sources if (i.language or Path(i.name).suffix) in ("c-header", ".h")]
    if headers and options.action is not Action.PREPROCESS:
        name = headers[0].name
        raise PopccError(f"'{name}' is a header, and popcc makes no precompiled headers; give '-x c' to compile it")
    if separate:
        for i in options.inputs:
            if i.kind is Kind.LINKABLE:
                print(f"popcc: warning: {i.name}: linker input unused because linking not done", file=sys.stderr)


def _sources(options: Options) -> list[Input]:
    return [i for i in options.inputs if i.kind in (Kind.SOURCE, Kind.IR)]


def _default_output(source: Input, suffix: str) -> str:
    return "-" if source.name == "-" and suffix != ".o" else Path(source.name).with_suffix(suffix).name


def _front_end_flags(options: Options, source: Input | None) -> tuple[str, ...]:
    """The user's flags for clang, with the dependency file that the output's name implies."""
    if not options.dependencies or source is None:
        target = options.dependency_targets
        return (*options.front_end, *target)
    output = options.output
    named = output if output and output != "-" else _default_output(source, ".o")
    if options.action is Action.PREPROCESS:
        target_name = _default_output(source, ".o")
    else:
        target_name = named if options.action is not Action.LINK else _default_output(source, ".o")
    file = options.dependency_file or str(Path(named).with_suffix(".d"))
    target = options.dependency_targets or ("-MQ", target_name)
    bodies = (part for _, name in options.bodies for part in ("-Xclang", f"-fdepfile-entry={name}"))
    return (*options.front_end, options.dependencies, "-MF", file, *target, *bodies)


def _front_end_alone(options: Options) -> int:
    """-E, -M, -MM, -fsyntax-only: clang writes where it is told."""
    from popcc.frontend import SPEAKER

    status = 0
    for source in _sources(options):
        command = _front_end_command(options, source)
        run = subprocess.run([SPEAKER, *command[1:]], executable=command[0])
        status = status or (run.returncode if run.returncode >= 0 else 128 - run.returncode)
        if not status and options.bodies and "-E" in command:
            _mention_bodies(options)
    return status


def _mention_bodies(options: Options) -> None:
    """Line markers and digests of -fpopcorn-asm's files, by which compiler caches know what an object is made of."""
    import hashlib

    digests = {name: hashlib.sha1(Path(name).read_bytes()).hexdigest() for _, name in options.bodies}
    markers = "".join(f'# 1 "{name}"\n/* {digest} */\n' for name, digest in digests.items())
    if options.output and options.output != "-":
        with Path(options.output).open("a") as file:
            file.write(markers)
    else:
        print(markers, end="")


def _front_end_command(options: Options, source: Input) -> list[str]:
    from popcc.frontend import base_flags, clang

    only = {"-M", "-MM", "-fsyntax-only"} & set(options.front_end)
    command = [*clang(), *base_flags(toolchain.include_dirs()), *_front_end_flags(options, source)]
    command += [] if only else ["-E"]
    command += ["-MF", options.dependency_file] if options.dependency_file and not options.dependencies else []
    command += [f"-O{options.optimization}"]
    command += ["-v"] if options.verbose else []  # clang then lists where it looks for headers: meson reads that
    command += ["-o", options.output] if options.output else []
    command += ["-x", source.language] if source.language else []
    command += ["-fcolor-diagnostics"] if sys.stderr.isatty() else []
    return [*command, source.name]


def _compile_options(source: Input, options: Options, isas: tuple[str, ...]) -> CompileOptions:
    from popcc.compile_options import CompileOptions

    return CompileOptions(
        isas=isas,
        bodies=_bodies(options, isas),
        include_dirs=toolchain.include_dirs(),
        clang_flags=_front_end_flags(options, source),
        optimization=options.optimization,
        migration_points=options.migration_points,
        debug=options.debug,
        language=source.language,
    )


def _bodies(options: Options, isas: tuple[str, ...]) -> tuple[Body, ...]:
    if not options.bodies:
        return ()
    from popcc.isa import isa_named
    from popcc.native import Source, read_bodies

    sources = [Source(isa_named(isa).name, Path(file)) for isa, file in options.bodies]
    wanted = [s for s in sources if s.isa in isas]
    return read_bodies(wanted, options.front_end, toolchain.include_dirs(), options.optimization)


def _compile_all(options: Options, isas: tuple[str, ...]) -> dict[int, Unit]:
    """The units of the sources, by their places on the command line; several compile side by side."""
    from popcc.abreast import compilations

    if sys.stderr.isatty():  # which it is not where several compile
        options = replace(options, front_end=(*options.front_end, "-fcolor-diagnostics"))
    sources = {n: i for n, i in enumerate(options.inputs) if i.kind in (Kind.SOURCE, Kind.IR)}
    tasks = [partial(_compile, source, options, isas) for source in sources.values()]
    return dict(zip(sources, compilations(tasks), strict=True))


def _compile(source: Input, options: Options, isas: tuple[str, ...]) -> Unit:
    from popcc import compile as compiler

    settings = _compile_options(source, options, isas)
    path = Path(source.name)
    if source.kind is Kind.IR:
        return compiler.compile_ir(_ir_text(path), path, settings)
    return compiler.compile_source(path, settings)


def _ir_text(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        raise PopccError(f"{path}: not LLVM IR as text") from None
    except OSError as e:
        raise PopccError(f"cannot read '{path}': {e.strerror}") from None


def _write_assembly(options: Options, isas: tuple[str, ...]) -> None:
    """-S: the outer ISA's assembly, or with -emit-llvm the IR that all ISAs share."""
    from popcc import compile as compiler
    from popcc import frontend
    from popcc.generate import emit
    from popcc.isa import isa_named
    from popcc.outputs import write_output

    for source in _sources(options):
        settings = _compile_options(source, options, isas)
        path = Path(source.name)
        if source.kind is Kind.IR:
            ir = _ir_text(path)
        else:
            ir = frontend.to_ir(
                path, settings.clang_flags, settings.include_dirs, options.optimization, source.language
            )  # fmt: skip
        text = compiler.common_ir(ir, settings).text.encode("utf-8", "surrogateescape")
        if not options.emit_llvm:
            isa = isa_named(toolchain.outer_isa(isas))
            text = emit(text.decode("utf-8", "surrogateescape"), isa, settings, assembly=True)
        write_output(options.output or _default_output(source, ".ll" if options.emit_llvm else ".s"), text)


def _write_objects(options: Options, isas: tuple[str, ...], units: dict[int, Unit]) -> None:
    from popcc.linker.objects import write_object
    from popcc.outputs import write_output

    for number, unit in units.items():
        output = options.output or _default_output(options.inputs[number], ".o")
        write_output(output, write_object(unit, toolchain.outer_isa(isas)))


def _write_relocatable(options: Options, isas: tuple[str, ...], units: dict[int, Unit]) -> None:
    from popcc.linker.inputs import read_file
    from popcc.linker.objects import merge_objects, write_object
    from popcc.outputs import write_output

    outer = toolchain.outer_isa(isas)
    parts = []
    for number, item in enumerate(options.inputs):
        if item.kind is Kind.LIBRARY:
            raise PopccError(f"-l{item.name} cannot be given with -r; name the archive's objects")
        data = write_object(units[number], outer) if number in units else read_file(Path(item.name))
        parts.append((item.name, data))
    write_output(options.output or "a.out", merge_objects(parts, outer))


@collector_off()
def _link(options: Options, isas: tuple[str, ...], units: dict[int, Unit]) -> None:
    from popcc.cache import cache_dir
    from popcc.linker.inputs import LinkUnit, Objects, find_library, read_input
    from popcc.linker.link import LinkOptions, link
    from popcc.linker.verify.proved import Proved
    from popcc.outputs import write_output

    inputs: list[LinkInput] = []
    errors: list[PopccError] = []
    for number, item in enumerate(options.inputs):
        try:
            if number in units:
                inputs.append(Objects((LinkUnit(units[number], item.name),)))
            elif item.kind is Kind.LINKABLE:
                inputs.append(read_input(Path(item.name), item.whole_archive))
            elif not toolchain.is_standard(item.name, options.library_dirs):
                inputs.append(read_input(find_library(item.name, options.library_dirs), item.whole_archive))
        except PopccError as error:
            errors.append(error)
    if errors:
        raise ErrorGroup(errors)
    if options.standard_library:
        inputs += toolchain.standard_libraries(isas)
    flags = options.linker
    settings = LinkOptions(
        isas=isas,
        outer=toolchain.outer_isa(isas),
        entry=flags.entry,
        undefined=flags.undefined,
        symbols=flags.symbols,
        allow_duplicates=flags.allow_duplicates,
        keep_all=flags.keep_all,
        strip=flags.strip,
        verify=options.verify,
        proved=Proved(cache_dir() / "proofs"),
    )
    output = options.output or "a.out"
    linked = link(inputs, settings, Path(output).name)
    for problem in linked.unproved:
        print(f"popcc: warning: {problem}", file=sys.stderr)
    if flags.map_file:
        from popcc.linker.mapfile import map_text

        write_output(flags.map_file, map_text(linked).encode("utf-8", "surrogateescape"))
    write_output(output, linked.program, executable=True)


def _show_commands(options: Options, isas: tuple[str, ...]) -> None:
    """What -v and -### show: the phases as commands, on standard error."""
    from popcc.answers import version

    print(version(), end="", file=sys.stderr)
    for source in _sources(options):
        print(" " + shlex.join(_front_end_command(options, source)), file=sys.stderr)
        if options.action is not Action.PREPROCESS:
            points = f"--migration-points={options.migration_points}"
            print(f" [popcc passes, code for {', '.join(isas)}] {points} {source.name}", file=sys.stderr)
    if options.action is Action.LINK:
        names = [f"-l{i.name}" if i.kind is Kind.LIBRARY else i.name for i in options.inputs]
        output = options.output or "a.out"
        print(f" [popcc link for {', '.join(isas)}] -o {output} {shlex.join(names)}", file=sys.stderr)


def _report(error: PopccError) -> None:
    for single in error.errors if isinstance(error, ErrorGroup) else (error,):
        if isinstance(single, ErrorGroup):
            _report(single)
        else:
            print(f"popcc: error: {single}", file=sys.stderr)


if __name__ == "__main__":
    main()
