/*
 * Implements RESET: restores the sandbox to its state before the first command, and proves it. With a read-only root a
 * command can change processes, tmpfs mounts, IPC objects and sockets. Each of them is removed, checked, and compared
 * with the state at the start. If the proof fails, the answer has the reason, and the host removes the sandbox.
 */
#ifndef RIPCORD_RESET_H
#define RIPCORD_RESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reset_result {
    uint32_t error; /* 0: the state is as at the start */
    char what[256]; /* leftover, or the obstacle to the proof */
};

/* Remembers the state. Called before the first command. */
void reset_prepare(void);
/* Resets the sandbox. Called when all processes but PID 1 are dead and forgotten, and its sockets are closed. Bounded
 * in time. */
void reset_run(struct reset_result *out);

/* reset-result.c: records the first failure. Returns false. */
bool reset_fail(struct reset_result *out, int error, const char *what, const char *detail);

/* ---- reset-mounts.c: the mounts, and the roots of the tmpfs mounts ---- */

bool mounts_remember(struct reset_result *out);
/* Runs in a child of root that may change its user. */
bool mounts_empty(void);
bool mounts_prove(struct reset_result *out);

/* ---- reset-ipc.c: System V objects ---- */

/* Runs in a child of root that may change its user. */
bool ipc_remove(void);
bool ipc_prove(struct reset_result *out);

/* ---- reset-sockets.c: the network namespace ---- */

bool sockets_remember(struct reset_result *out);
bool sockets_prove(struct reset_result *out);

/* ---- reset-self.c: processes, keyrings, and what commands inherit from PID 1 ---- */

bool self_remember(struct reset_result *out);
bool self_prove(struct reset_result *out);

#endif
