#define _GNU_SOURCE
#include "command/command-state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/user.h"
#include "base/util.h"
#include "command/prefork.h"
#include "command/zygote.h"
#include "keeper/child.h"
#include "program/library.h"
#include "wire/loop.h"
#include "wire/spawn-request.h"

struct pipes {
    int control[2];
    int in[2];
    int out[2];
    int err[2];
};

static void close_pair(int pair[2]) {
    close_fd(&pair[0]);
    close_fd(&pair[1]);
}

static void close_pipes(struct pipes *p) {
    close_pair(p->control);
    close_pair(p->in);
    close_pair(p->out);
    close_pair(p->err);
}

/* Programs open their own /dev/stdin, /dev/stdout and /dev/stderr by name. The pipe is root's, so its mode has to allow
 * it; who gets as far as a process's descriptors is another matter, and procfs's. */
static int open_pipe(int pair[2]) {
    if (pipe2(pair, O_CLOEXEC) != 0) return -1;
    (void)fchmod(pair[0], 0666);
    return 0;
}

static int open_stdio(struct pipes *p, uint16_t flags) {
    if ((flags & SPAWN_PTY) != 0) return 0;
    if ((flags & SPAWN_STDIN) != 0 && open_pipe(p->in) != 0) return -1;
    if (open_pipe(p->out) != 0) return -1;
    if ((flags & SPAWN_MERGE) != 0) return 0;
    return open_pipe(p->err);
}

static int open_pipes(struct pipes *p, uint16_t flags) {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->control) != 0) return -1;
    return open_stdio(p, flags);
}

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

/* EPOLLERR alone already tells that the reader has gone. */
int command_adopt_input(struct command *c, int *fd) {
    c->in.fd = *fd;
    *fd = -1;
    if (set_nonblocking(c->in.fd) != 0) return -1;
    return watch(c, c->in.fd, EPOLLOUT, WATCH_INPUT);
}

static void choose_stdio(const struct pipes *p, int stdio[3]) {
    stdio[0] = p->in[0] >= 0 ? p->in[0] : commands.null_fd;
    stdio[1] = p->out[1];
    stdio[2] = p->err[1] >= 0 ? p->err[1] : p->out[1];
}

static int adopt_pipes(struct command *c, struct pipes *p) {
    c->control = p->control[0];
    p->control[0] = -1;
    if (watch(c, c->control, EPOLLIN, WATCH_CONTROL) != 0) return -1;
    if (p->in[1] >= 0 && command_adopt_input(c, &p->in[1]) != 0) return -1;
    if (p->out[0] >= 0 && command_adopt_output(c, 0, &p->out[0]) != 0) return -1;
    return p->err[0] >= 0 ? command_adopt_output(c, 1, &p->err[0]) : 0;
}

/* Once the command has its own. */
static void hold_if_brief(struct command *c, struct pipes *p) {
    if ((c->flags & SPAWN_BRIEF) == 0) return;
    c->held[0] = p->out[1];
    c->held[1] = p->err[1];
    p->out[1] = p->err[1] = -1;
}

static void configure(struct command *c, const struct spawn_request *r) {
    bool brief = (r->flags & SPAWN_BRIEF) != 0;
    c->flags = r->flags;
    /* Nobody waits to hear of it: output may go out as soon as there is any. */
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
    keeper_set_backstop(c, now_us() + limit_us + (uint64_t)r->grace_ms * 1000 + KEEPER_SLACK_US);
}

void command_end_unstarted(struct command *c, enum stage stage, int error) {
    c->ended = true;
    c->waiting = false;
    c->phase = PHASE_RUNNING;
    c->report = (struct keeper_report){.outcome = OUTCOME_SPAWN_FAILED,
                                       .stage = (uint8_t)stage,
                                       .error = error,
                                       .exit_code = -1,
                                       .killed_by_host = c->killed_by_host};
    command_drop_request(c);
    command_kick(c);
}

const char *command_user(const struct spawn_request *r) {
    return r->user[0] == '\0' ? commands.setup.default_user : r->user;
}

/* 0, or the errno of what was missing. */
static int fork_keeper(struct command *c, const struct spawn_request *r) {
    struct pipes p = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    struct keeper_plan plan = {.request = r,
                               .workspace = commands.setup.workspace,
                               .user = command_user(r),
                               .refuse_root = commands.setup.refuse_root};
    int error = 0;
    if (commands.null_fd < 0 || open_pipes(&p, r->flags) != 0 || adopt_pipes(c, &p) != 0) {
        error = commands.null_fd < 0 ? ENODEV : errno;
    } else {
        plan.control = p.control[1];
        choose_stdio(&p, plan.stdio);
        c->keeper = fork();
        if (c->keeper == 0) keeper_run(&plan);
        if (c->keeper < 0) {
            error = errno;
        } else {
            hold_if_brief(c, &p);
        }
    }
    close_pipes(&p);
    return error;
}

static void end_if_failed(struct command *c, int error) {
    command_drop_request(c);
    if (error == 0) return;
    unwatch_close(&c->control);
    command_end_unstarted(c, STAGE_RESOURCES, error);
}

void command_start_fresh(struct command *c) {
    c->waiting = false;
    end_if_failed(c, fork_keeper(c, &c->parsed));
}

static bool send_start(int control, const struct spawn_request *r, const struct identity *who) {
    struct keeper_start start = {.order = ORDER_START,
                                 .flags = r->flags,
                                 .timeout_ms = r->timeout_ms,
                                 .grace_ms = r->grace_ms,
                                 .drain_ms = r->drain_ms,
                                 .started_us = now_us(),
                                 .names_user = who != NULL};
    if (who != NULL) start.who = *who;
    return send(control, &start, sizeof start, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof start;
}

/* It runs from here on. */
static void handed_over(struct command *c, struct pipes *p, pid_t keeper) {
    c->keeper = keeper;
    hold_if_brief(c, p);
    int error = adopt_pipes(c, p) == 0 ? 0 : errno;
    /* Unheard: its keeper ends it when this end of the socket closes. */
    if (error != 0) (void)kill(keeper, SIGKILL);
    end_if_failed(c, error);
}

/* What a pair that waits can be for. */
static bool suits_pair(const struct command *c, const struct identity *who) {
    return c->request_total <= CHILD_REQUEST_MAX && (c->parsed.flags & SPAWN_PTY) == 0 && commands.setup.subreaper &&
           commands.null_fd >= 0 && !commands.root_ran && who != NULL && who->uid != 0;
}

/* `request` is as it came. False when there is no pair, or it has died: nothing has run. */
static bool start_in_pair(struct command *c, const uint8_t *request) {
    const struct spawn_request *r = &c->parsed;
    const struct identity *who = user_known(command_user(r));
    if (!suits_pair(c, who)) {
        prefork_forget();
        return false;
    }
    struct prefork_pair pair = prefork_take();
    if (pair.keeper == 0) return false;
    struct pipes p = {{pair.control, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    bool sent = open_stdio(&p, r->flags) == 0 && send_start(pair.control, r, who);
    if (sent) {
        int stdio[3];
        choose_stdio(&p, stdio);
        sent = child_send(pair.program, who, c->program.path, request, c->request_total, stdio);
    }
    close_fd(&pair.program);
    if (sent) handed_over(c, &p, pair.keeper);
    if (!sent) (void)kill(pair.keeper, SIGKILL);
    close_pipes(&p);
    return sent;
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
        c->waiting = true;
        c->wait_ends = now_us() + ZYGOTE_WAIT_US;
        prefork_forget();
        zygote_serve();
    } else if (!start_in_pair(c, as_it_came)) {
        command_start_fresh(c);
    }
}

/* ---- in a fork of the warm interpreter ---- */

static char *append(char *at, const char *text) {
    return stpcpy(at, text) + 1;
}

/* What the fork has to know, as a file: it may be longer than a socket takes without somebody reading. */
static int open_particulars(const struct spawn_request *r) {
    bool archive = r->text.length > 0 && memmem(r->text.at, r->text.length, "PK\5\6", 4) != NULL;
    const char *kind = archive ? "archive" : "text";
    const char *cwd = r->cwd[0] == '\0' ? commands.setup.workspace : r->cwd;
    char count[21];
    (void)format_u64(count, r->argc);
    size_t size = strlen(kind) + strlen(cwd) + strlen(count) + 3;
    for (uint32_t i = 0; i < r->argc; i++) size += strlen(r->argv[i]) + 1;
    for (uint32_t i = 0; i < r->envc; i++) {
        if (!zygote_sets(r->env[i], i)) size += strlen(r->env[i]) + 1;
    }
    char *text = pages_alloc(size), *at = text;
    int fd = text == NULL ? -1 : memfd_create("program", MFD_CLOEXEC);
    if (fd >= 0) {
        at = append(append(append(at, kind), cwd), count);
        for (uint32_t i = 0; i < r->argc; i++) at = append(at, r->argv[i]);
        for (uint32_t i = 0; i < r->envc; i++) {
            if (!zygote_sets(r->env[i], i)) at = append(at, r->env[i]);
        }
        if (write_all(fd, text, size) != 0) close_fd(&fd);
    }
    pages_free(text, size);
    return fd;
}

static bool send_program(int program, const struct pipes *p, const struct spawn_request *r) {
    int fds[4] = {p->in[0] >= 0 ? p->in[0] : commands.null_fd, p->out[1], p->err[1], open_particulars(r)};
    bool sent = fds[3] >= 0 && send_descriptors(program, fds, 4);
    close_fd(&fds[3]);
    return sent;
}

bool command_start_warm(struct command *c, int *control, int *program, pid_t keeper) {
    struct pipes p = {{*control, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    *control = -1;
    bool sent = commands.null_fd >= 0 && open_stdio(&p, c->parsed.flags) == 0 &&
                send_start(p.control[0], &c->parsed, NULL) && send_program(*program, &p, &c->parsed);
    close_fd(program);
    if (sent) {
        c->waiting = false;
        c->warm = true;
        handed_over(c, &p, keeper);
    } else {
        (void)kill(keeper, SIGKILL);
    }
    close_pipes(&p);
    return sent;
}
