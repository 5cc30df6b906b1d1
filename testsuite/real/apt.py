"""Which archive this system's apt takes Debian from, by its own configuration: no host is named in this repository."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ETC = Path("/etc/apt")


@dataclass(frozen=True)
class Archive:
    """One archive and suite of apt's sources."""

    uri: str
    suite: str
    components: tuple[str, ...]


def archives(etc: Path = ETC) -> list[Archive]:
    """All that are enabled, from files of both formats, in apt's order."""
    found: list[Archive] = []
    for file in (etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))):
        if file.is_file() and file.suffix in (".list", ".sources"):
            text = file.read_text(errors="replace")
            found += _lines(text) if file.suffix == ".list" else _stanzas(text)
    return found


def uri_of(suite: str, etc: Path = ETC) -> str:
    """Where `suite`'s main component comes from. Raises `RuntimeError` that names what is there instead."""
    known = archives(etc)
    fitting = [a.uri for a in known if a.suite == suite and "main" in a.components]
    if not fitting:
        others = ", ".join(dict.fromkeys(a.suite for a in known)) or "nothing"
        raise RuntimeError(f"apt's sources in {etc} have no Debian {suite} main, only {others}")
    # other publishers name their suites after Debian's too, but their archive's path isn't a mirror's
    return next((uri for uri in fitting if uri.rstrip("/").endswith("/debian")), fitting[0])


def _lines(text: str) -> Iterator[Archive]:
    """``deb [options] URI SUITE COMPONENT...``"""
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words or words[0] not in ("deb", "deb-src"):
            continue
        del words[0]
        if words and words[0].startswith("["):
            end = next((i for i, w in enumerate(words) if w.endswith("]")), len(words))
            del words[: end + 1]
        if len(words) >= 2:
            yield Archive(words[0], words[1], tuple(words[2:]))


def _stanzas(text: str) -> Iterator[Archive]:
    """``URIs:``, ``Suites:`` and ``Components:``, each with any number of words; a blank line ends a stanza."""
    fields: dict[str, str] = {}
    name = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t") and line.strip():
            fields[name] = f"{fields.get(name, '')} {line.strip()}"
        elif line.strip():
            name, _, value = line.partition(":")
            name = name.lower()
            fields[name] = value.strip()
        else:
            if fields.get("enabled", "yes").lower() not in ("no", "false", "0", "off"):
                for uri in fields.get("uris", "").split():
                    for suite in fields.get("suites", "").split():
                        yield Archive(uri, suite, tuple(fields.get("components", "").split()))
            fields = {}
