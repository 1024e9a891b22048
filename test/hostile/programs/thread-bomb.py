"""Starts threads until it may not."""
import os
import threading
import time

made = 0
try:
    while made < 100_000:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        made += 1
except RuntimeError:
    print("refused", made, flush=True)
os._exit(0)
