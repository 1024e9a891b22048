"""Fills /dev/shm."""
import errno

with open("/dev/shm/fill", "wb", buffering=0) as file:
    try:
        while True:
            file.write(b"x" * (1 << 20))
    except OSError as error:
        print(errno.errorcode[error.errno], file.tell() >> 20)
