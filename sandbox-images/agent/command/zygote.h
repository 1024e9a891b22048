/*
 * PID 1's side of the warm interpreter: a root process that has an interpreter loaded and forks. A fork comes with a
 * keeper of its own and waits for a program (a spare), so that the next one need not wait for it. docs/internals/warm-interpreters.md
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

/* WARM: another one from now on, unless the same is known, and an answer is owed. False for a request that cannot be parsed. */
bool zygote_configure(const uint8_t *request, uint32_t length);
/* False when there was no room. */
bool zygote_answer(void);

/* Whether a fork has this variable with this value; `expected` is where in its environment it should be. */
bool zygote_sets(const char *assignment, uint32_t expected);
/* True if a fork can run this request. */
bool zygote_takes(const struct spawn_request *r);

/* Starts it unless it runs. False when it is not to run now. */
bool zygote_run(void);
/* Sees to it that so many spares are ready or on their way. */
void zygote_ask_for_spares(uint32_t wanted);
/* A spare that is ready: its keeper, and two descriptors that are the caller's. 0: there is none. */
pid_t zygote_take_spare(int *control, int *program);
bool zygote_is_worth_waiting_for(void);
/* A program has waited for ZYGOTE_WAIT_US. */
void zygote_note_late(void);
/* Time of the next start for an answer that is owed; UINT64_MAX: none is owed after a failure. */
uint64_t zygote_next_try(void);

/* True when it has ended. */
bool zygote_event(void);
/* True when a spare is ready, or has failed. */
bool zygote_spare_event(uint64_t tag);

/* Nothing is left of it, what it was started with included. The next WARM starts another. */
void zygote_forget(void);

/* Itself and its spares, which belong to no command; at most ZYGOTE_PROCESSES_MAX. */
size_t zygote_processes(pid_t *out);
/* Between this process and those. */
uint32_t zygote_sockets(void);

#endif
