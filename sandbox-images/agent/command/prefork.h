/*
 * A keeper and its leader, forked while nothing runs: the next command is handed to such a pair, and waits for neither
 * fork nor for what both do before they know their command. Only where commands follow each other
 * (docs/internals/engine-cost.md).
 */
#ifndef RIPCORD_PREFORK_H
#define RIPCORD_PREFORK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PREFORK_KEEPERS_MAX 1

struct prefork_pair {
    int control;  /* to the keeper */
    int program;  /* to the leader */
    pid_t keeper; /* 0: there is none */
};

/* For a command that it suits; both descriptors are the caller's. */
struct prefork_pair prefork_take(void);
/* To be called when there is nothing else to do: sees to it that one waits, if one is likely to be asked for. */
void prefork_make(void);
/* Ends one that has waited for long. Returns when to call again. */
uint64_t prefork_tick(uint64_t now);
/* None is left, nor asked for. */
void prefork_forget(void);
/* Somebody has been reaped, whose number may be somebody else's from here on. */
void prefork_reaped(pid_t pid);

/* Keepers that belong to no command; at most PREFORK_KEEPERS_MAX. */
size_t prefork_processes(pid_t *out);
/* Between this process, the keeper and its leader. */
uint32_t prefork_sockets(void);

#endif
