#define _GNU_SOURCE
#include "command/command-state.h"

#include <signal.h>

#include "base/util.h"

void command_set_backstop(struct command *c, uint64_t at) {
    if (at < c->backstop_at) c->backstop_at = at;
    if (c->backstop_at < commands.next_backstop) commands.next_backstop = c->backstop_at;
}

bool command_lingers(struct command *c) {
    if ((c->flags & SPAWN_PATIENT) == 0) return false;
    if (c->lingers_until == 0) c->lingers_until = now_us() + LINGER_US;
    commands.next_linger = min_u64(commands.next_linger, c->lingers_until);
    return true;
}

/* A keeper that is exiting looks like an orphan: the next command to end would count it as one. */
bool keeper_may_be_seen(const struct command *c) {
    return !commands.setup.subreaper && (c->flags & SPAWN_DETACHED) == 0 && c->keeper > 0 && !c->keeper_reaped;
}

/* A keeper that is this late was stopped or has a worse problem: PID 1 takes over the process tree. */
void backstops_tick(uint64_t now) {
    if (now < commands.next_backstop) return;
    commands.next_backstop = NEVER;
    for (uint32_t i = 0; i < commands.count; i++) {
        struct command *c = commands.active[i];
        if (c->backstop_at <= now) {
            c->backstop_at = NEVER;
            if ((!c->ended || keeper_may_be_seen(c)) && c->control >= 0) (void)kill(c->keeper, SIGKILL);
        }
        if (c->backstop_at < commands.next_backstop) commands.next_backstop = c->backstop_at;
    }
}

void linger_tick(uint64_t now) {
    if (now < commands.next_linger) return;
    commands.next_linger = NEVER;
    for (uint32_t i = 0; i < commands.count; i++) {
        struct command *c = commands.active[i];
        if (c->lingers_until == 0) continue;
        if (now < c->lingers_until) {
            commands.next_linger = min_u64(commands.next_linger, c->lingers_until);
        } else {
            c->lingers_until = 0;
            /* Wait only once: further output is sent at once. */
            c->flags &= (uint16_t)~SPAWN_PATIENT;
            command_kick(c);
        }
    }
}
