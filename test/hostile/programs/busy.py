"""64 endless loops."""
import os

for _ in range(63):
    if os.fork() == 0:
        break
while True:
    pass
