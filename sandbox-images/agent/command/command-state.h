/* State and functions that the files of this folder share. No file outside includes it. */
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
/* What a keeper may be late before PID 1 takes over: only a root command can hold one up. */
#define KEEPER_SLACK_US 5000000u
/* What the first output of a patient command waits for its end, with which it goes out in one piece: what a program says
 * last, it mostly says within its last millisecond, and each piece costs the engine's processes two wake-ups. */
#define LINGER_US 2000u

enum phase {
    PHASE_FREE,
    PHASE_REQUEST,   /* the spawn request is not complete */
    PHASE_RUNNING,   /* from the fork until EXIT is in the outbox */
    PHASE_SURVIVORS, /* detached: EXIT is out, the keeper still owns something alive */
    PHASE_CONNECTION, /* no command: somebody inside has connected to the agent's port */
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
    bool waiting; /* for a fork of the warm interpreter, at most until wait_ends */
    bool warm;    /* it got one */
    uint64_t wait_ends;
    struct spawn_request parsed;
    struct program program;
    bool started;
    bool started_told;
    bool ended; /* the report is there */
    bool lost;  /* the keeper died without one */
    bool keeper_reaped; /* known only where orphans come to PID 1 */
    bool orphans_wanted_dead; /* EXIT waits for them */
    uint64_t drains_until;    /* 0: no orphan is waited for */
    bool killed_by_host;
    bool killed_for_sockets; /* its keeper has been told to */
    uint64_t lingers_until; /* 0: it does not */
    uint64_t backstop_at;
    pid_t pid;
    uint16_t cols, rows;
    struct keeper_report report;
    struct cgroup_counters before;
    struct input in;
    struct channel out[2];
    int held[2]; /* a brief one's ends of its output: that they close is no news, and would only wake PID 1 */

    bool queued;
    bool blocked; /* until the outbox has room */
    struct command *next;
};

struct commands {
    struct commands_setup setup;
    uint32_t last_stream;   /* of the host's, which are odd */
    uint32_t last_accepted; /* of the agent's, which are even */
    int null_fd;
    uint32_t count;
    struct command *active[STREAMS_MAX];
    bool root_ran; /* as uid 0 a command has power over PID 1 */
    uint64_t next_backstop;
    uint64_t next_linger; /* when the first of them ends */
    uint64_t next_drain;  /* when to look again at what commands have left */
    uint64_t orphans_at;    /* when to look for orphans next */
    uint64_t orphans_until; /* when to stop caring whether they die */
};

struct pipes;

extern struct commands commands;
/* Who it runs as: what it asks for, else the sandbox's own. */
const char *command_user(const struct spawn_request *r);

/* ---- command-slots.c: who there is, and whose turn it is ---- */

struct command *command_find(uint32_t stream);
/* NULL when the slot has another user by now. */
struct command *command_of_tag(uint64_t tag);
/* NULL when all slots are taken. */
struct command *command_claim(uint32_t stream);
void command_release(struct command *c);
/* Something has happened for it: it gets a turn. */
void command_kick(struct command *c);
/* Takes the first off the queue. */
struct command *command_next(void);
bool commands_queued(void);

void command_drop_request(struct command *c);

/* ---- command-timers.c: what PID 1 does when a time has come ---- */

/* When PID 1 itself has to act. */
void command_set_backstop(struct command *c, uint64_t at);
/* Its output waits for more, or for its end. False when it has waited. */
bool command_lingers(struct command *c);
/* Whether its keeper has not gone yet, where that matters. */
bool keeper_may_be_seen(const struct command *c);
void backstops_tick(uint64_t now);
void linger_tick(uint64_t now);

/* ---- command-orphans.c: where a keeper has died, and where orphans come to PID 1 ---- */

void orphans_want_dead(void);
/* No other command runs that could own an orphan. */
bool orphans_can_only_be_of(const struct command *c);
void orphans_end_ownerless(struct command *ending);
void orphans_tick(uint64_t now);

/* ---- command-end.c: the end of a command; where orphans come to PID 1, what it has left is waited for here ---- */

/* All there will be of its report and output is there. */
void command_note_end(struct command *c);
/* Its report is there. False when there is nothing to wait for. */
bool drain_begin(struct command *c);
/* Waits no longer. */
void drain_end(struct command *c);
void drain_tick(uint64_t now);

/* ---- keeper-link.c: orders to the keeper, and its news ---- */

void keeper_order_kill(struct command *c, enum keeper_cause cause, uint32_t grace_ms);
void keeper_order_signal(struct command *c, int signal);
void keeper_hear(struct command *c);

/* ---- command-fork.c: from a parsed request to the keeper ---- */

/* It ends before it began. */
void command_end_unstarted(struct command *c, enum stage stage, int error);
/* A process like any other. It waits no longer if it did. */
void command_start_fresh(struct command *c);
/* Starts it in a pair of prefork.h. `request` is as it came. False if none waits, or it has died: nothing has run. */
bool command_start_in_pair(struct command *c, const uint8_t *request);
/* Sends a waiting keeper its command. `who` is NULL where the keeper has the user already. */
bool command_send_start(int control, const struct spawn_request *r, const struct identity *who);
/* The rest is at its leader: it runs from here on. */
void command_handed_over(struct command *c, struct pipes *p, pid_t keeper);

/* ---- command-start.c: from the request to one of the ways to run it ---- */

/* The request is complete. */
void command_start(struct command *c);

/* ---- command-turns.c: turns, and the frames they send to the host ---- */

/* False when there was no room. */
bool command_tell_exit(struct command *c);

#endif
