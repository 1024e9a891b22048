/* PID 1's side of the commands: their pipes, credit and frames. Their keeper kills and reaps them. */
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
    bool refuse_root; /* root could take PID 1's descriptors */
};

/* Handles the death of a child of PID 1. */
void commands_reaped(pid_t pid);

/* The strings must outlive the commands. */
void commands_init(const struct commands_setup *setup);

/* Handles a frame for a stream. Returns false if it violates the protocol. */
bool commands_frame(const struct frame *f);
void commands_kill_all(uint32_t grace_ms);
/* Returns true if commands have keepers. File operations do not count: they open no sockets. */
bool commands_have_keepers(void);
/* Kills all commands at once. EXIT reports the reason. */
void commands_kill_for_sockets(void);
/* Returns true if one of the killed commands still has its keeper. */
bool commands_die_for_sockets(void);
/* Returns the maximum number of sockets between PID 1 and the keepers at present. */
uint64_t commands_sockets(void);
/* Forgets all commands without a report to the host: every process is dead. */
void commands_forget(void);
/* Returns true if a command has ever run as uid 0. */
bool commands_ran_as_root(void);

void commands_event(uint64_t tag, uint32_t events);
/* Gives one turn to every command with pending work. Returns true if there is more work. */
bool commands_run(void);
/* Called when the outbox has room again. */
void commands_unblock(void);
/* Enforces time limits that keepers missed, and handles orphans of dead keepers. Returns when to call again. */
uint64_t commands_tick(uint64_t now);

uint32_t commands_count(void);

#endif
