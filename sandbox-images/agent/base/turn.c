#define _GNU_SOURCE
#include "base/turn.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Shortest slice that the kernel accepts. */
#define SLICE_NS 100000u

/* First version of struct sched_attr. Only some versions of the C library define it. */
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

bool turn_come_soon(void) {
    struct attributes a = {.size = sizeof a, .policy = SCHED_OTHER, .runtime = SLICE_NS};
    errno = 0;
    a.nice = getpriority(PRIO_PROCESS, 0);
    return errno == 0 && syscall(SYS_sched_setattr, 0, &a, 0) == 0;
}

void turn_keep_to_self(void) {
    struct sched_param none = {0};
    /* Call the kernel directly: musl's function of this name always fails. */
    (void)syscall(SYS_sched_setscheduler, 0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none);
}
