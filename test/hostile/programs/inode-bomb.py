"""Makes empty files until it may not."""
import errno
import os

os.mkdir("bomb")
made = 0
try:
    while made < 10_000_000:
        os.close(os.open(f"bomb/{made}", os.O_CREAT | os.O_WRONLY))
        made += 1
except OSError as error:
    print(errno.errorcode[error.errno], made)
