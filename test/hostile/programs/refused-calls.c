/* Makes system calls that lead out of a sandbox or into the kernel, each in a process of its own, and says what came. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define HIGH_BITS (1L << 32)
#define CLONE_NEWTIME_FLAG 0x80

static char byte;
static char tail[256];
static struct iovec whole = {&byte, 1};
static uint64_t clone_arguments[11] = {CLONE_NEWUSER};

struct call {
    const char *name;
    long number;
    long v[6];
};

static const struct call calls[] = {
    {"mount", SYS_mount, {(long)"none", (long)"/tmp", (long)"tmpfs", 0, 0}},
    {"umount2", SYS_umount2, {(long)"/tmp", 0}},
    {"pivot_root", SYS_pivot_root, {(long)".", (long)"."}},
    {"chroot", SYS_chroot, {(long)"/tmp"}},
    {"fsopen", SYS_fsopen, {(long)"tmpfs", 0}},
    {"open_tree", SYS_open_tree, {AT_FDCWD, (long)"/", 1}},
    {"move_mount", SYS_move_mount, {AT_FDCWD, (long)"/tmp", AT_FDCWD, (long)"/tmp", 0}},
    {"unshare user", SYS_unshare, {CLONE_NEWUSER}},
    {"unshare mount", SYS_unshare, {CLONE_NEWNS}},
    {"unshare network", SYS_unshare, {CLONE_NEWNET}},
    {"unshare time", SYS_unshare, {CLONE_NEWTIME_FLAG}},
    {"clone user", SYS_clone, {CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0}},
    {"clone network", SYS_clone, {CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0}},
    {"clone3 user", SYS_clone3, {(long)clone_arguments, sizeof clone_arguments}},
    {"setns", SYS_setns, {0, 0}},
    {"bpf", SYS_bpf, {0, (long)tail, sizeof tail}},
    {"io_uring_setup", SYS_io_uring_setup, {1, (long)tail}},
    {"io_uring_enter", SYS_io_uring_enter, {0, 1, 0, 0, 0, 0}},
    {"io_uring_register", SYS_io_uring_register, {0, 0, 0, 0}},
    {"userfaultfd", SYS_userfaultfd, {1}},
    {"add_key", SYS_add_key, {(long)"user", (long)"k", (long)"v", 1, -3}},
    {"request_key", SYS_request_key, {(long)"user", (long)"k", 0, -3}},
    {"keyctl", SYS_keyctl, {0, -3, 1}},
    {"perf_event_open", SYS_perf_event_open, {(long)tail, 0, -1, -1, 0}},
    {"name_to_handle_at", SYS_name_to_handle_at, {AT_FDCWD, (long)"/", (long)tail, (long)tail, 0}},
    {"open_by_handle_at", SYS_open_by_handle_at, {AT_FDCWD, (long)tail, 0}},
    {"process_vm_readv", SYS_process_vm_readv, {1, (long)&whole, 1, (long)&whole, 1, 0}},
    {"process_vm_writev", SYS_process_vm_writev, {1, (long)&whole, 1, (long)&whole, 1, 0}},
    {"pidfd_getfd", SYS_pidfd_getfd, {0, 0, 0}},
    {"kcmp", SYS_kcmp, {1, 1, 0, 0, 0}},
    {"fanotify_init", SYS_fanotify_init, {0, 0}},
    {"memfd_secret", 447, {0}},
    {"quotactl", SYS_quotactl, {0, 0, 0, 0}},
    {"swapon", SYS_swapon, {(long)"/tmp", 0}},
    {"reboot", SYS_reboot, {0, 0, 0, 0}},
    {"kexec_load", SYS_kexec_load, {0, 0, 0, 0}},
    {"init_module", SYS_init_module, {(long)tail, 1, (long)""}},
    {"finit_module", SYS_finit_module, {0, (long)"", 0}},
    {"delete_module", SYS_delete_module, {(long)"none", 0}},
    {"syslog", SYS_syslog, {3, (long)tail, sizeof tail}},
    {"settimeofday", SYS_settimeofday, {(long)tail, 0}},
    {"clock_settime", SYS_clock_settime, {0, (long)tail}},
    {"sethostname", SYS_sethostname, {(long)"owned", 5}},
    {"acct", SYS_acct, {0}},
    {"character device", SYS_mknodat, {AT_FDCWD, (long)"device", S_IFCHR | 0666, 0x101}},
    {"AF_ALG", SYS_socket, {AF_ALG, SOCK_SEQPACKET, 0}},
    {"AF_VSOCK", SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}},
    {"AF_VSOCK with high bits", SYS_socket, {AF_VSOCK + HIGH_BITS, SOCK_STREAM, 0}},
    {"AF_ALG with high bits", SYS_socket, {AF_ALG + HIGH_BITS, SOCK_SEQPACKET, 0}},
    {"AF_PACKET", SYS_socket, {AF_PACKET, SOCK_RAW, 0x300}},
    {"raw IPv4", SYS_socket, {AF_INET, SOCK_RAW, 1}},
    {"raw IPv6", SYS_socket, {AF_INET6, SOCK_RAW, 58}},
    {"netfilter", SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER}},
    {"AF_KEY", SYS_socket, {AF_KEY, SOCK_RAW, 2}},
    {"AF_XDP", SYS_socket, {44, SOCK_RAW, 0}},
    {"AF_RXRPC", SYS_socket, {33, SOCK_DGRAM, 0}},
    {"AF_TIPC pair", SYS_socketpair, {30, SOCK_STREAM, 0, (long)tail}},
#if defined(__x86_64__)
    {"iopl", SYS_iopl, {3}},
    {"ioperm", SYS_ioperm, {0x80, 1, 1}},
    {"modify_ldt", SYS_modify_ldt, {0, (long)tail, sizeof tail}},
    {"x32 getpid", SYS_getpid + 0x40000000, {0}},
    {"i386 getpid", -1, {0}},
#endif
};

static int make(const struct call *c) {
    if (c->number == -1) {
#if defined(__x86_64__)
        long result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");
        return result < 0 ? (int)-result : 0;
#endif
    }
    return syscall(c->number, c->v[0], c->v[1], c->v[2], c->v[3], c->v[4], c->v[5]) < 0 ? errno : 0;
}

int main(void) {
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        int status = 0;
        pid_t child = fork();
        if (child < 0) return 1;
        if (child == 0) _exit(make(&calls[i]));
        if (waitpid(child, &status, 0) != child) return 1;
        if (WIFSIGNALED(status)) {
            printf("%s: %s\n", calls[i].name, strsignal(WTERMSIG(status)));
        } else {
            int answer = WEXITSTATUS(status);
            printf("%s: %s\n", calls[i].name, answer == 0 ? "WORKED" : strerrorname_np(answer));
        }
    }
    return 0;
}
