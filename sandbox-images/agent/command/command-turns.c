#define _GNU_SOURCE
#include "command/command-state.h"

#include <signal.h>

#include "base/bytes.h"
#include "command/command-stdio.h"
#include "command/connection.h"
#include "wire/frame.h"

/* Number of commands served before frames of the host are read again. */
#define TURNS_PER_ROUND 16

static bool tell_started(struct command *c) {
    uint8_t payload[4];
    if (!c->started || c->started_told) return true;
    (void)put_u32(payload, (uint32_t)c->pid);
    c->started_told = outbox_control(c->stream, T_STARTED, payload, sizeof payload);
    return c->started_told;
}

static uint8_t final_outcome(const struct command *c, uint32_t ooms) {
    const struct keeper_report *r = &c->report;
    bool killed = r->signal == SIGKILL || (r->exit_code == 128 + SIGKILL && r->outcome == OUTCOME_EXITED);
    bool own = r->killed_by_agent || r->outcome == OUTCOME_TIMEOUT || r->outcome == OUTCOME_OUTPUT_LIMIT;
    return killed && !own && ooms > 0 ? OUTCOME_OOM : r->outcome;
}

bool command_tell_exit(struct command *c) {
    uint8_t payload[128];
    uint8_t *p = payload;
    const struct keeper_report *r = &c->report;
    struct cgroup_counters after = cgroup_counters();
    uint32_t ooms = counter_rise(c->before.oom_kills, after.oom_kills);
    uint32_t pids = counter_rise(c->before.pids_events, after.pids_events);
    uint16_t flags = 0;
    if (c->out[0].dropped > 0) flags |= EXIT_STDOUT_TRUNCATED;
    if (c->out[1].dropped > 0) flags |= EXIT_STDERR_TRUNCATED;
    if (ooms > 0) flags |= EXIT_OOM_ROSE;
    if (r->killed_by_host) flags |= EXIT_KILLED_BY_HOST;
    if (pids > 0) flags |= EXIT_PIDS_ROSE;
    if (c->warm) flags |= EXIT_WARM;
    if (r->killed_for_sockets || (c->lost && c->killed_for_sockets)) flags |= EXIT_SOCKETS;

    p = put_u8(p, final_outcome(c, ooms));
    p = put_u8(p, r->stage);
    p = put_u16(p, flags);
    p = put_u32(p, (uint32_t)r->exit_code);
    p = put_u32(p, (uint32_t)r->signal);
    p = put_u32(p, (uint32_t)r->error);
    p = put_u64(p, r->duration_us);
    p = put_u64(p, r->cpu_us);
    p = put_u64(p, r->max_rss_bytes);
    p = put_u64(p, c->out[0].total);
    p = put_u64(p, c->out[1].total);
    p = put_u32(p, r->background_killed);
    p = put_u32(p, ooms);
    p = put_u32(p, pids);
    return outbox_control(c->stream, T_EXIT, payload, (uint32_t)(p - payload));
}

enum turn { TURN_DONE, TURN_AGAIN, TURN_BLOCKED };

static enum turn run_channels(struct command *c) {
    enum turn turn = TURN_DONE;
    for (int i = 0; i < 2; i++) {
        switch (channel_pump(&c->out[i], c->stream)) {
            case CHANNEL_IDLE:
                break;
            case CHANNEL_LIMIT:
                keeper_order_kill(c, CAUSE_OUTPUT_LIMIT, 0);
                turn = TURN_AGAIN;
                break;
            case CHANNEL_BUSY:
                turn = TURN_AGAIN;
                break;
            case CHANNEL_FULL:
                return TURN_BLOCKED;
        }
    }
    return turn;
}

/* Frees the slot and its descriptors. */
static void finish(struct command *c) {
    command_release(c);
    connections_retry();
}

static void survive(struct command *c) {
    command_close_input(&c->in);
    c->phase = PHASE_SURVIVORS;
    command_kick(c);
}

static enum turn run_survivors(struct command *c) {
    enum turn turn = TURN_DONE;
    for (int i = 0; i < 2; i++) {
        struct channel *out = &c->out[i];
        if (out->fd < 0) continue;
        if (!channel_drain(out)) {
            command_close_output(out);
        } else if (out->readable) {
            turn = TURN_AGAIN;
        }
    }
    if (c->control >= 0) return turn;
    finish(c);
    return TURN_DONE;
}

static enum turn run_ended(struct command *c) {
    bool failed = c->report.outcome == OUTCOME_SPAWN_FAILED;
    if (!failed && (!c->out[0].finished || !c->out[1].finished)) return TURN_DONE;
    if (keeper_may_be_seen(c)) return TURN_DONE;
    orphans_end_ownerless(c);
    if (c->orphans_wanted_dead && commands.orphans_at != NEVER) return TURN_DONE;
    bool survives = (c->flags & SPAWN_DETACHED) != 0 && c->control >= 0;
    /* Remove the program before the host receives the end. */
    if (!survives) program_remove(&c->program);
    if (!command_tell_exit(c)) return TURN_BLOCKED;
    if (survives) {
        survive(c);
    } else {
        finish(c);
    }
    return TURN_DONE;
}

static enum turn run_connection(struct command *c) {
    if (!c->started_told) c->started_told = outbox_control(c->stream, T_ACCEPTED, NULL, 0);
    if (!c->started_told || !input_tell(&c->in, c->stream)) return TURN_BLOCKED;
    enum turn turn = run_channels(c);
    if (turn != TURN_DONE || !c->out[0].finished || !c->in.closed) return turn;
    if (!command_tell_exit(c)) return TURN_BLOCKED;
    finish(c);
    return TURN_DONE;
}

static enum turn run_command(struct command *c) {
    if (c->phase == PHASE_CONNECTION) return run_connection(c);
    if (c->phase == PHASE_SURVIVORS) return run_survivors(c);
    if (c->phase != PHASE_RUNNING) return TURN_DONE;
    if (!tell_started(c)) return TURN_BLOCKED;
    enum turn turn = TURN_DONE;
    /* Send output before STDIN_CLOSED: a host that receives STDIN_CLOSED may ignore later output. */
    if (c->started || c->lost) turn = run_channels(c);
    if (turn != TURN_BLOCKED && c->started && !input_tell(&c->in, c->stream)) return TURN_BLOCKED;
    return turn == TURN_DONE && c->ended ? run_ended(c) : turn;
}

bool commands_run(void) {
    struct command *c;
    for (int turns = 0; turns < TURNS_PER_ROUND && (c = command_next()) != NULL; turns++) {
        switch (run_command(c)) {
            case TURN_DONE:
                break;
            case TURN_AGAIN:
                command_kick(c);
                break;
            case TURN_BLOCKED:
                c->blocked = true;
                break;
        }
    }
    return commands_queued();
}

void commands_unblock(void) {
    for (uint32_t i = 0; i < commands.count; i++) {
        if (commands.active[i]->blocked) command_kick(commands.active[i]);
    }
}
