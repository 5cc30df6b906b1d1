"""popcc: one C program for several ISAs, moved between them while it runs."""

__version__ = "0.1.0"
