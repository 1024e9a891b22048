/*
 * PID 1's side of the warm interpreter (zygote): a root process that has an interpreter loaded and forks. A fork has a
 * keeper of its own and waits for a program (a spare), so that the next program need not wait for a fork.
 * docs/internals/warm-interpreters.md
 */
#ifndef RIPCORD_ZYGOTE_H
#define RIPCORD_ZYGOTE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/spawn-request.h"

#define ZYGOTE_SPARES_MAX 8
#define ZYGOTE_PROCESSES_MAX (ZYGOTE_SPARES_MAX + 1)
/* Time that a program waits for a fork before it gets an interpreter of its own. */
#define ZYGOTE_WAIT_US 1000000u

/* Handles WARM: replaces the interpreter unless the request is the same; an answer is owed. Returns false for a request
 * that cannot be parsed. */
bool zygote_configure(const uint8_t *request, uint32_t length);
/* Returns false if the outbox is full. */
bool zygote_answer(void);

/* Returns true if a fork has this variable with this value. `expected` is its probable index in the environment. */
bool zygote_sets(const char *assignment, uint32_t expected);
/* True if a fork can run this request. */
bool zygote_takes(const struct spawn_request *r);

/* Starts the interpreter unless it runs. Returns false if it must not run now. */
bool zygote_run(void);
/* Requests spares until `wanted` are ready or requested. */
void zygote_ask_for_spares(uint32_t wanted);
/* Takes a ready spare. Returns its keeper, or 0 if none is ready; the caller owns the two descriptors. */
pid_t zygote_take_spare(int *control, int *program);
bool zygote_is_worth_waiting_for(void);
/* Records that a program has waited for ZYGOTE_WAIT_US. */
void zygote_note_late(void);
/* Returns the time of the next start for an owed answer; UINT64_MAX if none is owed after a failure. */
uint64_t zygote_next_try(void);

/* Returns true if the interpreter has ended. */
bool zygote_event(void);
/* Returns true if a spare is ready or has failed. */
bool zygote_spare_event(uint64_t tag);

/* Removes the interpreter and its configuration. The next WARM starts another. */
void zygote_forget(void);

/* Lists the interpreter and its spares, which belong to no command; at most ZYGOTE_PROCESSES_MAX. */
size_t zygote_processes(pid_t *out);
/* Returns the number of sockets between this process and those. */
uint32_t zygote_sockets(void);

#endif
