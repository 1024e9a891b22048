"""Leaves a sleeper in a session of its own behind: a daemon, by the book. Ends only when the sleeper sleeps."""
import os

reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.dup2(os.open("/dev/null", os.O_RDWR), 1)
        os.execvp("sleep", ["sleep", "620003"])  # closes the pipe
    os._exit(0)
os.close(writer)
os.read(reader, 1)
os.wait()
print("left")
