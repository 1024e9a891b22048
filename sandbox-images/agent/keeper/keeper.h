/* Keeper: a root process for each command, which owns the command's whole process tree and kills it in time. */
#ifndef RIPCORD_KEEPER_H
#define RIPCORD_KEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/user.h"
#include "wire/spawn-request.h"

/* Orders of PID 1 to a keeper, one packet each. */
enum keeper_order { ORDER_KILL_TREE = 1, ORDER_SIGNAL_TREE = 2, ORDER_START = 3 };

/* Reason for killing a tree. The first one is kept. */
enum keeper_cause { CAUSE_NONE, CAUSE_HOST, CAUSE_OUTPUT_LIMIT, CAUSE_TIMEOUT, CAUSE_SOCKETS };

struct keeper_command {
    int order;
    int signal;
    int cause;
    uint32_t grace_ms;
};

/* First packet of PID 1 to a keeper whose leader waits for its program. */
struct keeper_start {
    int order;
    uint16_t flags;
    uint32_t grace_ms;
    uint32_t drain_ms;
    uint64_t timeout_ms;
    uint64_t started_us;
    bool names_user; /* false: the keeper has the user already */
    struct identity who;
};

/* Reports of a keeper to PID 1. */
enum keeper_news { NEWS_STARTED = 1, NEWS_TERMINAL = 2, NEWS_ENDED = 3, NEWS_ROOT = 4, NEWS_READY = 5 };

struct keeper_report {
    int news;
    pid_t pid; /* STARTED, ENDED: pid of the command; READY: pid of the keeper */
    uint8_t outcome;
    uint8_t stage;
    bool killed_by_host;
    bool killed_for_sockets;
    bool killed_by_agent; /* the keeper sent SIGKILL to the leader */
    int exit_code;
    int signal;
    int error;
    uint64_t duration_us;
    uint64_t cpu_us;
    uint64_t max_rss_bytes;
    uint32_t background_killed;
    uint64_t drain_us; /* remaining time of leftover processes, for PID 1 if orphans become its children */
};

struct keeper_plan {
    const struct spawn_request *request;
    const char *workspace;
    const char *user;
    bool refuse_root;
    int control;  /* the keeper's end of the socket pair */
    int stdio[3]; /* the command's ends; unused for a terminal */
};

/* Runs in the new process. Never returns. */
_Noreturn void keeper_run(const struct keeper_plan *plan);

/* Runs in a process forked before there is a command: waits at `control`, its leader at `program`. */
_Noreturn void keeper_await(int control, int program, const char *workspace);

/* Argument by which a warm interpreter starts a keeper: `keeper LEADER UID GID [GROUP…]`. The leader is its child
 * already. */
#define KEEPER_WORD "keeper"
#define KEEPER_CONTROL_FD 3
#define KEEPER_FAILURE_FD 4
_Noreturn void keeper_adopt(int argc, char **argv);

#endif
