"""Leaves, in every way it knows, something for the next task to find. Argument: what. Prints `left` when it has."""
import ctypes
import errno
import fcntl
import os
import resource
import socket
import struct
import subprocess
import sys
import threading

libc = ctypes.CDLL(None, use_errno=True)
SECRET = b"remembered"
WORK = "/workspace"


def write(path, text=SECRET):
    with open(path, "wb") as file:
        file.write(text)


def files():
    write(f"{WORK}/plain")
    os.makedirs(f"{WORK}/.hidden/deep/er")
    write(f"{WORK}/.hidden/deep/er/file")
    for name in [b"new\nline", b"\xff\xfe", b"-rf", b"\x1b[31mred", b" ", b"...", b"x" * 255]:
        write(os.path.join(WORK.encode(), name))
    os.symlink("/etc/passwd", f"{WORK}/link")
    os.link(f"{WORK}/plain", f"{WORK}/hard")
    os.mkfifo(f"{WORK}/fifo")
    write("/tmp/plain")
    os.mkdir(f"{WORK}/many")
    for number in range(10_000):
        os.close(os.open(f"{WORK}/many/{number}", os.O_CREAT | os.O_WRONLY))
    for path in ["/tmp/closed/inner", f"{WORK}/closed/inner", "/home/sandbox/closed/inner", "/dev/shm/closed/inner"]:
        os.makedirs(path)
        write(f"{path}/file")
        os.chmod(path, 0)
        os.chmod(os.path.dirname(path), 0)


def home():
    write(f"{os.environ['HOME']}/.profile")
    write(f"{os.environ['TMPDIR']}/x")
    os.makedirs(f"{os.environ['HOME']}/.cache/closed/inner")
    os.chmod(f"{os.environ['HOME']}/.cache/closed", 0)
    os.utime(os.environ["HOME"], (1, 1))
    os.chmod(os.environ["HOME"], 0o1733)


def daemon():
    for _ in range(3):
        subprocess.Popen(["setsid", "sh", "-c", "trap '' TERM HUP INT; while :; do sleep 1; done"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.Popen(["sh", "-c", "kill -STOP $$"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def shared():
    write("/dev/shm/file")
    for size in (4096, 1 << 20):
        if libc.shmget(0x5ec0 + size, size, 0o1666) < 0:
            raise OSError(ctypes.get_errno(), "shmget")
    attached = libc.shmget(0x77, 4096, 0o1666)
    libc.shmat.restype = ctypes.c_void_p
    ctypes.memmove(libc.shmat(attached, None, 0), SECRET, len(SECRET))
    libc.shmctl(attached, 0, None)  # marked for removal while attached
    if libc.semget(0x5ec0, 4, 0o1666) < 0 or libc.msgget(0x5ec0, 0o1666) < 0:
        raise OSError(ctypes.get_errno(), "semget, msgget")
    queue = libc.msgget(0x5ec1, 0o1666)
    libc.msgsnd(queue, struct.pack("l", 1) + SECRET, len(SECRET), 0)


def queues():
    real_time = ctypes.CDLL("librt.so.1", use_errno=True)
    for number in range(5):
        if real_time.mq_open(f"/left{number}".encode(), os.O_CREAT | os.O_RDWR, 0o666, None) < 0:
            raise OSError(ctypes.get_errno(), "mq_open")
    threads = ctypes.CDLL("libpthread.so.0", use_errno=True)
    threads.sem_open.restype = ctypes.c_void_p
    if not threads.sem_open(b"/left", os.O_CREAT, 0o666, 1):
        raise OSError(ctypes.get_errno(), "sem_open")


def sockets():
    held = []
    for name in ["\0abstract", f"{WORK}/socket", "/tmp/socket"]:
        held.append(socket.socket(socket.AF_UNIX))
        held[-1].bind(name)
        held[-1].listen()
    held.append(socket.create_server(("127.0.0.1", 7001)))
    held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    held[-1].bind(("127.0.0.1", 7002))
    # Two that hold each other, and a file: only the kernel's own collector ends them.
    write(f"{WORK}/passed")
    a, b = socket.socketpair(socket.AF_UNIX)
    with open(f"{WORK}/passed", "rb") as passed:
        socket.send_fds(a, [b"x"], [a.fileno(), b.fileno(), passed.fileno()])
        socket.send_fds(b, [b"x"], [a.fileno(), b.fileno()])
    os.unlink(f"{WORK}/passed")
    keep(held + [a, b])


def connection():
    """In TIME_WAIT for a minute: nothing can be done about it."""
    server = socket.create_server(("127.0.0.1", 7003))
    client = socket.create_connection(("127.0.0.1", 7003))
    accepted, _ = server.accept()
    client.close()
    accepted.close()


def established():
    server = socket.create_server(("127.0.0.1", 7004))
    keep([server, socket.create_connection(("127.0.0.1", 7004)), server.accept()])


def reset_connection():
    """Ended by a reset: nothing of it stays."""
    server = socket.create_server(("127.0.0.1", 7005))
    client = socket.create_connection(("127.0.0.1", 7005))
    accepted, _ = server.accept()
    for end in (client, accepted):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.close()


def watches():
    watch = libc.inotify_init()
    if libc.inotify_add_watch(watch, WORK.encode(), 0xFFF) < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    write(f"{WORK}/locked")
    lock = open(f"{WORK}/locked", "rb+")
    fcntl.flock(lock, fcntl.LOCK_EX)
    fcntl.lockf(lock, fcntl.LOCK_EX)
    device = open("/dev/null", "rb+")
    fcntl.flock(device, fcntl.LOCK_EX)
    directory = os.open(WORK, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)
    keep([lock, device])


def marks():
    """On what cannot be removed: the roots of the mounts, devices."""
    for path in [WORK, "/dev/null", "/dev/zero", "/dev/tty"]:
        try:
            os.utime(path)
            os.utime(path, (1, 1))
        except PermissionError:
            pass
    for name, value in [("user.mark", SECRET), ("system.posix_acl_default", acl()), ("system.posix_acl_access", acl())]:
        try:
            os.setxattr(WORK, name, value)
        except OSError as error:
            print(name, errno.errorcode[error.errno], file=sys.stderr)
    directory = os.open(WORK, os.O_RDONLY)
    try:
        fcntl.ioctl(directory, 0x40086602, struct.pack("l", 0x40 | 0x80))  # nodump, noatime
    except OSError as error:
        print("flags", errno.errorcode[error.errno], file=sys.stderr)
    os.chmod(WORK, 0o2351)


def acl():
    entries = [(0x01, 7, -1), (0x02, 7, 1001), (0x04, 5, -1), (0x10, 7, -1), (0x20, 5, -1)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)


def limits():
    """On process 1, and on the user."""
    for what in [
        lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (16, 16)),
        lambda: resource.prlimit(1, resource.RLIMIT_CPU, (1, 1)),
        lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
        lambda: os.sched_setaffinity(1, {0}),
        lambda: os.sched_setscheduler(1, os.SCHED_BATCH, os.sched_param(0)),
        lambda: os.kill(1, 19),
        lambda: write("/proc/1/oom_score_adj", b"1000"),
        lambda: write("/proc/1/comm", b"mine"),
        lambda: os.setpriority(os.PRIO_USER, 1000, 19),
    ]:
        try:
            what()
        except (PermissionError, ProcessLookupError):
            pass
    os.umask(0o777)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    os.nice(19)


def machine():
    """What belongs to the kernel or the image."""
    for path in ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/net/ipv4/ip_forward",
                 "/proc/sys/fs/mqueue/queues_max", "/proc/sysrq-trigger", "/etc/hosts", "/etc/passwd", "/usr/bin/mine",
                 "/var/tmp/mine", "/run/mine", "/.ripcord/agent", "/sys/fs/cgroup/mine", "/dev/mine"]:
        try:
            write(path)
            print("wrote", path)
        except OSError:
            pass
    for call in [
        lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
        lambda: libc.umount2(b"/workspace", 2),
        lambda: libc.unshare(0x10000000),
        lambda: libc.sethostname(b"mine", 4),
        lambda: libc.syscall(248, b"user", b"mine", SECRET, len(SECRET), -4),
        lambda: libc.syscall(250, 1, SECRET, 0, 0),
    ]:
        if call() >= 0:
            print("worked", call)


def full():
    """No byte and no process is left for whoever cleans up."""
    for place in [WORK, "/home/sandbox", "/tmp", "/dev/shm"]:
        file = os.open(f"{place}/full", os.O_CREAT | os.O_WRONLY)
        try:
            while os.write(file, bytes(1 << 16)) > 0:
                pass
        except OSError:
            pass
    try:
        while True:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
    except RuntimeError:
        pass


held = []


def keep(things):
    held.extend(things)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    print("left", flush=True)
    if sys.argv[2:] == ["stay"]:
        threading.Event().wait()
