/* The conversation with the host: its frames, the promises it has to keep, and how it ends. */
#ifndef RIPCORD_SESSION_H
#define RIPCORD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/protocol.h"

void session_init(int host_in, int host_out);
/* The host has sent something, or closed its end. */
void session_readable(void);
/* Reads and obeys what is there; true when there may be more. */
bool session_read(void);
/* Answers that had no room before. */
void session_run(void);
/* Lease and lifetime. Returns when to call again. */
uint64_t session_tick(uint64_t now);

/* Kills everything, says why, and ends the process. */
_Noreturn void session_end(enum bye_reason reason);

#endif
