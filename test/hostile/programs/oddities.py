"""Everything that is no file: fifo, socket, devices, hard links, links that lead out, a file behind a link."""
import os
import socket
import stat

os.makedirs("made/dir")
open("made/good", "w").write("good")
os.mkfifo("made/fifo")
socket.socket(socket.AF_UNIX).bind("made/socket")
os.link("made/good", "made/hard")
os.symlink("/etc", "made/out")
os.symlink("../../c", "made/up")
os.symlink("dir/../../../c", "made/sneaky")
for number, kind in enumerate((stat.S_IFCHR, stat.S_IFBLK)):
    try:
        os.mknod(f"made/device{number}", kind | 0o666, os.makedev(1, 1))
        print("made a device")
    except PermissionError:
        print("EPERM")
try:
    os.link("/etc/passwd", "made/foreign")
    print("linked")
except OSError as error:
    print(os.strerror(error.errno))
