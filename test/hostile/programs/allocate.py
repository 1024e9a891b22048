"""Allocates and touches memory for ever."""
kept = []
while True:
    kept.append(b"x" * (8 << 20))
