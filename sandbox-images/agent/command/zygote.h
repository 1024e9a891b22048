/*
 * PID 1's side of the warm interpreter: a root process that has an interpreter loaded and forks. A fork comes with a
 * keeper of its own and waits for a program (a spare), so that the next one need not wait for it. docs/warm-interpreters.md
 */
#ifndef RIPCORD_ZYGOTE_H
#define RIPCORD_ZYGOTE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/spawn-request.h"

#define ZYGOTE_SPARES_MAX 8
#define ZYGOTE_PROCESSES_MAX (ZYGOTE_SPARES_MAX + 1)
/* What a program waits for a fork before it gets an interpreter of its own. */
#define ZYGOTE_WAIT_US 1000000u

/* WARM: starts it, unless the same runs, and owes an answer. False for a request that cannot be parsed. */
bool zygote_configure(const uint8_t *request, uint32_t length);
/* False when there was no room. */
bool zygote_answer(void);

/* Whether a fork has this variable with this value; `expected` is where in its environment it should be. */
bool zygote_sets(const char *assignment, uint32_t expected);

/* Whether it may run this at all. */
bool zygote_takes(const struct spawn_request *r);
/* Gives waiting commands what there is, and sees to it that there will be more. */
void zygote_serve(void);

void zygote_event(void);
void zygote_spare_event(uint64_t tag);
/* Those who have waited too long start fresh. Returns when to call again. */
uint64_t zygote_tick(uint64_t now);

/* Nothing is left of it, what it was started with included. The next WARM starts another. */
void zygote_forget(void);

/* Itself and its spares, which belong to no command; at most ZYGOTE_PROCESSES_MAX. */
size_t zygote_processes(pid_t *out);
/* Between this process and those. */
uint32_t zygote_sockets(void);

#endif
