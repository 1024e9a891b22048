"""Memory that belongs to no process: a file without a name that grows for ever."""
import os

file = os.memfd_create("growing")
while True:
    os.write(file, b"x" * (8 << 20))
