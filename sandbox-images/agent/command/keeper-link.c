#define _GNU_SOURCE
#include "command/command-state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/pty.h"
#include "base/util.h"
#include "command/prefork.h"
#include "command/zygote.h"
#include "keeper/tree.h"
#include "wire/loop.h"

#define ORPHAN_INTERVAL_US 10000u

void keeper_set_backstop(struct command *c, uint64_t at) {
    if (at < c->backstop_at) c->backstop_at = at;
    if (c->backstop_at < commands.next_backstop) commands.next_backstop = c->backstop_at;
}

void keeper_order_kill(struct command *c, enum keeper_cause cause, uint32_t grace_ms) {
    struct keeper_command order = {.order = ORDER_KILL_TREE, .cause = cause, .grace_ms = grace_ms};
    if (c->control < 0) return;
    (void)send(c->control, &order, sizeof order, MSG_DONTWAIT | MSG_NOSIGNAL);
    keeper_set_backstop(c, now_us() + (uint64_t)grace_ms * 1000 + KEEPER_SLACK_US);
}

void keeper_order_signal(struct command *c, int signal) {
    struct keeper_command order = {.order = ORDER_SIGNAL_TREE, .signal = signal};
    if (c->control >= 0) (void)send(c->control, &order, sizeof order, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* What is not below a living keeper belongs to nobody. */
static size_t kill_orphans(void) {
    pid_t keepers[STREAMS_MAX + ZYGOTE_PROCESSES_MAX + PREFORK_KEEPERS_MAX];
    size_t count = zygote_processes(keepers);
    count += prefork_processes(keepers + count);
    for (uint32_t i = 0; i < commands.count; i++) {
        if (commands.active[i]->control >= 0) keepers[count++] = commands.active[i]->keeper;
    }
    return tree_kill(getpid(), keepers, count);
}

static void want_orphans_dead(void) {
    commands.orphans_at = now_us();
    commands.orphans_until = commands.orphans_at + KEEPER_SLACK_US;
}

static void orphans_tick(uint64_t now) {
    if (now < commands.orphans_at) return;
    bool more = kill_orphans() > 0 && now < commands.orphans_until;
    commands.orphans_at = more ? now + ORPHAN_INTERVAL_US : NEVER;
    if (more) return;
    for (uint32_t i = 0; i < commands.count; i++) {
        if (commands.active[i]->orphans_wanted_dead) command_kick(commands.active[i]);
    }
}

/* On its way out it could pass for an orphan, of which whoever ends next would count one too many. */
bool keeper_may_be_seen(const struct command *c) {
    return !commands.setup.subreaper && (c->flags & SPAWN_DETACHED) == 0 && c->keeper > 0 && !c->keeper_reaped;
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

/* Without subreapers orphans come to PID 1 and nobody can tell whose they were: they live until no command runs that
 * could own them. */
void orphans_end_ownerless(struct command *ending) {
    if (commands.setup.subreaper || ending->orphans_wanted_dead || (ending->flags & SPAWN_DETACHED) != 0) return;
    if (!orphans_can_only_be_of(ending)) return;
    ending->orphans_wanted_dead = true;
    ending->report.background_killed += (uint32_t)kill_orphans();
    want_orphans_dead();
}

static void adopt_terminal(struct command *c, int master) {
    int writer = fcntl(master, F_DUPFD_CLOEXEC, 3);
    pty_resize(master, c->cols, c->rows);
    if (command_adopt_output(c, 0, &master) == 0 && writer >= 0 && command_adopt_input(c, &writer) == 0) {
        input_flush(&c->in);
        return;
    }
    close_fd(&writer);
    keeper_order_kill(c, CAUSE_HOST, 0);
}

void command_note_end(struct command *c) {
    c->ended = true;
    c->backstop_at = NEVER;
    if (keeper_may_be_seen(c)) keeper_set_backstop(c, now_us() + KEEPER_SLACK_US);
    for (int i = 0; i < 2; i++) close_fd(&c->held[i]);
    for (int i = 0; i < 2; i++) channel_writers_gone(&c->out[i]);
    if (c->out[0].fd < 0) c->out[0].ended = true;
    command_kick(c);
}

static void note_keeper_gone(struct command *c) {
    unwatch_close(&c->control);
    if (!c->ended && c->drains_until == 0) {
        c->lost = c->orphans_wanted_dead = true;
        c->report.outcome = OUTCOME_SIGNALED;
        c->report.signal = SIGKILL;
        c->report.exit_code = -1;
        want_orphans_dead();
        command_note_end(c);
    }
    command_kick(c);
}

static void take_news(struct command *c, const struct keeper_report *news, int fd) {
    if (news->news == NEWS_TERMINAL && fd >= 0) {
        adopt_terminal(c, fd);
        return;
    }
    close_fd(&fd);
    if (news->news == NEWS_ROOT) {
        commands.root_ran = true;
    } else if (news->news == NEWS_STARTED) {
        c->started = true;
        c->pid = news->pid;
        command_kick(c);
    } else if (news->news == NEWS_ENDED) {
        c->report = *news;
        if (!drain_begin(c)) command_note_end(c);
    }
}

/* 1 with a packet, 0 when there is none now, -1 when there will be none any more. */
static int receive(int control, struct keeper_report *news, int *fd) {
    struct iovec part = {news, sizeof *news};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } space = {0};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof space.bytes};
    *fd = -1;
    ssize_t n;
    do {
        n = recvmsg(control, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) return 0;
    if (n != (ssize_t)sizeof *news) return -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_type == SCM_RIGHTS) memcpy(fd, CMSG_DATA(header), sizeof *fd);
    return 1;
}

void keeper_hear(struct command *c) {
    struct keeper_report news;
    int fd, result;
    while (c->control >= 0 && (result = receive(c->control, &news, &fd)) != 0) {
        if (result > 0) {
            take_news(c, &news, fd);
        } else {
            note_keeper_gone(c);
        }
    }
}

/* A keeper that is this late is stopped or worse: without it PID 1 owns the tree. */
static void backstops_tick(uint64_t now) {
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

static void linger_tick(uint64_t now) {
    if (now < commands.next_linger) return;
    commands.next_linger = NEVER;
    for (uint32_t i = 0; i < commands.count; i++) {
        struct command *c = commands.active[i];
        if (c->lingers_until == 0) continue;
        if (now < c->lingers_until) {
            commands.next_linger = min_u64(commands.next_linger, c->lingers_until);
        } else {
            c->lingers_until = 0;
            /* Once is enough: who writes more is heard at once. */
            c->flags &= (uint16_t)~SPAWN_PATIENT;
            command_kick(c);
        }
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
