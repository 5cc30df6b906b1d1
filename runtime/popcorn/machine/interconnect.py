"""What lies between two nodes: how long a byte takes, and how many go at a time. `relay` makes it so."""

from __future__ import annotations

import re

from msgspec import Struct

from popcc.errors import PopccError

_LONGEST = 60.0  # seconds
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_BITS = {"bit": 1.0, "kbit": 1e3, "mbit": 1e6, "gbit": 1e9, "tbit": 1e12}
_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|ms|s)")
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kmgt]?bit)", re.IGNORECASE)


class Interconnect(Struct, frozen=True):
    """The wire between any two nodes."""

    latency: float = 0.0  # seconds, each way
    bandwidth: float = 0.0  # bits per second, each way; 0: what the host gives

    @property
    def direct(self) -> bool:
        """Nothing is to be emulated."""
        return not self.latency and not self.bandwidth


def parse_latency(text: str) -> float:
    """Seconds. Raises `PopccError` with what is expected."""
    match = _TIME.fullmatch(text)
    if not match:
        raise PopccError(f"'{text}' is not a latency, for example 20us or 1.5ms")
    seconds = float(match[1]) * _SECONDS[match[2]]
    if seconds > _LONGEST:
        raise PopccError(f"a latency of '{text}' is more than a minute")
    return seconds


def parse_bandwidth(text: str) -> float:
    """Bits per second. Raises `PopccError` with what is expected."""
    match = _RATE.fullmatch(text)
    if not match or not float(match[1]):
        raise PopccError(f"'{text}' is not a bandwidth, for example 10Gbit or 100Mbit")
    return float(match[1]) * _BITS[match[2].lower()]


def latency_text(seconds: float) -> str:
    """0.00002 -> 20us; nothing for none."""
    for unit in ("s", "ms", "us", "ns"):
        if seconds >= _SECONDS[unit]:
            return f"{seconds / _SECONDS[unit]:.4g}{unit}"
    return ""


def bandwidth_text(bits: float) -> str:
    """10e9 -> 10Gbit; nothing for no limit."""
    for unit in ("Tbit", "Gbit", "Mbit", "kbit", "bit"):
        if bits >= _BITS[unit.lower()]:
            return f"{bits / _BITS[unit.lower()]:.4g}{unit}"
    return ""
