"""Asks for 50 GiB in one call."""
import errno
import os

file = os.open("large", os.O_RDWR | os.O_CREAT)
try:
    os.posix_fallocate(file, 0, 50 << 30)
    print("given")
except OSError as error:
    print(errno.errorcode[error.errno])
