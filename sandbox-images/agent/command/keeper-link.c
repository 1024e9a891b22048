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
#include "command/command-stdio.h"
#include "wire/loop.h"

void keeper_order_kill(struct command *c, enum keeper_cause cause, uint32_t grace_ms) {
    struct keeper_command order = {.order = ORDER_KILL_TREE, .cause = cause, .grace_ms = grace_ms};
    if (c->control < 0) return;
    (void)send(c->control, &order, sizeof order, MSG_DONTWAIT | MSG_NOSIGNAL);
    command_set_backstop(c, now_us() + (uint64_t)grace_ms * 1000 + KEEPER_SLACK_US);
}

void keeper_order_signal(struct command *c, int signal) {
    struct keeper_command order = {.order = ORDER_SIGNAL_TREE, .signal = signal};
    if (c->control >= 0) (void)send(c->control, &order, sizeof order, MSG_DONTWAIT | MSG_NOSIGNAL);
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

static void note_keeper_gone(struct command *c) {
    unwatch_close(&c->control);
    if (!c->ended && c->drains_until == 0) {
        c->lost = c->orphans_wanted_dead = true;
        c->report.outcome = OUTCOME_SIGNALED;
        c->report.signal = SIGKILL;
        c->report.exit_code = -1;
        orphans_want_dead();
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

/* Receives a packet. Returns 1 with a packet, 0 if none is available now, -1 if there will be none. */
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

