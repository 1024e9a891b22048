"""Opens files until it may not, in many processes at once."""
import errno
import os

for _ in range(20):
    if os.fork() == 0:
        files = []
        try:
            while True:
                files.append(open("/dev/null"))
        except OSError as error:
            os.write(1, f"{errno.errorcode[error.errno]}\n".encode())
        os._exit(0)
for _ in range(20):
    os.wait()
