"""A session of its own, a child like it, and every signal ignored that can be."""
import os
import signal
import sys
import time

if os.fork() == 0:
    os.setsid()
for number in range(1, signal.NSIG):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
print("deaf", flush=True)
while True:
    time.sleep(60)
