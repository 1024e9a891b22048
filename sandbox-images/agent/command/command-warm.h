/* Runs commands in forks of the warm interpreter, and queues those that wait for one.
 * docs/internals/warm-interpreters.md */
#ifndef RIPCORD_COMMAND_WARM_H
#define RIPCORD_COMMAND_WARM_H

#include <stdbool.h>
#include <stdint.h>

struct command;

/* Handles WARM. Returns false for a request that cannot be parsed. */
bool warm_configure(const uint8_t *request, uint32_t length);
/* Starts the command in a fork as soon as one is ready; in a new process if none will be ready soon. */
void warm_await(struct command *c);

void warm_event(void);
void warm_spare_event(uint64_t tag);
/* Starts commands that have waited too long in a new process. Returns when to call again. */
uint64_t warm_tick(uint64_t now);

#endif
