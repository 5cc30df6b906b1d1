"""popcc: one C program for several ISAs, moved between them while it runs."""

from popcc.interrupts import held

with held():  # a KeyboardInterrupt that comes among what msgspec's C imports is lost there, and leaves it half made
    import msgspec  # noqa: F401

__version__ = "0.1.0"
