"""Starts sleepers, each in a session of its own, for ever."""
import os
import time

print("up", flush=True)
while True:
    try:
        if os.fork() == 0:
            os.setsid()
            os.execvp("sleep", ["sleep", "620010"])
    except OSError:
        time.sleep(0.001)
