"""Manual pages, made from what `--help` says: `python -m popcc.manual` writes them, the wheel installs them."""
