"""What a program and its replicas say to their node of a machine, over the node's socket."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from popcc.schema.record import C, Record

MACHINE_MAGIC = 0x48434D50  # "PMCH"
MACHINE_VERSION = 2
MACHINE_MOST = 16


class MachineOp(IntEnum):
    """What a program asks of its node."""

    NODES = 1  # which nodes the machine has
    ATTACH = 2  # start a replica of the calling process on a node, and hand over a link to it


class MachineRequest(Record, frozen=True):
    """Program to node; text follows: the program file's path. With ATTACH comes a descriptor of that file."""

    c_name = "popcorn_machine_request"
    magic: Annotated[int, C("u32", "POPCORN_MACHINE_MAGIC")]
    version: Annotated[int, C("u32", "POPCORN_MACHINE_VERSION")]
    op: Annotated[int, C("u32", "POPCORN_MACHINE_*")]
    node: Annotated[int, C("u32", "ATTACH: where to, as the machine counts")]
    number: Annotated[int, C("u32", "ATTACH: which of the process's replicas it will be, from 1 on")]
    pid: Annotated[int, C("u32", "ATTACH: as the process knows itself")]
    key: Annotated[int, C("u64", "ATTACH: by which replicas of the process know each other")]
    clocks: Annotated[int, C("u64", "ATTACH, of nodes to nodes: 1 if the process's clocks are another host's")]
    build_id: Annotated[bytes, C("u8", "of the calling executable", 20)]
    text_bytes: Annotated[int, C("u32", "")]


class MachineReply(Record, frozen=True):
    """Node to program; text follows: why not, when refused. With ATTACH comes a stream socket to the replica."""

    c_name = "popcorn_machine_reply"
    magic: Annotated[int, C("u32", "POPCORN_MACHINE_MAGIC")]
    version: Annotated[int, C("u32", "POPCORN_MACHINE_VERSION")]
    status: Annotated[int, C("u32", "POPCORN_STATUS_*")]
    node: Annotated[int, C("u32", "the number of the node that answers")]
    nodes: Annotated[int, C("u32", "one more than the largest number of a node; there may be gaps")]
    text_bytes: Annotated[int, C("u32", "")]
    isa: Annotated[bytes, C("u8", "by node: ISA number, 0 when it is down or there is none", MACHINE_MOST)]
