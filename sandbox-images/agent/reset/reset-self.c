#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/dirent-raw.h"
#include "base/proc.h"
#include "reset/reset.h"

#define SCORE_SIZE 32

/* Settings that a command inherits from its parent, and so from PID 1. */
struct inheritance {
    struct rlimit limits[RLIM_NLIMITS];
    int nice;
    int policy;
    int io_priority;
    cpu_set_t cpus;
    mode_t mask;
    char directory[16];
    char oom_score[SCORE_SIZE];
    struct utsname names;
};

static struct inheritance start;

static bool inheritance_read(struct inheritance *out) {
    memset(out, 0, sizeof *out);
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        if (getrlimit(i, &out->limits[i]) != 0) return false;
    }
    out->nice = getpriority(PRIO_PROCESS, 0);
    out->policy = sched_getscheduler(0);
    out->io_priority = (int)syscall(SYS_ioprio_get, 1, 0);
    out->mask = umask(0);
    (void)umask(out->mask);
    return sched_getaffinity(0, sizeof out->cpus, &out->cpus) == 0 &&
           getcwd(out->directory, sizeof out->directory) != NULL &&
           proc_read("/proc/self/oom_score_adj", out->oom_score, sizeof out->oom_score) > 0 && uname(&out->names) == 0;
}

/* Returns true if calls for keyrings are refused. Keys outlive processes, and the keyring of a user is shared by all
 * sandboxes. Each call has invalid arguments: the kernel reports those only if the call is not refused. */
static bool keyrings_refused(void) {
    static const long calls[] = {SYS_keyctl, SYS_add_key, SYS_request_key};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (syscall(calls[i], -1, NULL, NULL, 0, 0) == 0 || (errno != EPERM && errno != ENOSYS)) return false;
    }
    return true;
}

bool self_remember(struct reset_result *out) {
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2) return reset_fail(out, ENOTSUP, "no seccomp filter is in force", "");
    if (!keyrings_refused()) return reset_fail(out, ENOTSUP, "the kernel's keyrings are open to commands", "");
    if (!inheritance_read(&start)) return reset_fail(out, errno, "no view of the agent's own limits", "");
    return true;
}

/* Counts the pids in /proc except 1. Returns -1 if it cannot be read. */
static int count_others(void) {
    char buffer[8192] __attribute__((aligned(8)));
    int others = 0;
    long n;
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0) return -1;
    while ((n = syscall(SYS_getdents64, proc, buffer, sizeof buffer)) > 0) {
        for (long at = 0; at < n;) {
            const struct dirent_raw *entry = (const void *)(buffer + at);
            at += entry->length;
            if (entry->name[0] >= '0' && entry->name[0] <= '9' && strcmp(entry->name, "1") != 0) others++;
        }
    }
    (void)close(proc);
    return n < 0 ? -1 : others;
}

bool self_prove(struct reset_result *out) {
    struct inheritance now;
    int others = count_others();
    if (others != 0) return reset_fail(out, others < 0 ? errno : ECHILD, "processes in ", "/proc");
    if (!inheritance_read(&now)) return reset_fail(out, errno, "no view of the agent's own limits", "");
    if (memcmp(&now, &start, sizeof now) != 0) return reset_fail(out, EPERM, "changed limits of the agent", "");
    return true;
}
