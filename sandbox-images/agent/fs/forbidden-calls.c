/* Implements `attempts`: makes system calls that are forbidden to every command. The host judges the results. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "fs/fs.h"

/* Bits above the int that the kernel uses for a family: a filter that compares all 64 bits sees another family. */
#define HIGH_BITS (1L << 32)
#define KEYCTL_GET_KEYRING_ID 0
#define SESSION_KEYRING (-3)

static char byte;
static struct iovec whole = {&byte, 1};

struct attempt {
    const char *name;
    long number;
    long arguments[6];
};

#if defined(__x86_64__)
#define X32_BIT 0x40000000
#define I386_GETPID 20
#define I386 (-1)

static long call_i386(void) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(I386_GETPID) : "memory");
    return result;
}
#endif

static const struct attempt attempts[] = {
    {"io_uring_setup", SYS_io_uring_setup, {1, 0}},
    {"userfaultfd", SYS_userfaultfd, {1}},
    {"keyctl", SYS_keyctl, {KEYCTL_GET_KEYRING_ID, SESSION_KEYRING, 1}},
    {"bpf", SYS_bpf, {0, 0, 0}},
    {"perf_event_open", SYS_perf_event_open, {0, 0, -1, -1, 0}},
    {"open_by_handle_at", SYS_open_by_handle_at, {AT_FDCWD, 0, 0}},
    {"mount", SYS_mount, {0, 0, 0, 0, 0}},
    {"unshare", SYS_unshare, {CLONE_NEWUSER}},
    {"setns", SYS_setns, {-1, 0}},
    {"process_vm_readv", SYS_process_vm_readv, {1, (long)&whole, 1, (long)&whole, 1, 0}},
    {"AF_ALG", SYS_socket, {AF_ALG, SOCK_SEQPACKET, 0}},
    {"AF_VSOCK", SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}},
    {"AF_VSOCK in disguise", SYS_socket, {AF_VSOCK + HIGH_BITS, SOCK_STREAM, 0}},
    {"AF_PACKET", SYS_socket, {AF_PACKET, SOCK_RAW, 0}},
    {"SOCK_RAW", SYS_socket, {AF_INET, SOCK_RAW, 1}},
    {"NETLINK_NETFILTER", SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER}},
#if defined(__x86_64__)
    {"x32", SYS_getpid + X32_BIT, {0}},
    {"i386", I386, {0}},
#endif
};

/* Runs in a forked child: a forbidden call may kill the caller (seccomp). */
static int make(const struct attempt *a) {
    int status;
    pid_t child = fork();
    if (child < 0) fs_fail(errno, a->name, "fork");
    if (child == 0) {
        const long *v = a->arguments;
        errno = 0;
#if defined(__x86_64__)
        if (a->number == I386) _exit(call_i386() < 0 ? ENOSYS : 0);
#endif
        (void)syscall(a->number, v[0], v[1], v[2], v[3], v[4], v[5]);
        _exit(errno);
    }
    for (;;) {
        pid_t pid = waitpid(child, &status, WUNTRACED);
        if (pid < 0 && errno != EINTR) fs_fail(errno, a->name, "waitpid");
        if (pid > 0 && !WIFSTOPPED(status)) break;
        /* Continue the child: its keeper sees only the operation itself. */
        if (pid > 0) (void)kill(child, SIGCONT);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void say(const char *name, int answer) {
    char line[64] = "";
    text_append(line, sizeof line, name);
    text_append(line, sizeof line, "\t");
    if (answer < 0) {
        text_append(line, sizeof line, "killed");
    } else {
        text_append_u64(line, sizeof line, (uint64_t)answer);
    }
    text_append(line, sizeof line, "\n");
    out_bytes(line, strlen(line));
}

void attempts_make(const struct fs_arguments *a) {
    (void)a;
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) say(attempts[i].name, make(&attempts[i]));
}
