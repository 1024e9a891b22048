"""Which networks there are, and whether anything outside answers."""
import errno
import socket
import time

print(*[name for _, name in socket.if_nameindex()])
started = time.monotonic()
answers = set()
V4 = ("1.1.1.1", "10.0.0.1", "172.17.0.1", "192.168.0.1", "224.0.0.1", "255.255.255.255")
V6 = ("2606:4700::1111", "fd00::1")
for family, address in [(socket.AF_INET, a) for a in V4] + [(socket.AF_INET6, a) for a in V6]:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            socket.socket(family, kind).connect((address, 80))
            answers.add(f"reached {address}")
        except OSError as error:
            answers.add(errno.errorcode[error.errno])
print(*sorted(answers))
print("at once" if time.monotonic() - started < 2 else "slow")
