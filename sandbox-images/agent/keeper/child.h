/* Steps between fork and execve of a command. */
#ifndef RIPCORD_CHILD_H
#define RIPCORD_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/user.h"
#include "program/program.h"
#include "wire/spawn-request.h"

/* Settings that every command inherits from the agent's start. They are read once, before the agent changes its own. */
struct child_defaults {
    int oom_score_adj; /* score of the agent */
    unsigned long nofile_soft;
    unsigned long nofile_hard;
};

extern struct child_defaults child_defaults;
void child_defaults_load(void);
/* Raises the score, so that the kernel kills this process before PID 1 if memory runs out. */
void child_raise_oom_score(void);
/* Appends the score for that to `text`. */
void child_append_oom_score(char *text, size_t size);

/* Report of a failed start through the close-on-exec pipe. If execve worked, the pipe closes without a report. */
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

/* Sets default dispositions and unblocks all signals. */
void child_reset_signals(void);

_Noreturn void child_run(const struct child_plan *plan);

/* Maximum size of a request to a waiting leader. A longer one starts in a new process. */
#define CHILD_REQUEST_MAX 16384
/* Sends a waiting leader its user, the path of its program, the request as received, and its stdio. PID 1 calls it.
 * Returns false if the leader has gone. */
bool child_send(int socket, const struct identity *who, const char program[PROGRAM_PATH_MAX], const uint8_t *request,
                size_t length, const int stdio[3]);

/* Waits for the rest from PID 1, fills in the plan and the objects it points to, then does the same as child_run. */
_Noreturn void child_await(int socket, struct child_plan *plan, struct spawn_request *request, struct identity *who);

#endif
