"""Directories in directories, as deep as asked."""
import os
import sys

os.mkdir("made")
os.chdir("made")
for _ in range(int(sys.argv[1])):
    os.mkdir("d")
    os.chdir("d")
open("bottom", "w").close()
