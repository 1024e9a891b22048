"""Makes orphans that end at once, then waits up to two seconds until the last of them is dead and collected."""
import glob
import os
import sys
import time

MINE = open("/proc/self/cmdline").read()


def left():
    count = 0
    for path in glob.glob("/proc/[0-9]*"):
        try:
            is_zombie = open(path + "/stat").read().rsplit(")", 1)[1].split()[0] == "Z"
            # A process that is ending has an empty command line before it is a zombie.
            is_mine = open(path + "/cmdline").read() in (MINE, "") and path != f"/proc/{os.getpid()}"
            count += is_zombie or is_mine
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
# Looked at once each time: one that still lived a moment ago may be a zombie now.
while (count := left()) and time.monotonic() < end:
    time.sleep(0.01)
print(made, count)
