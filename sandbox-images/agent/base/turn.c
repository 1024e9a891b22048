#define _GNU_SOURCE
#include "base/turn.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The shortest that the kernel takes. */
#define SLICE_NS 100000u

/* struct sched_attr in its first version; only some versions of the C library have it. */
struct attributes {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime;
    uint64_t deadline;
    uint64_t period;
};

/*
 * Short slices in many processes would undo the advantage. The engine's filter holds for PID 1, too, and must allow the
 * call; it refuses all other architectures, so that one number is enough here.
 */
static void refuse_others(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setattr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    /* self-test.c and reset-self.c look for the engine's filter, and must not find this one in its place. */
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER) {
        (void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
    }
}

void turn_come_soon(void) {
    struct attributes a = {.size = sizeof a, .policy = SCHED_OTHER, .runtime = SLICE_NS};
    errno = 0;
    a.nice = getpriority(PRIO_PROCESS, 0);
    if (errno == 0 && syscall(SYS_sched_setattr, 0, &a, 0) == 0) refuse_others();
}

void turn_keep_to_self(void) {
    struct sched_param none = {0};
    /* musl's function of this name only fails. */
    (void)syscall(SYS_sched_setscheduler, 0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none);
}
