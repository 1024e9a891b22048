#define _GNU_SOURCE
#include "command/command-warm.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/util.h"
#include "command/command-state.h"
#include "command/command-stdio.h"
#include "command/zygote.h"
#include "wire/frame.h"

/* ---- in a fork of the warm interpreter ---- */

static char *append(char *at, const char *text) {
    return stpcpy(at, text) + 1;
}

/* Writes the kind, directory, arguments and variables of the program into a file, because a socket without a reader
 * buffers less. */
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

/* Takes ownership of both descriptors. Returns false if the fork has gone: nothing has run then. */
static bool start_warm(struct command *c, int *control, int *program, pid_t keeper) {
    struct pipes p = {{*control, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    *control = -1;
    bool sent = commands.null_fd >= 0 && pipes_open_stdio(&p, c->parsed.flags) == 0 &&
                command_send_start(p.control[0], &c->parsed, NULL) && send_program(*program, &p, &c->parsed);
    close_fd(program);
    if (sent) {
        c->waiting = false;
        c->warm = true;
        command_handed_over(c, &p, keeper);
    } else {
        (void)kill(keeper, SIGKILL);
    }
    pipes_close(&p);
    return sent;
}

/* ---- waiting for a fork ---- */

static uint32_t count_waiting(struct command **oldest) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < commands.count; i++) {
        struct command *c = commands.active[i];
        if (!c->waiting) continue;
        count++;
        if (*oldest == NULL || c->stream < (*oldest)->stream) *oldest = c;
    }
    return count;
}

static void start_all_fresh(void) {
    for (struct command *c = NULL; count_waiting(&c) > 0; c = NULL) command_start_fresh(c);
}

/* Gives waiting commands the forks that are ready, and requests more. */
static void serve(void) {
    struct command *c = NULL;
    int control, program;
    pid_t keeper;
    while (count_waiting(&c) > 0 && (keeper = zygote_take_spare(&control, &program)) != 0) {
        (void)start_warm(c, &control, &program, keeper);
        c = NULL;
    }
    bool able = zygote_run();
    if (!zygote_is_worth_waiting_for()) start_all_fresh();
    c = NULL;
    if (able) zygote_ask_for_spares(count_waiting(&c) + 1);
}

void warm_await(struct command *c) {
    c->waiting = true;
    c->wait_ends = now_us() + ZYGOTE_WAIT_US;
    serve();
}

bool warm_configure(const uint8_t *request, uint32_t length) {
    if (!zygote_configure(request, length)) return false;
    if (commands.setup.subreaper) serve();
    return true;
}

void warm_event(void) {
    if (zygote_event()) start_all_fresh();
}

void warm_spare_event(uint64_t tag) {
    if (zygote_spare_event(tag)) serve();
}

uint64_t warm_tick(uint64_t now) {
    uint64_t next = NEVER, next_try;
    for (uint32_t i = 0; i < commands.count; i++) {
        struct command *c = commands.active[i];
        if (c->waiting && c->wait_ends <= now) {
            zygote_note_late();
            command_start_fresh(c);
        } else if (c->waiting && c->wait_ends < next) {
            next = c->wait_ends;
        }
    }
    next_try = zygote_next_try();
    if (next_try == NEVER || now < next_try) return min_u64(next, next_try);
    serve();
    return next;
}
