/* PID 1's side of the commands: their pipes, credit and frames. What kills and reaps them is their keeper. */
#ifndef RIPCORD_COMMAND_H
#define RIPCORD_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/frame.h"

struct commands_setup {
    const char *workspace;
    const char *default_user;
    bool subreaper;
    bool refuse_root; /* it could take PID 1's descriptors */
};

/* A child of PID 1 has gone. */
void commands_reaped(pid_t pid);

/* The strings must stay. */
void commands_init(const struct commands_setup *setup);

/* A frame for a stream. False when it breaks the protocol. */
bool commands_frame(const struct frame *f);
void commands_kill_all(uint32_t grace_ms);
/* File operations are left out here: they make no sockets. */
bool commands_have_keepers(void);
/* At once; EXIT says why. */
void commands_kill_for_sockets(void);
/* Whether one of those still has its keeper. */
bool commands_die_for_sockets(void);
/* The most that PID 1 and the keepers have between them now. */
uint64_t commands_sockets(void);
/* Every process is dead: no command is told of any more. */
void commands_forget(void);
/* Whether one has ever run as uid 0. */
bool commands_ran_as_root(void);

void commands_event(uint64_t tag, uint32_t events);
/* One turn for everybody who has something to do; true when there is more. */
bool commands_run(void);
/* The outbox has room again. */
void commands_unblock(void);
/* Time limits that the keepers have not kept, orphans of dead keepers. Returns when to call again. */
uint64_t commands_tick(uint64_t now);

uint32_t commands_count(void);

#endif
