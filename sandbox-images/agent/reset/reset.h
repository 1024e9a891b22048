/*
 * RESET: back to how the sandbox was before its first command, and the proof of it. With a read-only root a command can
 * change processes, tmpfs mounts, IPC objects and sockets; each of them is removed, looked for, and compared with what
 * there was at the start. What cannot be proven is said, and the host throws the sandbox away.
 */
#ifndef RIPCORD_RESET_H
#define RIPCORD_RESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reset_result {
    uint32_t error; /* 0: as at the start */
    char what[256]; /* what is left, or keeps it from being proven */
};

/* Before the first command: remembers what there is. */
void reset_prepare(void);
/* Everybody but PID 1 is dead and forgotten, its sockets are closed. Bounded in time. */
void reset_run(struct reset_result *out);

/* reset-result.c: notes the first thing that is wrong; returns false. */
bool reset_fail(struct reset_result *out, int error, const char *what, const char *detail);

/* ---- reset-mounts.c: what is mounted, and the roots of the tmpfs mounts ---- */

bool mounts_remember(struct reset_result *out);
/* In a child of root that may change its user. */
bool mounts_empty(void);
bool mounts_prove(struct reset_result *out);

/* ---- reset-ipc.c: System V objects ---- */

/* In a child of root that may change its user. */
bool ipc_remove(void);
bool ipc_prove(struct reset_result *out);

/* ---- reset-sockets.c: the network namespace ---- */

bool sockets_remember(struct reset_result *out);
bool sockets_prove(struct reset_result *out);

/* ---- reset-self.c: processes, keyrings, and what commands inherit from PID 1 ---- */

bool self_remember(struct reset_result *out);
bool self_prove(struct reset_result *out);

#endif
