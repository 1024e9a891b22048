"""Swaps a directory for a link to /etc and back, as often as asked."""
import os
import sys

os.makedirs("made/d")
os.makedirs("aside")
with open("made/d/passwd", "w") as file:
    file.write("inside")
os.symlink("/etc", "aside/link")
print("up", flush=True)
for _ in range(int(sys.argv[1])):
    os.rename("made/d", "aside/d")
    os.rename("aside/link", "made/d")
    os.rename("made/d", "aside/link")
    os.rename("aside/d", "made/d")
