#define _GNU_SOURCE
#include "command/command-state.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/user.h"
#include "base/util.h"
#include "command/command-warm.h"
#include "command/prefork.h"
#include "command/zygote.h"
#include "keeper/child.h"
#include "program/library.h"
#include "wire/spawn-request.h"

static void configure(struct command *c, const struct spawn_request *r) {
    bool brief = (r->flags & SPAWN_BRIEF) != 0;
    c->flags = r->flags;
    /* The host does not wait for STARTED of a BRIEF command: its output may be sent at once. */
    c->started = c->started_told = brief;
    for (int i = 0; i < 2; i++) {
        c->out[i].head_left = r->head[i];
        c->out[i].tail_limit = (size_t)r->tail[i];
        c->out[i].credit += r->credit[i];
        c->out[i].kill_at = r->kill_at_bytes;
        c->out[i].brief = brief;
    }
    bool terminal = (r->flags & SPAWN_PTY) != 0;
    c->out[0].terminal = c->in.terminal = terminal;
    if (terminal || (r->flags & SPAWN_MERGE) != 0) c->out[1].ended = c->out[1].finished = true;
    if (!terminal && (r->flags & SPAWN_STDIN) == 0) c->in.closed = true;
    if (r->timeout_ms == 0) return;
    uint64_t limit_us = min_u64(r->timeout_ms, UINT32_MAX * UINT64_C(1000)) * 1000;
    command_set_backstop(c, now_us() + limit_us + (uint64_t)r->grace_ms * 1000 + KEEPER_SLACK_US);
}

void command_start(struct command *c) {
    static uint8_t as_it_came[CHILD_REQUEST_MAX];
    struct spawn_request *r = &c->parsed;
    if (c->request_total <= sizeof as_it_came) memcpy(as_it_came, c->request, c->request_total);
    int error = spawn_request_parse(c->request, c->request_total, r);
    if (error != 0) {
        command_end_unstarted(c, error == EINVAL ? STAGE_REQUEST : STAGE_RESOURCES, error);
        return;
    }
    if (c->cols == 0 && c->rows == 0) {
        c->cols = r->cols;
        c->rows = r->rows;
    }
    c->phase = PHASE_RUNNING;
    configure(c, r);
    user_remember(command_user(r));
    error = library_place(r);
    if (error == 0 && r->program != NULL) error = program_write(&c->program, r->program, r->text);
    if (error != 0) {
        command_end_unstarted(c, STAGE_PROGRAM, error);
        return;
    }
    if (r->program != NULL) r->argv[r->program_at] = c->program.path;
    if (zygote_takes(r)) {
        prefork_forget();
        warm_await(c);
    } else if (!command_start_in_pair(c, as_it_came)) {
        command_start_fresh(c);
    }
}
