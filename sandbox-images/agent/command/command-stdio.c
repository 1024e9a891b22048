#define _GNU_SOURCE
#include "command/command-stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "wire/loop.h"

static void close_pair(int pair[2]) {
    close_fd(&pair[0]);
    close_fd(&pair[1]);
}

void pipes_close(struct pipes *p) {
    close_pair(p->control);
    close_pair(p->in);
    close_pair(p->out);
    close_pair(p->err);
}

/* Opens a pipe. Programs open their own /dev/stdin, /dev/stdout and /dev/stderr by name. The pipe belongs to root, so
 * its mode must allow it; procfs controls access to a process's descriptors. */
static int open_pipe(int pair[2]) {
    if (pipe2(pair, O_CLOEXEC) != 0) return -1;
    (void)fchmod(pair[0], 0666);
    return 0;
}

int pipes_open_stdio(struct pipes *p, uint16_t flags) {
    if ((flags & SPAWN_PTY) != 0) return 0;
    if ((flags & SPAWN_STDIN) != 0 && open_pipe(p->in) != 0) return -1;
    if (open_pipe(p->out) != 0) return -1;
    if ((flags & SPAWN_MERGE) != 0) return 0;
    return open_pipe(p->err);
}

int pipes_open(struct pipes *p, uint16_t flags) {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->control) != 0) return -1;
    return pipes_open_stdio(p, flags);
}

void pipes_choose_stdio(const struct pipes *p, int stdio[3]) {
    stdio[0] = p->in[0] >= 0 ? p->in[0] : commands.null_fd;
    stdio[1] = p->out[1];
    stdio[2] = p->err[1] >= 0 ? p->err[1] : p->out[1];
}

/* ---- PID 1's ends ---- */

static int watch(const struct command *c, int fd, uint32_t events, enum watch_kind kind) {
    return loop_watch(fd, events, watch_tag(kind, c->slot, c->stream));
}

int command_adopt_output(struct command *c, int index, int *fd) {
    struct channel *out = &c->out[index];
    out->fd = *fd;
    *fd = -1;
    out->readable = true;
    if (set_nonblocking(out->fd) != 0) return -1;
    return watch(c, out->fd, EPOLLIN, index == 0 ? WATCH_OUTPUT_1 : WATCH_OUTPUT_2);
}

/* EPOLLERR alone already reports that the reader has gone. */
int command_adopt_input(struct command *c, int *fd) {
    c->in.fd = *fd;
    *fd = -1;
    if (set_nonblocking(c->in.fd) != 0) return -1;
    return watch(c, c->in.fd, EPOLLOUT, WATCH_INPUT);
}

void command_close_output(struct channel *c) {
    if (c->fd >= 0) loop_unwatch(c->fd);
    channel_close(c);
}

void command_close_input(struct input *in) {
    if (in->fd >= 0) loop_unwatch(in->fd);
    input_close(in);
}

int pipes_adopt(struct command *c, struct pipes *p) {
    c->control = p->control[0];
    p->control[0] = -1;
    if (watch(c, c->control, EPOLLIN, WATCH_CONTROL) != 0) return -1;
    if (p->in[1] >= 0 && command_adopt_input(c, &p->in[1]) != 0) return -1;
    if (p->out[0] >= 0 && command_adopt_output(c, 0, &p->out[0]) != 0) return -1;
    return p->err[0] >= 0 ? command_adopt_output(c, 1, &p->err[0]) : 0;
}

/* Called when the command has its own copies. */
void pipes_hold_if_brief(struct command *c, struct pipes *p) {
    if ((c->flags & SPAWN_BRIEF) == 0) return;
    c->held[0] = p->out[1];
    c->held[1] = p->err[1];
    p->out[1] = p->err[1] = -1;
}
