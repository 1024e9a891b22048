"""Links to the files everybody wants to read."""
import os

os.mkdir("made")
for number, target in enumerate(["/etc/shadow", "/root/.ssh/id_rsa", "/proc/1/environ", "../../etc/shadow", "/"]):
    os.symlink(target, f"made/{number}")
