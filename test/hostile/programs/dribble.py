"""Output in writes of one byte."""
import os
import sys

for _ in range(int(sys.argv[1])):
    os.write(1, b"x")
