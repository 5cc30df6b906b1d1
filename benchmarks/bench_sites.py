"""How many sites of real programs are proved and refused, how many functions fall to the memory tier?

At -O2, of what compiles within a minute or two; ``make sweep`` counts everything at all levels.
"""

from __future__ import annotations

import sys

import common  # noqa: F401 (finds the test suite's modules)
import sweep

if __name__ == "__main__":
    sys.exit(sweep.main(["--level", "O2", "--", "bzip2", "zlib", "lua"]))
