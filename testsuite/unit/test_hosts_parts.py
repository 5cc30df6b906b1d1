"""Parts of machines of several hosts: keys, the list of nodes, what goes over, odd messages."""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path

import pytest
from hosts_pair import KEY, accepted, pair, run

from popcc import __version__
from popcc.errors import PopccError
from popcc.isa import ISAS
from popcc.runtime.popcorn.machine.channel import Asked, Garbage, link
from popcc.runtime.popcorn.machine.hosts import asking, carrier, passing, programs, secure, words
from popcc.runtime.popcorn.machine.hosts.address import parse_address
from popcc.runtime.popcorn.machine.hosts.certificate import contexts
from popcc.runtime.popcorn.machine.hosts.keys import make_key, read_key
from popcc.runtime.popcorn.machine.hosts.programs import Programs
from popcc.runtime.popcorn.machine.hosts.roster import Roster, Wanted, listed, wanted
from popcc.runtime.popcorn.machine.hosts.secure import Broken, Secure, WrongKey
from popcc.runtime.popcorn.machine.interconnect import Interconnect
from popcc.runtime.popcorn.machine.protocol import Answered, reply, request
from popcc.runtime.popcorn.machine.state import Hosts, Machine, Node
from popcc.schema.machines import MachineOp
from popcc.schema.requests import Status

ISA, OTHER = list(ISAS)[:2]


def test_keys(tmp_path: Path) -> None:
    path = tmp_path / "key"
    make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600 and len(read_key(path)) == 32
    make_key(tmp_path / "other")
    assert read_key(path) != read_key(tmp_path / "other")
    with pytest.raises(PopccError, match="is there already; remove it, or give another name"):
        make_key(path)
    with pytest.raises(PopccError, match="cannot write '/nowhere/key': No such file"):
        make_key(Path("/nowhere/key"))
    for text in ("", "x", "aGVsbG8=", "A" * 5000):
        (tmp_path / "odd").write_text(text)
        (tmp_path / "odd").chmod(0o600)
        with pytest.raises(PopccError, match="is not a key; make one: popcorn machine key FILE"):
            read_key(tmp_path / "odd")
    for mode in (0o640, 0o604, 0o620):
        path.chmod(mode)
        with pytest.raises(PopccError, match="others can read or write the key"):
            read_key(path)
    with pytest.raises(PopccError, match="there is no key '/nowhere/key'; make one: popcorn machine key"):
        read_key(Path("/nowhere/key"))
    os.mkfifo(tmp_path / "pipe", 0o600)
    writer = os.open(tmp_path / "pipe", os.O_RDWR)
    with pytest.raises(PopccError, match="pipe' is not a file"):
        read_key(tmp_path / "pipe")
    os.close(writer)


def test_a_key_that_does_not_fit_on_the_disk(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space"), (small_disk / "full").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with pytest.raises(PopccError, match=r"cannot write '.*': No space left"):
        make_key(small_disk / "key")
    assert [p.name for p in small_disk.iterdir()] == ["full"]


@pytest.mark.parametrize(
    ("text", "address"),
    [("h:1", ("h", 1)), (":7900", ("", 7900)), ("[::1]:80", ("::1", 80)), ("192.0.2.7:65535", ("192.0.2.7", 65535))],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "host", "host:", "host:port", "::1:80", "h:65536", "h:-1", "[::1]"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(PopccError, match="is not an address, for example 192"):
        parse_address(text)


def test_the_same_key_makes_the_same_certificate() -> None:
    assert contexts(KEY).certificate == contexts(KEY).certificate != contexts(bytes(32)).certificate
    assert contexts(KEY).server.minimum_version == contexts(KEY).client.minimum_version == ssl.TLSVersion.TLSv1_3


def test_connections_need_the_key_on_both_sides() -> None:
    async def work() -> None:
        async with pair() as (served, dialled):
            await dialled.send(b"hello")
            assert await served.exactly(5) == b"hello" and served.tls.version() == "TLSv1.3"
        with pytest.raises(WrongKey, match="the other side has another key"):
            async with pair(theirs=bytes(32)):
                raise AssertionError

    run(work())


def test_who_proves_nothing_is_heard_by_nobody() -> None:
    """A client that trusts any server, and shows no certificate."""

    async def work() -> None:
        with secure.listen("127.0.0.1:0") as listener:
            serving = asyncio.create_task(accepted(listener, KEY))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            host, port = parse_address(secure.address_of(listener))
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            with pytest.raises(WrongKey, match="the other side has another key"):
                await serving
            with pytest.raises(ssl.SSLError):
                await reader.read()
            writer.close()

    run(work())


def test_a_host_that_says_nothing() -> None:
    async def work() -> None:
        with secure.listen("127.0.0.1:0") as listener:
            address = secure.address_of(listener)
            with pytest.raises(PopccError, match=r"cannot reach the machine at .*: it does not answer within 0 s"):
                await secure.dial(address, contexts(KEY), 0.2)

    run(work())


def test_the_versions_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with pair() as (served, dialled):
            await asyncio.gather(words.greet(served, "it"), words.greet(dialled, "it"))
            other = {**words.ours(), "popcc": "99.0"}
            await words.tell(dialled, other)
            expected = f"it has popcc 99.0 .*, this host popcc {__version__} .*; install the same popcc on both"
            with pytest.raises(PopccError, match=expected):
                await words.greet(served, "it")

    run(work())


@pytest.mark.parametrize(
    "data",
    [b"\xff\xff\xff\xff", b"\5\0\0\0hello", b"\2\0\0\0[]", b"\1\0\0\0\xff"],
    ids=["long", "text", "list", "bytes"],
)
def test_odd_words(data: bytes) -> None:
    async def work() -> None:
        async with pair() as (served, dialled):
            await dialled.send(data)
            with pytest.raises(Garbage):
                await words.hear(served)

    run(work())


@pytest.mark.parametrize(
    "said",
    [{}, {"request": "zz", "text": "", "clocks": "", "isa": ""}, {"request": "00", "text": "", "clocks": "", "isa": ""},
     {"request": request(MachineOp.NODES).pack().hex(), "text": "", "clocks": 1, "isa": ISA},
     {"request": bytes(100).hex(), "text": "", "clocks": "", "isa": ISA}],
)  # fmt: skip
def test_odd_requests(said: words.Words) -> None:
    async def work() -> None:
        async with pair() as (served, dialled):
            await words.tell(dialled, said)
            with pytest.raises(Garbage):
                await asking.asked(served, Programs(print))

    run(work())


def test_executables_come_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    name = ("b" * 40, ISA)

    async def take(kept: Programs, size: object, data: bytes, digest: str) -> bytes:
        async with pair() as (served, dialled):
            taken = asyncio.create_task(programs.take(served, kept, name, "prog"))
            if (await words.hear(dialled))["need"]:
                await words.tell(dialled, {"size": size, "sha256": digest})
                await dialled.send(data)
            fd = await taken
            found = os.pread(fd, 100, 0)
            os.close(fd)
            return found

    async def work() -> None:
        kept = Programs(lambda text: None)
        good = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        with pytest.raises(PopccError, match="'prog' came damaged from the other host"):
            await take(kept, 5, b"hullo", good)
        for size in (0, -1, "5", programs.MOST + 1):
            with pytest.raises(Garbage, match="of no size, or of too large a one"):
                await take(kept, size, b"", good)
        assert await take(kept, 5, b"hello", good) == b"hello"
        assert await take(kept, 0, b"", "") == b"hello"  # it is kept

    run(work())
    monkeypatch.setattr(programs, "MOST", 8)
    kept = Programs(print)
    for n in range(5):
        fd = os.memfd_create("x")
        os.write(fd, b"1234")
        kept.keep((str(n), ISA), fd)
        os.close(fd)
    found = [kept.get((str(n), ISA)) for n in range(5)]
    assert [fd is not None for fd in found] == [False] * 3 + [True] * 2
    for kept_fd in found[3:]:
        assert kept_fd is not None
        os.close(kept_fd)


def test_nodes_have_names_and_numbers_of_their_own() -> None:
    roster = Roster()
    roster.join(0, "h0", [Wanted("a", ISA, "native"), Wanted("b", ISA, "native")])
    roster.join(1, "h1", [Wanted("c", ISA, "native")])
    with pytest.raises(PopccError, match="the machine has a node 'b' already, on host 'h0'; give yours another name"):
        roster.join(2, "h2", [Wanted("d", ISA, "native"), Wanted("b", ISA, "native")])
    with pytest.raises(PopccError, match="can't be called"):
        roster.join(2, "h2", [Wanted(OTHER, ISA, "native")])
    assert sorted(roster.nodes) == [0, 1, 2]
    roster.mark(1, [2, 0])
    assert [n.up for n in roster.nodes.values()] == [False, False, True]
    roster.leave(1)
    roster.join(2, "h2", [Wanted("d", ISA, "native"), Wanted("c", ISA, "native")])
    assert {n.name: n.number for n in roster.nodes.values()} == {"a": 0, "b": 1, "d": 2, "c": 3}
    assert listed(roster.json()) == list(roster.nodes.values())


def test_lost_nodes_make_room() -> None:
    """First for one of the same name, else only when there is no other number."""
    roster = Roster()
    roster.join(1, "h1", [Wanted(n, ISA, "native") for n in "xyz"])
    roster.lose(1)
    assert [n.name for n in roster.nodes.values() if not n.up] == ["x", "y", "z"]
    roster.join(2, "h2", [Wanted("new", ISA, "native"), Wanted("y", ISA, "emulated")])
    assert {n.name: n.number for n in roster.nodes.values()} == {"x": 0, "y": 1, "z": 2, "new": 3}
    roster.join(3, "h3", [Wanted(f"n{n}", ISA, "native") for n in range(14)])
    assert len(roster.nodes) == 16 and not {"x", "z"} & {n.name for n in roster.nodes.values()}
    with pytest.raises(PopccError, match="has at most 16 nodes; this one has no room for 'more'"):
        roster.join(4, "h4", [Wanted("more", ISA, "native")])


@pytest.mark.parametrize(
    "said", [None, 1, [[]], [["a"]], [["a", "vax", "native"]], [[1, ISA, "native"]], [["a", ISA, "x"]] * 2, ["abcd"]]
)
def test_odd_nodes_of_a_host(said: object) -> None:
    with pytest.raises(Garbage):
        wanted(said)
    with pytest.raises(Garbage):
        listed(said)


def test_what_an_odd_host_says_of_nodes() -> None:
    good = {"number": 0, "name": "a", "isa": ISA, "how": "native", "member": 1, "host": "h", "up": True}
    assert listed([good])[0].name == "a"
    for odd in (
        {"number": 16},
        {"number": "0"},
        {"name": "a/b"},
        {"isa": "vax"},
        {"up": 1},
        {"more": 1},
        {"host": None},
    ):
        with pytest.raises(Garbage):
            listed([good | odd])


def test_an_executable_that_is_not_in_the_program(tmp_path: Path) -> None:
    asked = Asked(request(MachineOp.ATTACH), b"prog", None)
    with pytest.raises(PopccError, match="no program file came along"):
        programs.executable(asked, ISA, "n")
    with Path("/dev/null").open("rb") as file, pytest.raises(PopccError, match="prog: not a program that popcc linked"):
        programs.executable(Asked(asked.request, b"prog", file.fileno()), ISA, "n")


def test_the_grace_is_that_of_the_documents() -> None:
    text = (Path(__file__).resolve().parents[2] / "ARCHITECTURE.md").read_text()
    assert passing.GRACE == 10 and "made again within ten seconds" in text
    assert issubclass(Broken, OSError)


class Gatelike(passing.Gate):
    """A gate that nobody has joined."""

    async def reach(self, node: Node) -> Secure:
        raise Broken(0, "no wire")

    def again(self, stream: str) -> carrier.Again:
        raise AssertionError

    def member_of(self, node: Node) -> int:
        return 1

    async def presence(self) -> None:
        raise AssertionError


def test_what_a_gate_cannot_pass_on(tmp_path: Path) -> None:
    there = Node(3, "there", ISA, tmp_path / "3.far", host="second")
    machine = Machine("m", tmp_path, (there,), Interconnect(), Hosts(True, "h:1"))

    async def work() -> None:
        gate = Gatelike(machine, contexts(KEY))
        far = asking.Far(Asked(request(MachineOp.NODES), b"", None), "")
        with pytest.raises(PopccError, match="the machine has no node 2 any more"):
            await gate.ask(2, far)
        with pytest.raises(PopccError, match="node 'there' on host 'second' can't be reached: no wire"):
            await gate.ask(3, far)
        with pytest.raises(PopccError, match="node 'there' gave no link"):
            link(there, Answered(reply(Status.DONE, 3, [], b""), b"", None))

    run(work())
