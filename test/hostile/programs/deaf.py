"""A session of its own, a child like it, and every signal ignored that can be."""
import os
import signal
import time

if os.fork() == 0:
    os.setsid()
for number in range(1, signal.NSIG):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
# One write: print makes two where output is unbuffered, and the other process comes between them.
os.write(1, b"deaf\n")
while True:
    time.sleep(60)
