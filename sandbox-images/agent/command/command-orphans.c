#define _GNU_SOURCE
#include "command/command-state.h"

#include <unistd.h>

#include "base/util.h"
#include "command/prefork.h"
#include "command/zygote.h"
#include "keeper/tree.h"

#define ORPHAN_INTERVAL_US 10000u

/* Kills every process that is not below a living keeper. */
static size_t kill_orphans(void) {
    pid_t keepers[STREAMS_MAX + ZYGOTE_PROCESSES_MAX + PREFORK_KEEPERS_MAX];
    size_t count = zygote_processes(keepers);
    count += prefork_processes(keepers + count);
    for (uint32_t i = 0; i < commands.count; i++) {
        if (commands.active[i]->control >= 0) keepers[count++] = commands.active[i]->keeper;
    }
    return tree_kill(getpid(), keepers, count);
}

void orphans_want_dead(void) {
    commands.orphans_at = now_us();
    commands.orphans_until = commands.orphans_at + KEEPER_SLACK_US;
}

void orphans_tick(uint64_t now) {
    if (now < commands.orphans_at) return;
    bool more = kill_orphans() > 0 && now < commands.orphans_until;
    commands.orphans_at = more ? now + ORPHAN_INTERVAL_US : NEVER;
    if (more) return;
    for (uint32_t i = 0; i < commands.count; i++) {
        if (commands.active[i]->orphans_wanted_dead) command_kick(commands.active[i]);
    }
}

void commands_reaped(pid_t pid) {
    if (commands.setup.subreaper) return;
    for (uint32_t i = 0; i < commands.count; i++) {
        struct command *c = commands.active[i];
        if (c->keeper != pid) continue;
        c->keeper_reaped = true;
        command_kick(c);
    }
}

bool orphans_can_only_be_of(const struct command *c) {
    for (uint32_t i = 0; i < commands.count; i++) {
        enum phase phase = commands.active[i]->phase;
        if (commands.active[i] != c && phase != PHASE_REQUEST && phase != PHASE_CONNECTION) return false;
    }
    return true;
}

/* Kills orphans without an owner. Without subreapers orphans become children of PID 1, and their command is unknown:
 * they live until no command runs that could own them. */
void orphans_end_ownerless(struct command *ending) {
    if (commands.setup.subreaper || ending->orphans_wanted_dead || (ending->flags & SPAWN_DETACHED) != 0) return;
    if (!orphans_can_only_be_of(ending)) return;
    ending->orphans_wanted_dead = true;
    ending->report.background_killed += (uint32_t)kill_orphans();
    orphans_want_dead();
}
