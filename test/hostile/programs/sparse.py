"""A file of one TiB that takes no room."""
import os

os.makedirs("made")
with open("made/huge", "wb") as file:
    file.truncate(1 << 40)
