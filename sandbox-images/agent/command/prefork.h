/*
 * A keeper and its leader, forked while nothing runs. The next command is handed to such a pair, and waits neither for
 * fork nor for the work that both do before they know their command. Pairs are made only if commands follow each other
 * (docs/internals/engine-cost.md).
 */
#ifndef RIPCORD_PREFORK_H
#define RIPCORD_PREFORK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PREFORK_KEEPERS_MAX 1

struct prefork_pair {
    int control;  /* socket to the keeper */
    int program;  /* socket to the leader */
    pid_t keeper; /* 0: no pair */
};

/* Takes the waiting pair for a suitable command. The caller owns both descriptors. */
struct prefork_pair prefork_take(void);
/* Forks a pair if one is likely to be needed. Called when the agent is idle. */
void prefork_make(void);
/* Ends a pair that has waited for long. Returns when to call again. */
uint64_t prefork_tick(uint64_t now);
/* Forgets the pair and the count of commands. */
void prefork_forget(void);
/* Handles a reaped process: its pid may be reused from here on. */
void prefork_reaped(pid_t pid);

/* Lists keepers that belong to no command; at most PREFORK_KEEPERS_MAX. */
size_t prefork_processes(pid_t *out);
/* Returns the number of sockets between this process, the keeper and its leader. */
uint32_t prefork_sockets(void);

#endif
