"""Site maps: completed from stack maps and machine code (design 5)."""
