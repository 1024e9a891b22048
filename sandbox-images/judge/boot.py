# Reads a program of a known length from stdin and runs it. The rest of stdin is left for the program.
import os, sys

# Remove the working directory from the import path. The program adds it back if it needs it.
sys.path[:] = [place for place in sys.path if place]
size = int(sys.argv.pop())
source = b''
while len(source) < size:
    part = os.read(0, size - len(source))
    if not part:
        os._exit(70)
    source += part
exec(compile(source, '<ripcord>', 'exec'))
