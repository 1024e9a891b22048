"""Writes where programs, settings and the agent are: makes files, replaces them, makes links, changes modes."""
import errno
import os

attempts = {
    "create": lambda at: os.close(os.open(f"{at}/planted", os.O_CREAT | os.O_WRONLY)),
    "mkdir": lambda at: os.mkdir(f"{at}/planted"),
    "link": lambda at: os.symlink("/etc/passwd", f"{at}/planted"),
    "chmod": lambda at: os.chmod(at, 0o777),
}
answers = set()
for at in ("/", "/etc", "/usr", "/usr/bin", "/var", "/var/tmp", "/root", "/home", "/opt", "/.ripcord", "/sys", "/proc/sys/kernel"):
    for name, attempt in attempts.items():
        try:
            attempt(at)
            print("could", name, "in", at)
        except OSError as error:
            answers.add(errno.errorcode[error.errno])
for file in ("/etc/passwd", "/etc/ld.so.preload", "/usr/bin/env", "/.ripcord/agent", "/bin/sh"):
    try:
        open(file, "ab").close()
        print("could open", file)
    except OSError as error:
        answers.add(errno.errorcode[error.errno])
print(*sorted(answers))
