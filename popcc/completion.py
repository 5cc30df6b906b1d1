"""Scripts by which bash, zsh and fish complete popcc's command line, made from the table of its options.

All the shell needs is in the script: a key that is pressed starts no Python.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from popcc.errors import PopccError
from popcc.option_table import SHELLS, Option, all_options

# Which files a value can be; of others the shell knows nothing.
_FOLDERS = frozenset(("DIR",))
_FILES = frozenset(("FILE",))

_BASH = """\
# bash completion for popcc: eval "$(popcc --print-completion=bash)", or this file in a folder of completions
_popcc() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} before= name
    COMPREPLY=()
    # bash takes a word apart at each "=": the option is put together again
    if [[ $cur == = ]]; then
        prev=$prev= cur=
    elif [[ $prev == = ]] && ((COMP_CWORD > 1)); then
        prev=${{COMP_WORDS[COMP_CWORD-2]}}=
    else
        for name in {joined}; do
            if [[ $cur == "$name"* ]]; then
                prev=$name before=$name cur=${{cur#"$name"}}
                break
            fi
        done
    fi
    case $prev in
{cases}
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W {words} -- "$cur"))
        [[ ${{COMPREPLY[0]-}} == *[=,] ]] && compopt -o nospace
    else
        compopt -o filenames
        COMPREPLY=($(compgen -f -- "$cur"))
    fi
}}
complete -F _popcc popcc
"""

_BASH_CHOICES = """\
    {name})
        COMPREPLY=($(compgen -P "$before" -W {choices} -- "$cur"))
        return ;;"""

_BASH_SEVERAL = """\
    {name})
        local done=
        [[ $cur == *,* ]] && done=${{cur%,*}},
        COMPREPLY=($(compgen -P "$before$done" -W {choices} -- "${{cur##*,}}"))
        return ;;"""

_BASH_FILES = """\
    {name})
        compopt -o filenames
        COMPREPLY=($(compgen -P "$before" -{kind} -- "$cur"))
        return ;;"""

_BASH_NOTHING = """\
    {name})
        return ;;"""


def completion(shell: str) -> str:
    """The script for a shell. Raises `PopccError` when there is none."""
    make = _SHELLS.get(shell)
    if make is None:
        raise PopccError(f"there is no completion for '{shell}'; known are {', '.join(SHELLS)}")
    return make()


def _bash() -> str:
    folders = [o for o in all_options() if _either(o)]
    valued = [o for o in all_options() if o.value and (o.separate or o.name.endswith("=") or _either(o))]
    return _BASH.format(
        joined=" ".join(shlex.quote(o.name) for o in folders),
        cases="\n".join(_bash_case(o) for o in valued),
        words=shlex.quote(" ".join(_words())),
    )


def _either(option: Option) -> bool:
    """Whether the value is a folder that may follow at once or in the next argument."""
    return option.value in _FOLDERS and not option.separate


def _bash_case(option: Option) -> str:
    name = shlex.quote(option.name)
    if option.choices:
        form = _BASH_SEVERAL if option.several else _BASH_CHOICES
        return form.format(name=name, choices=shlex.quote(" ".join(option.choices)))
    if kind := "d" if option.value in _FOLDERS else "f" if option.value in _FILES else "":
        return _BASH_FILES.format(name=name, kind=kind)
    return _BASH_NOTHING.format(name=name)


def _words() -> list[str]:
    """What begins with "-": options, with values that follow at once where there are few."""
    words: list[str] = []
    for option in all_options():
        at_once = option.choices and not option.separate and not option.name.endswith("=")
        words += [option.name + c for c in option.choices] if at_once else [option.name]
    return words


def _zsh() -> str:
    specs = [_quoted(_zsh_spec(o)) for o in all_options()]
    head = "#compdef popcc\n# zsh completion for popcc: a file _popcc in a folder of $fpath\n"
    # evaluated instead of autoloaded, it has to be said for what it is
    tail = 'if [[ $funcstack[1] == _popcc ]]; then _popcc "$@"; else compdef _popcc popcc; fi\n'
    body = " \\\n        ".join(["_arguments", *specs, _quoted("*:file:_files")])
    return f"{head}_popcc() {{\n    {body}\n}}\n{tail}"


def _zsh_spec(option: Option) -> str:
    """name[text]:value:action; behind the name "-" says that the value follows at once, "+" that it may."""
    name, text = option.name.replace(":", "\\:"), re.sub(r"([\[\]:\\])", r"\\\1", option.text)
    if not option.value:
        return f"*{name}[{text}]"
    name += "+" if _either(option) else "" if option.separate else "-"
    if option.choices:
        words = " ".join(option.choices)
        action = f"_values -s , {option.value.partition(',')[0]} {words}" if option.several else f"({words})"
    elif option.value in _FOLDERS:
        action = "_files -/"
    else:
        action = "_files" if option.value in _FILES else " "
    return f"*{name}[{text}]:{option.value.replace(':', '')}:{action}"


def _fish() -> str:
    lines = ["# fish completion for popcc: popcc --print-completion=fish | source"]
    for option in all_options():
        long = option.name.startswith("--")
        words = ["complete", "-c", "popcc"]
        words += ["-l" if long else "-o", option.name.lstrip("-").rstrip("=")]
        words += ["-d", option.text]
        if option.value:
            words.append("-r" if option.value in _FOLDERS | _FILES else "-x")
        if option.choices:
            words += ["-a", " ".join(option.choices)]
        elif option.value in _FOLDERS:
            words += ["-a", "(__fish_complete_directories)"]
        lines.append(" ".join(_quoted(w) for w in words))
    return "\n".join(lines) + "\n"


def _quoted(word: str) -> str:
    """For zsh and fish alike: both take \\' apart from the string around it."""
    return shlex.quote(word) if "'" not in word else "'" + word.replace("\\", "\\\\").replace("'", "'\\''") + "'"


_SHELLS: dict[str, Callable[[], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
