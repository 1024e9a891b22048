/* State and functions shared by the files of this folder. No file outside includes it. */
#ifndef RIPCORD_COMMAND_STATE_H
#define RIPCORD_COMMAND_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cgroup.h"
#include "base/protocol.h"
#include "command/command.h"
#include "keeper/keeper.h"
#include "program/program.h"
#include "wire/channel.h"
#include "wire/input.h"
#include "wire/spawn-request.h"

#define NEVER UINT64_MAX
/* Maximum delay of a keeper before PID 1 takes over. Only a command that runs as root can delay a keeper. */
#define KEEPER_SLACK_US 5000000u
/* Time that the first output of a PATIENT command waits, so that it can be sent in one piece with the end. A program
 * writes its last output mostly within its last millisecond, and each piece wakes up the engine's processes twice. */
#define LINGER_US 2000u

enum phase {
    PHASE_FREE,
    PHASE_REQUEST,   /* the spawn request is not complete */
    PHASE_RUNNING,   /* from the fork until EXIT is in the outbox */
    PHASE_SURVIVORS, /* detached: EXIT is sent, the keeper still owns live processes */
    PHASE_CONNECTION, /* not a command: a connection from inside to the agent's port */
};

struct command {
    enum phase phase;
    uint32_t slot;
    uint32_t stream;
    uint16_t flags;
    uint8_t *request;
    uint32_t request_total;
    uint32_t request_have;

    pid_t keeper;
    int control;
    bool waiting; /* waits for a fork of the warm interpreter, at most until wait_ends */
    bool warm;    /* runs in such a fork */
    uint64_t wait_ends;
    struct spawn_request parsed;
    struct program program;
    bool started;
    bool started_told;
    bool ended; /* the report has arrived */
    bool lost;  /* the keeper died without a report */
    bool keeper_reaped; /* known only if orphans become children of PID 1 */
    bool orphans_wanted_dead; /* EXIT waits for their death */
    uint64_t drains_until;    /* 0: does not wait for orphans */
    bool killed_by_host;
    bool killed_for_sockets; /* its keeper was ordered to kill it */
    uint64_t lingers_until; /* 0: output does not wait */
    uint64_t backstop_at;
    pid_t pid;
    uint16_t cols, rows;
    struct keeper_report report;
    struct cgroup_counters before;
    struct input in;
    struct channel out[2];
    int held[2]; /* write ends of a BRIEF command's output: kept open, because their closing would only wake PID 1 */

    bool queued;
    bool blocked; /* waits for room in the outbox */
    struct command *next;
};

struct commands {
    struct commands_setup setup;
    uint32_t last_stream;   /* last stream of the host (odd numbers) */
    uint32_t last_accepted; /* last stream of the agent (even numbers) */
    int null_fd;
    uint32_t count;
    struct command *active[STREAMS_MAX];
    bool root_ran; /* a command has run as uid 0, which has power over PID 1 */
    uint64_t next_backstop;
    uint64_t next_linger; /* time at which the first waiting output is sent */
    uint64_t next_drain;  /* time of the next check of leftover processes */
    uint64_t orphans_at;    /* time of the next check for orphans */
    uint64_t orphans_until; /* time after which their death is not awaited */
};

struct pipes;

extern struct commands commands;
/* Returns the user of the command: the requested one, else the sandbox's default. */
const char *command_user(const struct spawn_request *r);

/* ---- command-slots.c: the slots of the commands, and the queue of turns ---- */

struct command *command_find(uint32_t stream);
/* Returns NULL if the slot is used by another command by now. */
struct command *command_of_tag(uint64_t tag);
/* Returns NULL if all slots are taken. */
struct command *command_claim(uint32_t stream);
void command_release(struct command *c);
/* Queues the command for a turn, because an event has occurred. */
void command_kick(struct command *c);
/* Removes and returns the first command of the queue. */
struct command *command_next(void);
bool commands_queued(void);

void command_drop_request(struct command *c);

/* ---- command-timers.c: deadlines on which PID 1 acts itself ---- */

/* Sets the time at which PID 1 itself acts. */
void command_set_backstop(struct command *c, uint64_t at);
/* Returns true while the output waits for more output or for the end. */
bool command_lingers(struct command *c);
/* Returns true if a keeper that is exiting may still be visible, if that matters. */
bool keeper_may_be_seen(const struct command *c);
void backstops_tick(uint64_t now);
void linger_tick(uint64_t now);

/* ---- command-orphans.c: orphans of dead keepers, and those that become children of PID 1 ---- */

void orphans_want_dead(void);
/* Returns true if no other command runs that could own an orphan. */
bool orphans_can_only_be_of(const struct command *c);
void orphans_end_ownerless(struct command *ending);
void orphans_tick(uint64_t now);

/* ---- command-end.c: the end of a command; if orphans become children of PID 1, leftover processes are awaited here
 * ---- */

/* Called when the report and all output have arrived. */
void command_note_end(struct command *c);
/* Called when the report has arrived. Returns false if there is nothing to wait for. */
bool drain_begin(struct command *c);
/* Stops waiting. */
void drain_end(struct command *c);
void drain_tick(uint64_t now);

/* ---- keeper-link.c: orders to the keeper, and its reports ---- */

void keeper_order_kill(struct command *c, enum keeper_cause cause, uint32_t grace_ms);
void keeper_order_signal(struct command *c, int signal);
void keeper_hear(struct command *c);

/* ---- command-fork.c: from a parsed request to the keeper ---- */

/* Ends a command that was not started. */
void command_end_unstarted(struct command *c, enum stage stage, int error);
/* Starts it in a new process. If it was waiting, it stops waiting. */
void command_start_fresh(struct command *c);
/* Starts it in a pair of prefork.h. `request` is the request as received. Returns false if none waits or the pair has
 * died: nothing has run then. */
bool command_start_in_pair(struct command *c, const uint8_t *request);
/* Sends a waiting keeper its command. `who` is NULL if the keeper has the user already. */
bool command_send_start(int control, const struct spawn_request *r, const struct identity *who);
/* Marks the command as running: its leader has received the rest. */
void command_handed_over(struct command *c, struct pipes *p, pid_t keeper);

/* ---- command-start.c: from the request to one of the ways to run it ---- */

/* Called when the request is complete. */
void command_start(struct command *c);

/* ---- command-turns.c: turns, and the frames sent to the host ---- */

/* Returns false if the outbox is full. */
bool command_tell_exit(struct command *c);

#endif
