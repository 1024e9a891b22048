# Reads a program of a known length from stdin and runs it; what follows on stdin is left for the program.
import os, sys

# Until the program says otherwise nothing is imported from the working directory.
sys.path[:] = [place for place in sys.path if place]
size = int(sys.argv.pop())
source = b''
while len(source) < size:
    part = os.read(0, size - len(source))
    if not part:
        os._exit(70)
    source += part
exec(compile(source, '<ripcord>', 'exec'))
