/* What happens between fork and execve of a command. */
#ifndef RIPCORD_CHILD_H
#define RIPCORD_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/user.h"
#include "program/program.h"
#include "wire/spawn-request.h"

/* What every command inherits from the agent's start: read once, before the agent changes its own. */
struct child_defaults {
    int oom_score_adj; /* the agent's own */
    unsigned long nofile_soft;
    unsigned long nofile_hard;
};

extern struct child_defaults child_defaults;
void child_defaults_load(void);
/* The kernel takes this process before PID 1 when memory runs out. */
void child_raise_oom_score(void);
/* The score that takes, to the end of `text`. */
void child_append_oom_score(char *text, size_t size);

/* How a failed start is told through the close-on-exec pipe; nothing comes when execve worked. */
struct child_failure {
    int stage;
    int error;
};

struct child_plan {
    const struct spawn_request *request;
    const struct identity *who;
    const char *workspace;
    int stdio[3];
    int failure_fd;
};

/* Default dispositions, nothing blocked. */
void child_reset_signals(void);

_Noreturn void child_run(const struct child_plan *plan);

/* Environments of programs are smaller; a longer one starts in a fork of its own. */
#define CHILD_REQUEST_MAX 16384
/* PID 1 → a leader that waits: who it is to be, where its program lies, the request as it came, and its stdio. False when it has gone. */
bool child_send(int socket, const struct identity *who, const char program[PROGRAM_PATH_MAX], const uint8_t *request,
                size_t length, const int stdio[3]);

/* The same as child_run, once PID 1 has sent the rest: that fills in the plan and what it points to. */
_Noreturn void child_await(int socket, struct child_plan *plan, struct spawn_request *request, struct identity *who);

#endif
