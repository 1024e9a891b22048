#define _GNU_SOURCE
#include "session/self-test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/protocol.h"
#include "base/user.h"
#include "base/util.h"

/* Exit status of the child. */
enum finding {
    FOUND_FD = 1,
    FOUND_MEMORY = 2,
    FOUND_SIGNAL = 4,
    FOUND_NO_SUBREAPER = 8,
    FOUND_USER_ERROR = 16,
};

static bool opens(const char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0) (void)close(fd);
    return fd >= 0;
}

static bool opens_descriptor(int number) {
    char path[40] = "/proc/1/fd/";
    text_append_u64(path, sizeof path, (uint64_t)number);
    return opens(path, O_WRONLY) || opens(path, O_RDONLY);
}

static bool takes_descriptor(int number) {
    int process = (int)syscall(SYS_pidfd_open, 1, 0);
    if (process < 0) return false;
    int fd = (int)syscall(SYS_pidfd_getfd, process, number, 0);
    if (fd >= 0) (void)close(fd);
    (void)close(process);
    return fd >= 0;
}

static bool reads_memory(void) {
    char byte;
    struct iovec here = {&byte, 1};
    struct iovec there = {(void *)(uintptr_t)&opens, 1};
    return opens("/proc/1/mem", O_RDONLY) || process_vm_readv(1, &here, 1, &there, 1, 0) == 1;
}

_Noreturn static void probe(const char *user, int host_in, int host_out) {
    struct identity who;
    int found = prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : FOUND_NO_SUBREAPER;
    if (user_resolve(user, &who) != 0 || user_become(&who) != 0) _exit(FOUND_USER_ERROR);
    if (opens_descriptor(host_in) || opens_descriptor(host_out)) found |= FOUND_FD;
    if (takes_descriptor(host_in) || takes_descriptor(host_out)) found |= FOUND_FD;
    if (reads_memory()) found |= FOUND_MEMORY;
    if (kill(1, 0) == 0) found |= FOUND_SIGNAL;
    _exit(found);
}

static bool has_openat2(void) {
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = root < 0 ? -1 : (int)syscall(SYS_openat2, root, ".", &how, sizeof how);
    bool has = fd >= 0;
    close_fd(&fd);
    close_fd(&root);
    return has;
}

static uint16_t own_capabilities(void) {
    uint16_t caps = 0;
    if (has_openat2()) caps |= HAS_OPENAT2;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) caps |= HAS_NO_NEW_PRIVS;
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2) caps |= HAS_SECCOMP;
    return caps;
}

static pid_t start_probe(const char *user, int host_in, int host_out) {
    pid_t child = fork();
    if (child == 0) probe(user, host_in, host_out);
    return child;
}

/* Waits for the probe. Returns 0, or the errno of a failure. */
static int finish_probe(pid_t child, int *found) {
    int status;
    pid_t reaped;
    do {
        reaped = waitpid(child, &status, 0);
    } while (reaped < 0 && errno == EINTR);
    if (reaped < 0) return errno;
    if (!WIFEXITED(status)) return ECHILD;
    *found = WEXITSTATUS(status);
    return (*found & FOUND_USER_ERROR) != 0 ? EINVAL : 0;
}

int self_test_run(const char *default_user, int host_in, int host_out, struct self_test *out) {
    int found = 0, found_as_root = 0;
    /* Run both probes at once. On Linux root without a capability has no special rights; gVisor of 2022 checks only the
     * uid. */
    pid_t user = start_probe(default_user, host_in, host_out);
    int error = user < 0 ? errno : 0;
    pid_t root = start_probe("0:0", host_in, host_out);
    int root_error = root < 0 ? errno : finish_probe(root, &found_as_root);
    if (error == 0) error = finish_probe(user, &found);
    if (error != 0) return error;
    if (root_error != 0) return ECHILD;
    out->capabilities = own_capabilities();
    out->breach = NULL;
    if ((found & FOUND_NO_SUBREAPER) == 0) out->capabilities |= CAN_SUBREAP;
    if ((found & FOUND_SIGNAL) == 0) out->capabilities |= CAN_REFUSE_SIGNALS;
    if ((found & FOUND_FD) == 0) out->capabilities |= CAN_HIDE_DESCRIPTORS;
    if ((found_as_root & (FOUND_FD | FOUND_MEMORY)) == 0) out->capabilities |= CAN_HIDE_FROM_ROOT;
    if ((found & FOUND_MEMORY) != 0) out->breach = "the memory of PID 1 is open to the sandbox user";
    if ((found & FOUND_FD) != 0) out->breach = "the descriptors of PID 1 are open to the sandbox user";
    return 0;
}
