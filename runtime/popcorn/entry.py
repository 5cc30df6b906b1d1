"""Where the `popcorn` command begins: what stops it is answered before the rest is imported, which takes a while."""

from __future__ import annotations

import signal
from typing import NoReturn

from popcc.interrupts import Interrupts, end_by


def main() -> NoReturn:
    """The console command."""
    interrupts = Interrupts()
    try:
        from popcc.runtime.popcorn import cli
    except KeyboardInterrupt:
        end_by(interrupts.signal or signal.SIGINT)
    cli.main(interrupts)
