/* Commands in forks of the warm interpreter, and those that wait for one. docs/internals/warm-interpreters.md */
#ifndef RIPCORD_COMMAND_WARM_H
#define RIPCORD_COMMAND_WARM_H

#include <stdbool.h>
#include <stdint.h>

struct command;

/* WARM. False for a request that cannot be parsed. */
bool warm_configure(const uint8_t *request, uint32_t length);
/* The command starts in a fork when one is ready. It starts fresh if none will be soon. */
void warm_await(struct command *c);

void warm_event(void);
void warm_spare_event(uint64_t tag);
/* Commands that have waited too long start fresh. Returns when to call again. */
uint64_t warm_tick(uint64_t now);

#endif
