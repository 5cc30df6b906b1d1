"""``python -m popcc.manual``: writes the manual pages; ``python -m popcc.manual FOLDER`` writes them there."""

from __future__ import annotations

import sys
from pathlib import Path

from popcc.manual.pages import popcc_page, popcorn_page

folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parents[2] / "man"
for name, page in (("popcc", popcc_page()), ("popcorn", popcorn_page())):
    (folder / f"{name}.1").write_text(page)
