"""Files with setuid, setgid and sticky bits, for everybody to write, with attributes."""
import os

os.mkdir("made")
for mode in (0o4755, 0o2755, 0o1777, 0o6777):
    name = f"made/{mode:o}"
    open(name, "w").close()
    try:
        os.setxattr(name, "user.hostile", b"yes")
    except OSError:
        pass  # tmpfs does not have extended attributes before Linux 6.6
    os.chmod(name, mode)
    print(f"{os.stat(name).st_mode & 0o7777:o}")
