"""Escape sequences wherever a person may come to see them: output, errors, names."""
import os
import sys

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x1b]52;c;cm0gLXJm\x07\x9b31m"
os.mkdir("made")
os.mkdir("locked")
os.symlink("/etc/passwd", "made/" + ESCAPES)
os.close(os.open("locked/" + ESCAPES, os.O_CREAT, 0))
print(ESCAPES)
print(ESCAPES, file=sys.stderr)
sys.exit(1)
