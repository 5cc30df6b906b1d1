"""Cases judged by worker processes, which leave nothing behind when they are told to stop."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from fuzz import forked
from fuzz.cases import case
from fuzz.judge import Case, Status, Verdict, judge


@dataclass(frozen=True)
class Plan:
    """Which programs, and for how long."""

    seed: int
    kinds: tuple[str, ...]
    numbers: range
    seconds: float
    jobs: int = 1


def verdicts(plan: Plan) -> Iterator[Verdict]:
    """The verdicts as they come. Raises `RuntimeError` with a worker's traceback if one fails."""
    forked.prepare()
    context = multiprocessing.get_context("fork")
    workers: list[BaseProcess] = []
    pipes: list[Connection] = []
    with tempfile.TemporaryDirectory(prefix="popcc-fuzz-") as folder:
        try:
            for k in range(plan.jobs):
                receive, send = context.Pipe(duplex=False)
                workers.append(context.Process(target=_work, args=(plan, k, Path(folder), send)))
                workers[-1].start()
                send.close()
                pipes.append(receive)
            yield from _received(pipes)
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.join()


def _received(pipes: Sequence[Connection]) -> Iterator[Verdict]:
    open_ = list(pipes)
    while open_:
        for pipe in wait(open_):
            assert isinstance(pipe, Connection)
            try:
                message = pipe.recv()
            except EOFError:
                raise RuntimeError("a worker died") from None
            if isinstance(message, Verdict):
                yield message
            elif message:
                raise RuntimeError(message)
            else:
                open_.remove(pipe)


def _work(plan: Plan, k: int, folder: Path, send: Connection) -> None:
    """Every `jobs`th number from the kth on. None is the last message."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the parent, which ends us
    signal.signal(signal.SIGTERM, _end)
    own = folder / str(k)
    own.mkdir()
    os.environ["TMPDIR"] = tempfile.tempdir = str(own)
    end = time.monotonic() + plan.seconds
    try:
        for number in plan.numbers[k :: plan.jobs]:
            if time.monotonic() > end:
                break
            send.send(one(plan.seed, number, plan.kinds, own))
        send.send(None)
    except Exception:
        with suppress(OSError):
            send.send(traceback.format_exc())


def one(seed: int, number: int, kinds: Sequence[str], folder: Path) -> Verdict:
    """Generates and judges one program; its files are gone afterwards."""
    try:
        program = case(seed, number, kinds)
    except subprocess.SubprocessError as error:  # Csmith gives up now and then
        return Verdict(Case(f"{seed}-{number}", "csmith", ""), Status.DROPPED, "csmith", str(error))
    with tempfile.TemporaryDirectory(dir=folder) as own:
        return judge(program, Path(own))


def _end(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)
