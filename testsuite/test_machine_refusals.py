"""What is wrong is said in one message, and the nodes of the machine go on."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine_fixtures import Emulated, attach, heard, heard_by_another_user, machine, tell
from msgspec.structs import replace
from popcorn_fixtures import HERE, OTHERS, THERE, built, copied, eventually, needs_emulator, refused, succeeds

from popcc.linker.program import extract_isa
from popcc.runtime.popcorn.machine.protocol import request
from popcc.schema.machines import MACHINE_VERSION, MachineOp
from popcc.schema.requests import Status

pytestmark = needs_emulator


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    """A node of the host's ISA, and one of another."""
    with machine(tmp_path_factory.mktemp("m"), "--node", f"a:{HERE}", "--node", f"b:{THERE}") as made:
        yield made
        with made.connection() as connection:
            assert tell(connection, request(MachineOp.NODES)).reply.status == Status.DONE
        assert made.states() == ["up", "up"] and not any(n["replicas"] for n in made.nodes())


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """An environment without machines; nothing is left in it."""
    return {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--name", "a/b"], "'a/b' can't be the name of a machine: letters, digits"),
        (["--name", "7"], "'7' can't be the name of a machine"),
        (["--node", f"7:{HERE}"], "'7' can't be the name of a node"),
        (["--node", f"n:{HERE}", "--node", f"n:{THERE}"], "two nodes are called 'n'; give them names: --node"),
        (["--node", f"{HERE}:{THERE}"], f"a node of {THERE} can't be called '{HERE}', which is another ISA"),
        ([a for n in range(17) for a in ("--node", f"n{n}:{HERE}")], "a machine has at most 16 nodes, not 17"),
    ],
)  # fmt: skip
def test_a_machine_that_cannot_be(options: list[str], text: str, nowhere: dict[str, str], tmp_path: Path) -> None:
    assert refused("machine", "up", *options, env=nowhere).startswith(text)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--node", "n:vax"], "unknown ISA 'vax'"),
        (["--node", "n"], "unknown ISA 'n'"),
        (["--latency", "20"], "'20' is not a latency, for example 20us"),
        (["--latency", "61s"], "a latency of '61s' is more than a minute"),
        (["--bandwidth", "0Gbit"], "'0Gbit' is not a bandwidth, for example 10Gbit"),
        (["--bandwidth", "-1"], "'-1' is not a bandwidth, for example 10Gbit"),
    ],
)
def test_a_command_line_that_is_wrong(options: list[str], text: str, nowhere: dict[str, str]) -> None:
    said = refused("machine", "up", *options, status=2, env=nowhere)
    assert text in " ".join(said.split())


def test_an_emulator_that_is_missing(nowhere: dict[str, str], tmp_path: Path) -> None:
    text = refused("machine", "up", "--node", THERE, env=nowhere | {"PATH": "/nowhere"})
    assert text.startswith(f"qemu-{THERE}-static is needed to run {THERE} programs here")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_others_can_enter(nowhere: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "popcorn").mkdir(mode=0o755)
    text = f"'{tmp_path}/popcorn' is not a folder that only you can enter; remove it, or set XDG_RUNTIME_DIR"
    assert refused("machine", "up", env=nowhere) == text
    (tmp_path / "popcorn").rmdir()
    (tmp_path / "popcorn").write_text("")
    assert refused("machine", "up", env=nowhere) == f"cannot make '{tmp_path}/popcorn': File exists"
    (tmp_path / "popcorn").unlink()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "popcorn").symlink_to("elsewhere")
    assert refused("machine", "up", env=nowhere) == text


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    folder = tmp_path / ("n" * 90)
    folder.mkdir()
    text = refused("machine", "up", env={**os.environ, "XDG_RUNTIME_DIR": str(folder)})
    assert "is too long for a socket's name; choose a shorter" in text and not list(folder.iterdir())


def test_a_node_that_does_not_start(nowhere: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "asyncio.py").write_text("raise SystemExit('no such luck')\n")
    text = refused("machine", "up", env=nowhere | {"PYTHONPATH": str(tmp_path)})
    assert text == f"node '{HERE}' did not start: no such luck"
    (tmp_path / "asyncio.py").unlink()
    assert {p.name for p in tmp_path.iterdir()} <= {"__pycache__"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be nobody as well")
def test_a_folder_that_cannot_be_made(tmp_path: Path, nowhere: dict[str, str]) -> None:
    (tmp_path / "file").write_text("")
    tmp_path.chmod(0o555)
    env = nowhere | {"XDG_RUNTIME_DIR": "/proc"}
    assert refused("machine", "up", env=env).startswith("cannot make '/proc/popcorn': ")


def test_a_description_that_is_damaged(tmp_path: Path) -> None:
    with machine(tmp_path, "--node", HERE) as made:
        description = made.machine.directory / "machine.json"
        before = json.loads(description.read_text())
        description.write_text("{")
        text = refused("nodes", env=made.env)
        assert text.startswith(f"{description}: is damaged") and "popcorn machine down --name default" in text
        description.write_text(json.dumps(before | {"version": 99}))
        assert (
            refused("nodes", env=made.env)
            == f"{description}: made by another popcorn; put the machine down with that one"
        )


def test_runs_that_cannot_be(shared: Emulated, program_folder: Path, tmp_path: Path) -> None:
    program = built("ticks", program_folder)
    env = shared.env
    text = refused("run", "--machine", "--node", "c", program, env=env)
    assert text == f"machine 'default' has no node 'c'; its nodes are a ({HERE}), b ({THERE})"
    assert refused("run", "--machine=x", program, env=env).startswith(
        "there is no machine 'x'; start it: popcorn machine"
    )
    assert "a node has its ISA" in refused("run", "--machine", "--on", THERE, program, status=2, env=env)
    alone = tmp_path / "alone"
    alone.write_bytes(extract_isa(program, OTHERS[-1]))
    text = refused("run", "--machine", alone, env=env)
    assert text == f"{alone}: no node of machine 'default' has an ISA of the program's: {OTHERS[-1]}"


def test_what_a_node_refuses(shared: Emulated, program_folder: Path, tmp_path: Path) -> None:
    program = built("ticks", program_folder)
    alone = tmp_path / "alone"
    alone.write_bytes(extract_isa(program, HERE))
    text = tmp_path / "text"
    text.write_text("no program")
    damaged = copied("ticks", program_folder, tmp_path / "damaged")
    data = bytearray(damaged.read_bytes())
    data[0x2000:0x2100] = bytes(0x100)
    damaged.write_bytes(data)
    asked = attach(program, 1)

    def refusal(changed: object, file: Path | None) -> str:
        assert isinstance(changed, type(asked))
        told = tell(connection, replace(changed, text_bytes=len(os.fsencode(file)) if file else 0), file)
        assert told.reply.status == Status.REFUSED and told.link is None
        return told.words

    with shared.connection() as connection:  # one refusal after the other, on one connection
        assert refusal(replace(asked, node=2), program) == "the machine has no node 2, only 0, 1"
        assert refusal(asked, None) == "no program file came along"
        assert refusal(replace(asked, op=77), None) == "node 'a' knows no request 77"
        assert refusal(replace(asked, build_id=bytes(20)), program) == (
            f"{program}: is another build than the process that runs; it can't go to node 'b'"
        )
        assert refusal(asked, alone) == f"{alone}: has no executable for node 'b' ({THERE}), only for {HERE}"
        assert refusal(asked, text) == f"{text}: not a program that popcc linked (not an ELF file)"
        assert str(damaged) in refusal(replace(asked, node=0), damaged)
        assert "/proc/" not in refusal(replace(asked, node=0), damaged)
        assert tell(connection, request(MachineOp.NODES)).reply.status == Status.DONE
    assert f"only for {HERE}" in shared.machine.nodes[1].log.read_text()


def test_an_executable_that_the_kernel_refuses(shared: Emulated, program_folder: Path, tmp_path: Path) -> None:
    program = copied("ticks", program_folder, tmp_path / "ticks")
    program.chmod(0o644)
    with shared.connection() as connection:
        told = tell(connection, attach(program, 0), program)
    assert told.words == f"cannot start '{program}' on node 'a': Permission denied"


def test_another_version_of_the_protocol(shared: Emulated) -> None:
    with shared.connection() as connection:
        told = tell(connection, replace(request(MachineOp.NODES), version=MACHINE_VERSION + 1))
        assert told.reply.status == Status.REFUSED
        expected = f"the program speaks version {MACHINE_VERSION + 1} with its node, which speaks {MACHINE_VERSION}"
        assert told.words == expected and closed(connection)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(100),
        replace(request(MachineOp.NODES), text_bytes=0xFFFFFFFF).pack(),
        struct.pack("<I", 0x48434D50),
        request(MachineOp.NODES).pack()[:-1],
        b"",
    ],
    ids=["http", "zeros", "text", "half", "most", "nothing"],
)
def test_garbage_ends_the_connection(data: bytes, shared: Emulated) -> None:
    with shared.connection() as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        assert closed(connection)


def closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_descriptors_that_nobody_asked_for_are_closed(shared: Emulated, program_folder: Path) -> None:
    program = built("ticks", program_folder)
    folder = Path(f"/proc/{shared.pid(0)}/fd")
    before = len(list(folder.iterdir()))
    for data in (request(MachineOp.NODES).pack(), b"garbage!", request(MachineOp.NODES).pack()[:20]):
        with shared.connection() as connection, program.open("rb") as file:
            socket.send_fds(connection, [data], [file.fileno()] * 3)
            connection.shutdown(socket.SHUT_WR)
            while not closed(connection):
                pass
    with shared.connection() as connection:
        tell(connection, attach(program, 7), program)
    eventually(lambda: len(list(folder.iterdir())) <= before, "the node to close them")


def test_many_at_once(shared: Emulated) -> None:
    connections = [shared.connection(n % 2) for n in range(100)]
    for connection in connections:
        connection.sendall(request(MachineOp.NODES).pack())
    assert all(heard(c).reply.status == Status.DONE for c in connections)
    for connection in connections:
        connection.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
def test_another_user_is_not_served(shared: Emulated) -> None:
    assert heard_by_another_user(shared.machine.nodes[0].socket) == b""
    assert "of user 65534 is not served" in shared.machine.nodes[0].log.read_text()
    assert succeeds("nodes", env=shared.env)
