"""Allocates and touches memory, for ever or up to so many MiB."""
import sys

limit = int(sys.argv[1]) if len(sys.argv) > 1 else sys.maxsize
kept = []
while len(kept) * 8 < limit:
    kept.append(b"x" * (8 << 20))
