"""Directories that not even their owner may enter, with files in them."""
import os

os.makedirs("made/locked/inner")
open("made/locked/inner/file", "w").close()
os.chmod("made/locked/inner", 0)
os.chmod("made/locked", 0)
