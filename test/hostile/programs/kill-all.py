"""Kills every process it can see, then says what became of its own child."""
import os
import signal
import subprocess

child = subprocess.Popen(["sleep", "620005"])
os.kill(-1, signal.SIGKILL)  # all but itself and process 1
print(child.wait())
