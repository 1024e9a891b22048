"""Files whose names are options, lines, escape codes, control characters and no text at all."""
import os

os.mkdir("made")
NAMES = [b"-rf", b"--checkpoint-action=exec=sh", b"two\nlines", b"tab\t", b" ", b"*", b"$(id)", b"`id`", b"a;b",
         b"esc\x1b[31m\x1b]0;title\x07", b"\xff\xfe", b"\xc3(", b"CON", b"a" * 255, "\u202egpj.exe".encode()]
for name in NAMES:
    with open(b"made/" + name, "wb") as file:
        file.write(name)
print(len(NAMES))
