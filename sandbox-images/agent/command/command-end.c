#define _GNU_SOURCE
#include "command/command-state.h"

#include <unistd.h>

#include "base/util.h"
#include "keeper/tree.h"

/* Interval of the checks: no event reports the end of an orphan that is not a child of its keeper. */
#define LOOK_INTERVAL_US 5000u

/* The parent of an orphan does not identify its command. An orphan that made no session of its own is in the command's
 * session. An orphan in another session is the command's if it cannot belong to another command. */
static bool has_left_something(const struct command *c) {
    pid_t keepers[STREAMS_MAX];
    size_t count = 0;
    struct tree tree = {0};
    bool alone = orphans_can_only_be_of(c), found = false;
    for (uint32_t i = 0; i < commands.count; i++) {
        if (commands.active[i]->keeper > 0) keepers[count++] = commands.active[i]->keeper;
    }
    if (tree_scan(&tree, getpid(), keepers, count) != 0) return false;
    for (size_t i = 0; i < tree.count && !found; i++) {
        found = tree.list[i].alive && (alone || tree.list[i].session == c->report.pid);
    }
    tree_free(&tree);
    return found;
}

void command_note_end(struct command *c) {
    c->ended = true;
    c->backstop_at = NEVER;
    if (keeper_may_be_seen(c)) command_set_backstop(c, now_us() + KEEPER_SLACK_US);
    for (int i = 0; i < 2; i++) close_fd(&c->held[i]);
    for (int i = 0; i < 2; i++) channel_writers_gone(&c->out[i]);
    if (c->out[0].fd < 0) c->out[0].ended = true;
    command_kick(c);
}

bool drain_begin(struct command *c) {
    if (commands.setup.subreaper || c->report.drain_us == 0 || !has_left_something(c)) return false;
    uint64_t now = now_us();
    c->drains_until = now + c->report.drain_us;
    commands.next_drain = min_u64(commands.next_drain, now + LOOK_INTERVAL_US);
    return true;
}

void drain_end(struct command *c) {
    c->drains_until = 0;
    command_note_end(c);
}

void drain_tick(uint64_t now) {
    if (now < commands.next_drain) return;
    commands.next_drain = NEVER;
    for (uint32_t i = 0; i < commands.count; i++) {
        struct command *c = commands.active[i];
        if (c->drains_until == 0) continue;
        if (now >= c->drains_until || !has_left_something(c)) {
            drain_end(c);
        } else {
            commands.next_drain = min_u64(commands.next_drain, min_u64(c->drains_until, now + LOOK_INTERVAL_US));
        }
    }
}
