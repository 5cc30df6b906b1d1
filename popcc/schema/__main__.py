"""``python -m popcc.schema``: writes the C header; with ``--check`` only says whether it is stale."""

from __future__ import annotations

import sys

from popcc.schema.header import HEADER, c_header

if "--check" in sys.argv[1:]:
    sys.exit(0 if HEADER.read_text() == c_header() else f"{HEADER} is stale; run python -m popcc.schema")
HEADER.write_text(c_header())
