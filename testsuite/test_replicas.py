"""Real processes that share memory through the protocol: of one ISA, of several, and when one is killed."""

from __future__ import annotations

import signal
import socket
import subprocess
import time

import pytest
from dsm.processes import built, every_isa, machine, machine_with_relays

from popcc.isa import ISAS

FIRST = every_isa()[0]
MACHINES = {
    **{f"two {isa}": [isa, isa] for isa in ISAS},
    **{f"{FIRST} and {isa}": [FIRST, isa] for isa in ISAS if isa != FIRST},
    "one of each": list(ISAS),
    "one of each, another origin": list(reversed(ISAS)),
    "five": [*ISAS, *list(ISAS)[:2]],
}
ORIGIN_LOST, PAGE_LOST = 5, 3  # exit statuses of replicas/host.c


def expected(threads: int, rounds: int) -> str:
    """What replicas/work.c must come to, by arithmetic alone."""
    mailbox = [0] * threads
    for _ in range(rounds):
        for me in range(threads):
            mailbox[me] = mailbox[me - 1] + me
    total = threads * rounds * (rounds + 1) // 2
    done = threads * rounds
    return f"sum {total} guarded {done} {done} slots {threads} mail {mailbox[-1]}"


@pytest.mark.parametrize(("threads", "rounds"), [(1, 40), (3, 15)])
@pytest.mark.parametrize("isas", MACHINES.values(), ids=MACHINES)
def test_all_nodes_work_on_the_same_words(isas: list[str], threads: int, rounds: int) -> None:
    """Atomics of all ISAs add up, a lock holds, words side by side on a page are all kept, messages come in order."""
    with machine("work", isas, (threads, rounds)) as nodes:
        (status, out, words), *others = [node.end() for node in nodes]
    assert (status, words) == (0, "")
    result, _, faults = out.rpartition(" faults ")
    assert result == expected(len(isas) * threads, rounds)
    assert int(faults) > rounds
    assert others == [(0, "", "")] * len(others)


@pytest.mark.parametrize("isas", [[FIRST, FIRST], list(ISAS)], ids=["two", "one of each"])
def test_links_are_cut_and_made_again(isas: list[str]) -> None:
    """What was on its way is sent again; nobody notices but by the time it takes."""
    threads, rounds = 2, 150
    with machine_with_relays("work", isas, (threads, rounds), grace=5) as (nodes, relays, connect):
        cuts = 0
        while nodes[0].process.poll() is None and cuts < 100:
            remote = cuts % len(relays) + 1
            time.sleep(0.02)
            relays[remote - 1].cut()
            connect(remote)
            cuts += 1
        (status, out, words), *others = [node.end() for node in nodes]
    assert (status, words) == (0, "")
    assert out.startswith(expected(len(isas) * threads, rounds) + " ")
    assert [other[0] for other in others] == [0] * len(others)
    assert cuts > 5


def test_links_are_slow() -> None:
    """Slow is not lost."""
    with machine_with_relays("work", [FIRST, FIRST], (1, 5), grace=0, delay=0.01) as (nodes, _, _):
        status, out, _ = nodes[0].end()
        assert status == 0
        assert out.startswith(expected(2, 5) + " ")


def test_a_link_stays_cut() -> None:
    """For longer than the grace: then the node counts as lost, on both sides."""
    with machine_with_relays("work", [FIRST, FIRST], (2, 1_000_000), grace=0.3) as (nodes, relays, _):
        time.sleep(0.5)
        relays[0].cut()
        assert [node.end()[0] for node in nodes] == [PAGE_LOST, ORIGIN_LOST]


@pytest.mark.parametrize("after", [0, 0.5])
@pytest.mark.parametrize("isa", ISAS)
def test_the_origin_is_killed(isa: str, after: float) -> None:
    """The others end, whatever their threads are waiting for, and if they have not even begun."""
    with machine("work", [FIRST, isa, isa], (2, 1_000_000)) as nodes:
        time.sleep(after)
        nodes[0].process.send_signal(signal.SIGKILL)
        assert [node.end()[0] for node in nodes[1:]] == [ORIGIN_LOST] * 2


def test_a_node_is_killed() -> None:
    """It had a page as the only one: the origin says which, and that it is lost. Nobody reads an old one."""
    with machine("work", [FIRST, FIRST, FIRST], (2, 1_000_000)) as nodes:
        time.sleep(0.5)
        nodes[1].process.send_signal(signal.SIGKILL)
        status, _, words = nodes[0].end()
        assert status == PAGE_LOST
        assert "was lost with node 1" in words
        assert nodes[2].end()[0] == ORIGIN_LOST


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\nHost: popcorn\r\n\r\n" + bytes(64), b"\xff" * 5000])
def test_a_peer_that_speaks_something_else(garbage: bytes) -> None:
    """The origin does not listen to it any more, and does its own work."""
    here, there = socket.socketpair()
    with here, there:
        command = [str(built("work", FIRST)), "0", "2", "1", "5", str(there.fileno())]
        origin = subprocess.Popen(command, pass_fds=[there.fileno()], stdout=subprocess.PIPE, text=True)
        there.close()
        here.settimeout(60)
        here.sendall(garbage)
        while here.recv(65536):
            pass
        assert origin.poll() is None
        origin.kill()
        origin.wait()
