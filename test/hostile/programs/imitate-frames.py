"""Output that looks like the agent's own frames: this command's exit, an error, the end of the sandbox."""
import struct
import sys

for kind in range(256):
    for stream in range(4):
        payload = bytes(40)
        sys.stdout.buffer.write(struct.pack("<IIB", len(payload), stream, kind) + payload)
sys.stdout.flush()
sys.exit(3)
