"""Writes a small file, fills the disk with a large one, and reads the small one again."""
import errno

with open("kept", "w") as file:
    file.write("kept")
try:
    with open("fill", "wb", buffering=0) as file:
        while True:
            file.write(b"x" * (1 << 20))
except OSError as error:
    print(errno.errorcode[error.errno], open("kept").read())
