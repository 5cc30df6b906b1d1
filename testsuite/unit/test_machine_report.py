"""What programs say of their nodes, threads and pages, and what popcorn shows of it and asks for."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from popcc.errors import PopccError
from popcc.isa import ISAS
from popcc.runtime.popcorn import actions, processes, request, watching
from popcc.runtime.popcorn.cli import cli
from popcc.runtime.popcorn.hosts import host_isa
from popcc.runtime.popcorn.machine import moving, places, report, state, top
from popcc.runtime.popcorn.machine.interconnect import Interconnect
from popcc.runtime.popcorn.machine.places import Object, Places
from popcc.runtime.popcorn.machine.report import PageLine, ReplicaLine, ThreadLine
from popcc.runtime.popcorn.processes import Process
from popcc.runtime.popcorn.request import Answer
from popcc.schema.requests import Op

HERE = host_isa().name
WORDS = """\
node 0 1 x86_64 home 120 7
node 1 0 aarch64 up 30 41
future 1 2 3
thread 4713 1 waiting a worker of many
thread 4711 0 running main
thread 4714 1 running
page 0x403000 12 90 88 1 0
page 0x1000002000 3 4 0 1
page 0x404000 12 90 89
counter messages 1234
"""


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Process:
    """One in a machine of nodes `far` and `near`, that answers WORDS; what it was asked is in `asked`."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    planned = state.plan("m", [("far", HERE), ("near", HERE)], Interconnect())
    planned.directory.mkdir(parents=True)
    state.write_machine(planned)
    found = Process(4711, HERE, False, os.getuid(), None, "./prog x", str(planned.nodes[1].socket))
    for module in (watching, moving, top):
        monkeypatch.setattr(module, "find_process", lambda pid: replace(found, pid=pid))
    for module in (watching, top):
        monkeypatch.setattr(
            module, "all_processes", lambda: [found, *(replace(found, pid=2, socket=s) for s in ("", "/gone"))]
        )
    monkeypatch.setattr(request.Conversation, "__init__", lambda self, process: None)
    monkeypatch.setattr(request.Conversation, "__exit__", lambda *_: None)
    monkeypatch.setattr(request.Conversation, "ask", lambda *_, **__: Answer(1, 1, 1, 0, 0.0, 0.0, WORDS))
    monkeypatch.setattr(places, "program_of", no_program)
    return found


def no_program(process: Process) -> None:
    raise PopccError("the program file is not known")


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def rows(*words: str) -> list[list[str]]:
    done = run(*words)
    assert done.exit_code == 0, done
    return [line.split("\t") for line in done.output.splitlines()]


def refusal(*words: str) -> str:
    done = run(*words)
    assert isinstance(done.exception, PopccError), done.output
    return str(done.exception)


def test_lines_of_all_kinds() -> None:
    said = report.parse(WORDS, {0: "far", 1: "near"})
    assert said.replicas == (ReplicaLine(0, 1, "x86_64", "home", 120, 7), ReplicaLine(1, 0, "aarch64", "up", 30, 41))
    assert said.threads[1:] == (
        ThreadLine(4713, 1, "waiting", "a worker of many"), ThreadLine(4714, 1, "running", ""),
    )  # fmt: skip
    assert said.pages[0] == PageLine(0x403000, 12, 90, 88, (1, 0)) and said.pages[2].writers == ()
    assert said.counters == {"messages": 1234}
    assert [said.node(n) for n in (0, 1, 2)] == ["near", "far", "[2]"]
    assert report.parse(WORDS).node(0) == "[1]"
    assert report.parse("") == report.Report()


@pytest.mark.parametrize(
    "line",
    [
        "node 0 1 x86_64 home 120",
        "node a 1 x86_64 home 1 2",
        "thread",
        "thread 1 2",
        "page 0xg 1 2 3",
        "counter x",
    ],
)
def test_lines_that_make_no_sense(line: str) -> None:
    with pytest.raises(PopccError, match="answer has a line that makes no sense: " + line):
        report.parse(f"counter a 1\n{line}\n")


def test_what_lies_on_a_page() -> None:
    known = Places(
        [Object(0x2ff0, 0x3010, "crosses"), Object(0x3010, 0x3014, "__a"), Object(0x3010, 0x3014, "a"),
         Object(0x3ffc, 0x4000, "b"), Object(0x4000, 0x9000, "large"), Object(0x9000, 0x9004, "c")]
    )  # fmt: skip
    pages = {0x2000: ["crosses"], 0x3000: ["crosses", "a", "b"], 0x8000: ["large"], 0x9000: ["c"], 0xA000: []}
    assert {page: known.on_page(page) for page in pages} == pages
    assert places.text(0x3000, ["a", "b"]) == "a, b"
    assert places.text(places.GIVEN + 4096, []) == "memory got at run time" and places.text(0x1000, []) == "?"
    assert Places(()).on_page(0x1000) == []


def test_ps_shows_nodes_and_threads(process: Process) -> None:
    assert [row[4] for row in rows("ps")] == ["near", "-", "-"]
    shown = json.loads(run("ps", "--json").output)
    assert [(p["machine"], p["node"]) for p in shown] == [("m", "near"), (None, None), (None, None)]
    threads = [
        ["4711", "4711", "near", "running", "main"], ["4711", "4713", "far", "waiting", "a worker of many"],
        ["4711", "4714", "far", "running", ""],
    ]  # fmt: skip
    assert rows("ps", "4711") == rows("ps", "--threads") == threads
    (shown,) = json.loads(run("ps", "--threads", "--json").output)
    assert shown["nodes"][1] == {"number": 1, "node": "far", "isa": "aarch64", "link": "up", "pages": 30, "faults": 41}
    assert shown["threads"][0] == {"tid": 4711, "node": "near", "state": "running", "name": "main"}
    assert shown["counters"] == {"messages": 1234} and shown["machine"] == "m"


def test_one_that_does_not_answer(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: Any, **__: Any) -> Answer:
        raise PopccError("process 4711 is busy")

    monkeypatch.setattr(request.Conversation, "ask", ask)
    assert refusal("ps", "4711") == "process 4711 is busy"
    done = run("ps", "--threads", "--json")
    assert done.exit_code == 0 and "popcorn: warning: process 4711 is busy" in done.output
    assert rows("top", "--once") == [["4711", "error", "process 4711 is busy"]]


def test_faults_are_shown_with_their_symbols(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rows("faults", "4711") == [
        ["0x404000", "12", "90", "89", "", "?"],
        ["0x403000", "12", "90", "88", "far near", "?"],
        ["0x1000002000", "3", "4", "0", "far", "memory got at run time"],
    ]
    known = Places([Object(0x403010, 0x403018, "left"), Object(0x403018, 0x403020, "right")])
    monkeypatch.setattr(places, "places_of", lambda process: known)
    assert rows("faults", "4711")[1][-1] == "left, right"
    assert json.loads(run("faults", "4711", "--json").output)[1] == {
        "address": "0x403000", "reads": 12, "writes": 90, "bounces": 88, "writers": ["far", "near"],
        "symbols": ["left", "right"],
    }  # fmt: skip


def test_top_once(process: Process) -> None:
    assert rows("top", "--once") == [
        ["4711", "node", "near", "x86_64", "home", "120", "7", "1"],
        ["4711", "node", "far", "aarch64", "up", "30", "41", "2"],
        ["4711", "thread", "4711", "near", "running", "main"],
        ["4711", "thread", "4713", "far", "waiting", "a worker of many"],
        ["4711", "thread", "4714", "far", "running", ""],
    ]
    assert json.loads(run("top", "--json", "5").output)[0]["pid"] == 5
    assert refusal("top") == "standard output is not a terminal; use 'popcorn top --once'"


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["4711", "near"], {"thread": 0, "node": 1}),  # where it is at home
        (["4711/4713", "near"], {"thread": 4713, "node": 1}),
        (["4711/4713", "1"], {"thread": 4713, "node": 1}),
        (["4711/4713", "--to", "far"], {"thread": 4713, "node": 0}),
    ],
)
def test_migrate_asks_for_a_node(
    words: list[str], asked: dict[str, int], process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def ask(self: request.Conversation, op: Op, **more: int) -> Answer:
        seen.append((op, more))
        return Answer(1, 1, 1, 0, 0.0, 0.0)

    monkeypatch.setattr(request.Conversation, "ask", ask)
    assert run("migrate", *words).exit_code == 0
    assert seen == [(Op.THREAD, asked)]


def test_a_node_comes_before_an_isa(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[tuple[str, str]] = []

    def move(pid: int, isa: str, program: Path | None, node: str = "") -> Answer:
        moved.append((isa, node))
        return Answer(1, 1, 1, 0, 0.0, 0.0)

    monkeypatch.setattr(actions, "migrate", move)
    other = next(isa for isa in ISAS if isa != HERE)
    assert run("migrate", "4711", other).exit_code == 0 and moved == [(other, "")]  # no node is called so
    planned = state.plan("m", [(HERE, HERE), ("near", HERE)], Interconnect())
    state.write_machine(planned)
    assert refusal("migrate", "4711", HERE) == f"node '{HERE}' is down; see {planned.nodes[0].log}"
    monkeypatch.setattr(moving, "needs_up", lambda node: None)
    assert run("migrate", "4711", HERE).exit_code == 0 and moved[1:] == [(HERE, str(planned.nodes[0].socket))]
    assert refusal("migrate", "4711/2", other).startswith("a thread alone goes to a node of its machine")


def test_moves_that_cannot_be(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        refusal("migrate", "4711", "near2")
        == f"machine 'm' has no node 'near2'; its nodes are far ({HERE}), near ({HERE})"
    )
    for path in (state.base() / "m").iterdir():
        path.unlink()
    assert refusal("migrate", "4711", "far") == "the machine that process 4711 was started in is gone"
    monkeypatch.setattr(moving, "find_process", lambda pid: replace(process, socket=""))
    text = refusal("migrate", "4711", "far")
    assert text.startswith("process 4711 is not in a machine, so it has no node 'far' to go to, only ISAs: x86_64")
    for what in ("0", "x", "1/", "1/0", "1/2/3", "1/4294967296"):
        done = run("migrate", what, "far")
        assert done.exit_code == 2 and "is not a pid, or a pid and a thread's number" in " ".join(done.output.split())
    for more in ([], ["far", "--to", "far"]):
        done = run("migrate", "4711", *more)
        assert done.exit_code == 2 and "give one place to go to" in done.output


def test_the_screen_of_top(process: Process) -> None:
    from rich.console import Console

    watched = top._Watched()
    said = report.parse(WORDS, {0: "far", 1: "near"})
    watched.last[4711] = (process, said, "")
    watched.heard[4711] = 0.0
    later = replace(said, replicas=tuple(replace(r, faults=r.faults + 10**9) for r in said.replicas))
    watched._take(process, later, "")
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(top._screen(watched.seen(), watched.rates))
    shown = console.export_text()
    assert "4711  ./prog x" in shown and "a worker of many" in shown and "FAULTS/S" in shown
    assert all(rate > 0 for rate in watched.rates.values()) and len(watched.rates) == 2
    console.print(top._screen([], {}))
    assert "no program runs in a machine" in console.export_text()


def test_replicas_are_no_processes_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def examine(proc: Path, uid: int) -> None:
        raise processes._IsReplica

    monkeypatch.setattr(processes, "_examine", examine)
    with pytest.raises(PopccError, match="is only a node's part of another process; name that one"):
        processes.find_process(os.getpid())
    assert processes.all_processes() == []
