#define _GNU_SOURCE
#include "reset/reset.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "keeper/child.h"
#include "program/library.h"

/* Time limit of the removal. A workspace full to the last inode is emptied in a second. */
#define WIPE_LIMIT_US 3000000u
/* Time limit for work of the kernel after the death of the last process: collecting sockets that held each other,
 * freeing pages. */
#define SETTLE_LIMIT_US 30000u
#define SETTLE_PAUSE_NS 500000

static struct reset_result prepared;

void reset_prepare(void) {
    (void)(mounts_remember(&prepared) && sockets_remember(&prepared) && self_remember(&prepared));
    struct reset_result ipc = {0};
    if (prepared.error == 0 && !ipc_prove(&ipc)) prepared = ipc;
}

/* Removes all files in a process other than PID 1, because PID 1 must keep its own user: as another user it could be
 * signalled by that user's processes. */
_Noreturn static void wipe(void) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDERR_FILENO) < 0) _exit(1);
    close_all_from(3, NULL, 0);
    child_raise_oom_score();
    bool done = ipc_remove();
    _exit(mounts_empty() && done ? 0 : 1);
}

/* Waits for the child. Returns 0 if it finished all work. */
static int wait_for(pid_t child) {
    uint64_t end = now_us() + WIPE_LIMIT_US;
    struct timespec pause = {0, 10000000};
    sigset_t news;
    int status;
    (void)sigemptyset(&news);
    (void)sigaddset(&news, SIGCHLD);
    for (;;) {
        pid_t pid = waitpid(child, &status, WNOHANG);
        if (pid == child) return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EIO;
        if (pid < 0 && errno != EINTR) return errno;
        if (now_us() >= end) {
            (void)kill(child, SIGKILL);
            (void)waitpid(child, &status, 0);
            return ETIME;
        }
        (void)sigtimedwait(&news, NULL, &pause);
    }
}

static bool prove(struct reset_result *out) {
    *out = (struct reset_result){0};
    return self_prove(out) && mounts_prove(out) && ipc_prove(out) && sockets_prove(out);
}

void reset_run(struct reset_result *out) {
    *out = prepared;
    if (out->error != 0) return;
    library_forget();
    pid_t child = fork();
    if (child == 0) wipe();
    int error = child < 0 ? errno : wait_for(child);
    if (error != 0) {
        (void)reset_fail(out, error, "files or IPC objects that could not be removed", "");
        return;
    }
    struct timespec pause = {0, SETTLE_PAUSE_NS};
    uint64_t now = now_us();
    /* Take the time before each check, so that the last check begins after the limit even if this process was delayed. */
    for (uint64_t end = now + SETTLE_LIMIT_US; !prove(out) && now < end; now = now_us()) (void)nanosleep(&pause, NULL);
}
