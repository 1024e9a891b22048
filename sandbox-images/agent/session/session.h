/* The session with the host: its frames, lease and lifetime deadlines, and its end. */
#ifndef RIPCORD_SESSION_H
#define RIPCORD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/protocol.h"

void session_init(int host_in, int host_out);
/* Called when the host has sent data or closed its end. */
void session_readable(void);
/* Handles pending frames. Returns true if there may be more. */
bool session_read(void);
/* Sends answers that did not fit before. */
void session_run(void);
/* Enforces lease and lifetime. Returns when to call again. */
uint64_t session_tick(uint64_t now);

/* Kills everything, sends the reason, and ends the process. */
_Noreturn void session_end(enum bye_reason reason);

#endif
