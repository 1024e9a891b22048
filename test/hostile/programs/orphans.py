"""Makes orphans that end at once, then waits up to two seconds for the last zombie to be collected."""
import glob
import os
import sys
import time


def zombies():
    count = 0
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            count += open(path).read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            pass
    return count


made = 0
while made < int(sys.argv[1]):
    if os.fork() == 0:
        try:
            os.fork()
        finally:
            os._exit(0)
    os.wait()
    made += 1
end = time.monotonic() + 2
while zombies() and time.monotonic() < end:
    time.sleep(0.01)
print(made, zombies())
