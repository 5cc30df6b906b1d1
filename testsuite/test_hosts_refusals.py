"""What is wrong between hosts is said in one message, on both sides; programs go on, and nothing is left."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import harness
import pytest
from host_fixtures import Hosts, hosts, states
from machine_fixtures import heard_by_another_user, left_of
from popcorn_fixtures import HERE, PATIENCE, Running, built, eventually, needs_emulator, refused, started, succeeds

from popcc import __version__
from popcc.runtime.popcorn.machine.hosts import secure, words
from popcc.runtime.popcorn.machine.hosts.certificate import contexts
from popcc.runtime.popcorn.machine.hosts.keys import read_key

pytestmark = needs_emulator


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, program_folder: Path) -> Iterator[tuple[Hosts, Running]]:
    """Two hosts, and a program with a thread on each, which goes on whatever happens."""
    folder = tmp_path_factory.mktemp("h")
    team = built("team", program_folder)
    with hosts(folder, [f"a:{HERE}"], [f"b:{HERE}"]) as made:
        env = made.each[0].env
        run = [*harness.popcorn(), "run", "--machine", str(team)]
        with started(run, folder / "work", "round", env=env) as running:
            thread = max(int(t.name) for t in Path(f"/proc/{running.pid}/task").iterdir())
            succeeds("migrate", f"{running.pid}/{thread}", "b", env=env)
            yield made, running
            running.goes_on()
            made.all_up()
            running.end()


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of one host more; nothing is left in it."""
    folder = tmp_path / "apart"
    folder.mkdir()
    yield {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    eventually(lambda: not left_of(folder), "the end of all processes there")
    assert not list(folder.iterdir())


def join(address: str, key: Path, node: str = "n") -> list[object]:
    return ["machine", "up", "--join", address, "--key", key, "--node", f"{node}:{HERE}"]


def test_another_key(two: tuple[Hosts, Running], apart: dict[str, str], tmp_path: Path) -> None:
    made, _ = two
    succeeds("machine", "key", tmp_path / "other")
    text = refused(*join(made.address, tmp_path / "other"), env=apart)
    assert text == f"{made.address}: the other side has another key"
    eventually(lambda: "is not let in: the other side has another key" in made.log(0), "the first host to say so")


@pytest.mark.parametrize(
    ("node", "text"),
    [("a", "the machine has a node 'a' already, on host '"), ("b", "the machine has a node 'b' already, on host '")],
)
def test_a_name_that_is_taken(node: str, text: str, two: tuple[Hosts, Running], apart: dict[str, str]) -> None:
    made, _ = two
    assert refused(*join(made.address, made.key, node), env=apart).startswith(text)
    assert "does not join: the machine has a node" in made.log(0)


def test_too_many_nodes(two: tuple[Hosts, Running], apart: dict[str, str]) -> None:
    made, _ = two
    many = [word for n in range(15) for word in ("--node", f"n{n}:{HERE}")]
    text = refused("machine", "up", "--join", made.address, "--key", made.key, *many, env=apart)
    assert text == "a machine has at most 16 nodes; this one has no room for 'n14'"


def test_a_port_that_is_taken(two: tuple[Hosts, Running], apart: dict[str, str]) -> None:
    made, _ = two
    for address, why in (
        (made.address, "Address already in use"),
        ("192.0.2.1:7900", "Cannot assign requested address"),
        ("no.such.invalid:1", ""),
    ):
        text = refused("machine", "up", "--listen", address, "--key", made.key, "--node", HERE, env=apart)
        assert text.startswith(f"cannot listen at {address}: {why}")


def test_nobody_is_there(two: tuple[Hosts, Running], apart: dict[str, str]) -> None:
    made, _ = two
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    text = refused(*join(address, made.key), env=apart)
    assert text == f"cannot reach the machine at {address}: Connection refused"
    text = refused(*join("no.such.invalid:1", made.key), env=apart)
    assert text.startswith("cannot reach the machine at no.such.invalid:1: ") and not text.endswith(": ")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak as a machine's host does"),
        # OpenSSL's words for it, or those of Debian's Python 3.11.2
        (b"", r"does not speak as a machine's host does \((unexpected eof while reading|.* closed \(EOF\).*)\)"),
    ],
    ids=["another server", "hangs up"],
)
def test_somebody_else_is_there(answer: bytes, text: str, two: tuple[Hosts, Running], apart: dict[str, str]) -> None:
    made, _ = two
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        command = [*harness.popcorn(), *map(str, join(address, made.key))]
        process = subprocess.Popen(command, env=apart, stderr=subprocess.PIPE, text=True)
        connection, _ = other.accept()
        with connection:
            connection.recv(1)
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1 and said.startswith("popcorn: error: ") and said.count("\n") == 1
    assert re.search(text, said) and address in said


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", bytes(5000), b"\x16\x03\x01\x02\x00\x01", b""])
def test_garbage_at_the_port(data: bytes, two: tuple[Hosts, Running]) -> None:
    made, running = two
    host, _, port = made.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        where = "{}:{}".format(*connection.getsockname())
        with suppress(OSError):  # it may have hung up before it has all of that
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
    eventually(lambda: f"{where} is not let in: " in made.log(0), "the gate to say so")
    running.goes_on()


def speaks(made: Hosts, work: Callable[[secure.Secure], Awaitable[None]], greets: bool = True) -> None:
    """A peer that has the key, and says what it wants."""

    async def converse() -> None:
        connection = await secure.dial(made.address, contexts(read_key(made.key)))
        try:
            async with asyncio.timeout(PATIENCE):
                if greets:
                    await words.greet(connection, "it")
                await work(connection)
        finally:
            connection.close()

    asyncio.run(converse())


def test_another_version(two: tuple[Hosts, Running]) -> None:
    """Each side hears which popcc the other has."""
    made, _ = two

    async def older(connection: secure.Secure) -> None:
        assert await words.hear(connection) == words.ours()
        await words.tell(connection, words.ours() | {"hosts": words.VERSION + 1, "popcc": "0.0.9"})
        with pytest.raises(secure.Broken):
            await words.hear(connection)

    speaks(made, older, greets=False)
    expected = f"has popcc 0.0.9 (protocol {words.VERSION + 1}."
    eventually(lambda: expected in made.log(0) and f"this host popcc {__version__} (protocol" in made.log(0), "the log")


@pytest.mark.parametrize(
    "said",
    [
        {}, {"for": "cake"}, {"for": "join"}, {"for": "join", "host": "h", "nodes": [["x"]]},
        {"for": "join", "host": "h", "nodes": [["a/b", HERE, "native"]]}, {"for": "join", "host": 7, "nodes": []},
        {"for": "again", "token": "no"}, {"for": "ask", "token": None}, {"for": "answer", "call": []},
        {"for": "resume", "stream": "no"},
    ],
    ids=lambda said: str(said.get("for", "nothing")),
)  # fmt: skip
def test_a_peer_with_the_key_that_speaks_nonsense(said: words.Words, two: tuple[Hosts, Running]) -> None:
    made, running = two

    async def nonsense(connection: secure.Secure) -> None:
        await words.tell(connection, said)
        with pytest.raises(secure.Broken):  # an answer may come before
            while True:
                await connection.some(4096)

    speaks(made, nonsense)
    running.goes_on()
    assert {n["name"] for n in made.each[0].nodes()} == {"a", "b"}
    assert "Traceback" not in made.log(0)


def test_a_member_that_speaks_nonsense_is_lost(two: tuple[Hosts, Running]) -> None:
    made, running = two

    async def joins(connection: secure.Secure) -> None:
        await words.tell(connection, {"for": "join", "host": "odd", "nodes": [["x", HERE, "native"]]})
        assert (await words.hear(connection))["member"] > 1
        await connection.send(b"\xff" * 100)
        with pytest.raises(secure.Broken):
            while True:
                await connection.some(4096)

    speaks(made, joins)
    eventually(lambda: "host 'odd' is lost" in made.log(0), "the host to be given up")
    running.goes_on()

    # the others forget it when the name is wanted: it must not stand in the way of what follows
    async def leaves(connection: secure.Secure) -> None:
        await words.tell(connection, {"for": "join", "host": "odd", "nodes": [["x", HERE, "native"]]})
        await words.hear(connection)
        await words.tell(connection, {"leave": True})

    speaks(made, leaves)
    eventually(lambda: set(states(made.each[1])) == {"a", "b"}, "it to leave")


def test_a_host_that_is_gone_before_its_nodes_are_up_was_never_there(two: tuple[Hosts, Running]) -> None:
    made, _ = two

    async def joins(connection: secure.Secure) -> None:
        await words.tell(connection, {"for": "join", "host": "brief", "nodes": [["x", HERE, "native"]]})
        assert (await words.hear(connection))["member"] > 1

    speaks(made, joins)
    eventually(lambda: "host 'brief' leaves" in made.log(0), "the host to leave")
    eventually(lambda: set(states(made.each[0])) == {"a", "b"}, "the machine to be as it was")


def test_strangers_keep_nobody_out(two: tuple[Hosts, Running], apart: dict[str, str]) -> None:
    """As many connections as are let wait for a handshake, and more."""
    made, _ = two
    host, _, port = made.address.rpartition(":")
    strangers = [socket.create_connection((host, int(port))) for _ in range(40)]
    succeeds(*join(made.address, made.key), env=apart)
    succeeds("machine", "down", env=apart)
    for each in strangers:
        each.close()


def test_programs_begin_on_their_own_host(two: tuple[Hosts, Running], program_folder: Path) -> None:
    made, _ = two
    text = refused("run", "--machine", "--node", "b", built("ticks", program_folder), env=made.each[0].env)
    assert text.startswith("node 'b' is on host '") and text.endswith(
        "'; start the program there, or here and migrate it"
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--listen", "h:1", "--join", "h:1", "--key", "k"], "--listen and --join can't both be given"),
        (["--listen", "h:1"], "need the key that all hosts have: --key FILE; popcorn machine key FILE makes one"),
        (["--join", "h:1"], "need the key that all hosts have: --key FILE; popcorn machine key FILE makes one"),
        (["--key", "k"], "--key is for --listen and --join; give one of them"),
        (["--join", "h", "--key", "k"], "'h' is not an address, for example 192.0.2.7:7900 or host.example:7900"),
        (["--listen", "h:1", "--key", "k", "--latency", "1ms"], "--latency and --bandwidth emulate wires on one host"),
    ],
)
def test_a_command_line_that_is_wrong(options: list[str], text: str, apart: dict[str, str]) -> None:
    assert text in " ".join(refused("machine", "up", *options, status=2, env=apart).split())


def test_a_key_that_others_can_read(two: tuple[Hosts, Running], apart: dict[str, str], tmp_path: Path) -> None:
    made, _ = two
    key = tmp_path / "open"
    key.write_bytes(made.key.read_bytes())
    key.chmod(0o644)
    text = refused(*join(made.address, key), env=apart)
    assert text == f"others can read or write the key '{key}': chmod 600 it, or make another one"
    text = refused(*join(made.address, tmp_path / "none"), env=apart)
    assert text == f"there is no key '{tmp_path}/none'; make one: popcorn machine key {tmp_path}/none"
    assert refused(*join(made.address, key / "x"), env=apart) == f"cannot read the key '{key}/x': Not a directory"
    assert refused("machine", "key", key).startswith(f"'{key}' is there already; remove it")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
@pytest.mark.parametrize("name", ["1.far", "gate"])
def test_another_user_is_not_served(name: str, two: tuple[Hosts, Running]) -> None:
    """By the socket that stands for another host's node, and by the one of the gate itself."""
    made, _ = two
    address = made.each[0].machine.directory / name
    assert heard_by_another_user(address) == b""
    assert "of user 65534 is not served" in made.log(0)


@pytest.mark.parametrize("how", ["--listen", "--join"])
def test_an_interrupted_start_leaves_nothing(how: str, two: tuple[Hosts, Running], apart: dict[str, str]) -> None:
    made, _ = two
    address = made.address if how == "--join" else "127.0.0.1:0"
    for moment in (0.3, 0.6, 0.9, 1.3):
        command = [*harness.popcorn(), "machine", "up", how, address, "--key", str(made.key), "--node", f"n:{HERE}"]
        process = subprocess.Popen(command, env=apart, stdout=subprocess.DEVNULL)
        time.sleep(moment)  # the test is of any moment
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        if process.wait(PATIENCE) == 0:
            succeeds("machine", "down", env=apart)
        assert not list(Path(apart["XDG_RUNTIME_DIR"]).iterdir())
    eventually(lambda: set(states(made.each[0])) == {"a", "b"}, "the machine to be as it was")
