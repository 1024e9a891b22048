#define _GNU_SOURCE
#include "command/command-state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/pty.h"
#include "base/util.h"
#include "command/connection.h"
#include "command/prefork.h"
#include "command/zygote.h"
#include "wire/loop.h"

/* Opens /dev/null again at each reset, because locks and owners set on an open file description survive the processes
 * that had it as stdin. */
static void open_null(void) {
    close_fd(&commands.null_fd);
    commands.null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void commands_init(const struct commands_setup *setup) {
    commands.setup = *setup;
    commands.null_fd = -1;
    open_null();
}

static bool add_request(struct command *c, const uint8_t *data, uint32_t length) {
    if (length > c->request_total - c->request_have) return false;
    if (length > 0) memcpy(c->request + c->request_have, data, length);
    c->request_have += length;
    if (c->request_have == c->request_total) command_start(c);
    return true;
}

/* Refuses a stream that does not have a slot. Returns false if the outbox has no room for the refusal. */
static bool refuse_stream(uint32_t stream, int error) {
    struct command c = {.stream = stream, .before = cgroup_counters()};
    c.report = (struct keeper_report){
        .outcome = OUTCOME_SPAWN_FAILED, .stage = STAGE_RESOURCES, .error = error, .exit_code = -1};
    return command_tell_exit(&c);
}

static bool on_spawn(const struct frame *f) {
    struct cursor c = {f->payload, f->length, false};
    uint32_t total = take_u32(&c);
    if (c.bad || f->stream % 2 == 0 || f->stream <= commands.last_stream) return false;
    commands.last_stream = f->stream;
    struct command *command = command_claim(f->stream);
    if (command == NULL) return refuse_stream(f->stream, EUSERS);
    command->request_total = total;
    if (total == 0 || total > SPAWN_REQUEST_MAX) {
        command_end_unstarted(command, STAGE_REQUEST, total == 0 ? EINVAL : E2BIG);
        return true;
    }
    command->request = malloc(total);
    if (command->request == NULL) {
        command_end_unstarted(command, STAGE_RESOURCES, ENOMEM);
        return true;
    }
    return add_request(command, c.at, (uint32_t)c.left);
}

static bool on_credit(struct command *c, struct cursor *p) {
    uint8_t channel = take_u8(p);
    uint32_t bytes = take_u32(p);
    if (p->bad || channel < CHANNEL_STDOUT || channel > CHANNEL_STDERR) return false;
    c->out[channel - 1].credit += bytes;
    command_kick(c);
    return true;
}

static void kill_command(struct command *c, uint32_t grace_ms) {
    if (c->phase == PHASE_CONNECTION) {
        connection_reset(c);
    } else if (c->phase == PHASE_REQUEST || c->waiting) {
        c->killed_by_host = true;
        command_end_unstarted(c, STAGE_REQUEST, ECANCELED);
    } else if (c->drains_until != 0) {
        drain_end(c);
    } else if (!c->ended || c->phase == PHASE_SURVIVORS) {
        keeper_order_kill(c, CAUSE_HOST, grace_ms);
    }
}

static void discard_output(struct command *c) {
    for (int i = 0; i < 2; i++) {
        /* Output read so far waits only for the end or for its turn. */
        if (c->started_told && channel_pump(&c->out[i], c->stream) == CHANNEL_LIMIT) {
            keeper_order_kill(c, CAUSE_OUTPUT_LIMIT, 0);
        }
        if (!c->out[i].finished) channel_discard(&c->out[i]);
    }
    command_kick(c);
}

static bool on_kill(struct command *c, struct cursor *p) {
    int32_t signal = (int32_t)take_u32(p);
    uint32_t grace_ms = take_u32(p);
    uint8_t flags = take_u8(p);
    if (p->bad || signal < 0 || signal >= NSIG) return false;
    if (signal == 0) {
        kill_command(c, grace_ms);
    } else if (c->phase == PHASE_RUNNING && !c->ended) {
        keeper_order_signal(c, signal);
    }
    if ((flags & KILL_DISCARD) != 0) discard_output(c);
    return true;
}

static bool on_resize(struct command *c, struct cursor *p) {
    uint16_t cols = take_u16(p);
    uint16_t rows = take_u16(p);
    if (p->bad) return false;
    c->cols = cols;
    c->rows = rows;
    if (c->out[0].terminal && c->out[0].fd >= 0) pty_resize(c->out[0].fd, cols, rows);
    return true;
}

static bool on_stdin(struct command *c, const struct frame *f) {
    bool within = input_accept(&c->in, f->payload, f->length);
    command_kick(c);
    return within;
}

static bool on_detach(struct command *c) {
    input_end(&c->in);
    discard_output(c);
    return true;
}

static bool is_stream_type(uint8_t type) {
    return (type >= T_SPAWN_MORE && type <= T_RESIZE) || type == T_DETACH;
}

static bool on_stream_frame(struct command *c, const struct frame *f) {
    struct cursor p = {f->payload, f->length, false};
    if (c->phase == PHASE_SURVIVORS) return true;
    switch (f->type) {
        case T_SPAWN_MORE:
            return c->phase != PHASE_REQUEST || add_request(c, f->payload, f->length);
        case T_STDIN:
            return on_stdin(c, f);
        case T_STDIN_EOF:
            input_end(&c->in);
            return true;
        case T_CREDIT:
            return on_credit(c, &p);
        case T_KILL:
            return on_kill(c, &p);
        case T_RESIZE:
            return on_resize(c, &p);
        case T_DETACH:
            return on_detach(c);
        default:
            return false;
    }
}

bool commands_frame(const struct frame *f) {
    if (f->type == T_SPAWN) return on_spawn(f);
    struct command *c = command_find(f->stream);
    if (c != NULL) return on_stream_frame(c, f);
    /* A frame for a stream that was never opened is a protocol error. A frame for a finished stream crossed EXIT in
     * flight: ignore it. */
    uint32_t last = f->stream % 2 == 1 ? commands.last_stream : commands.last_accepted;
    return f->stream <= last && is_stream_type(f->type);
}

void commands_kill_all(uint32_t grace_ms) {
    for (uint32_t i = 0; i < commands.count; i++) kill_command(commands.active[i], grace_ms);
}

static bool may_have_sockets(const struct command *c) {
    return c->control >= 0 && (c->flags & SPAWN_FS) == 0;
}

bool commands_have_keepers(void) {
    for (uint32_t i = 0; i < commands.count; i++) {
        if (may_have_sockets(commands.active[i])) return true;
    }
    return false;
}

void commands_kill_for_sockets(void) {
    for (uint32_t i = 0; i < commands.count; i++) {
        struct command *c = commands.active[i];
        if (!may_have_sockets(c)) continue;
        c->killed_for_sockets = true;
        keeper_order_kill(c, CAUSE_SOCKETS, 0);
    }
}

bool commands_die_for_sockets(void) {
    for (uint32_t i = 0; i < commands.count; i++) {
        if (commands.active[i]->killed_for_sockets && commands.active[i]->control >= 0) return true;
    }
    return false;
}

uint64_t commands_sockets(void) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < commands.count; i++) {
        if (commands.active[i]->control >= 0) count += 2;
    }
    return count + connections_sockets() + prefork_sockets() + zygote_sockets();
}

void commands_forget(void) {
    while (commands.count > 0) {
        struct command *c = commands.active[0];
        /* Read the last report of its keeper. */
        keeper_hear(c);
        command_release(c);
    }
    commands.next_backstop = commands.next_linger = commands.next_drain = commands.orphans_at = NEVER;
    open_null();
}

bool commands_ran_as_root(void) {
    return commands.root_ran;
}

static void on_output(struct command *c, int index) {
    c->out[index].readable = true;
    if (!command_lingers(c)) command_kick(c);
}

static void on_input(struct command *c, uint32_t events) {
    /* On a terminal EPOLLHUP only means that no process has it open at this moment. */
    if ((events & EPOLLERR) != 0 && !c->in.terminal && c->in.fd >= 0) {
        loop_unwatch(c->in.fd);
        input_lost(&c->in);
    } else {
        c->in.writable = true;
        input_flush(&c->in);
    }
    command_kick(c);
}

void commands_event(uint64_t tag, uint32_t events) {
    struct command *c = command_of_tag(tag);
    if (c == NULL) return;
    switch ((enum watch_kind)(tag & 0xff)) {
        case WATCH_CONTROL:
            keeper_hear(c);
            break;
        case WATCH_INPUT:
            on_input(c, events);
            break;
        case WATCH_OUTPUT_1:
            on_output(c, 0);
            break;
        case WATCH_OUTPUT_2:
            on_output(c, 1);
            break;
        default:
            break;
    }
}

uint64_t commands_tick(uint64_t now) {
    backstops_tick(now);
    orphans_tick(now);
    linger_tick(now);
    drain_tick(now);
    if (commands_queued()) return 0;
    uint64_t next = min_u64(commands.next_backstop, commands.next_linger);
    return min_u64(next, min_u64(commands.next_drain, commands.orphans_at));
}
