#define _GNU_SOURCE
#include "command/command-state.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/user.h"
#include "base/util.h"
#include "command/command-stdio.h"
#include "command/prefork.h"
#include "keeper/child.h"
#include "wire/loop.h"

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

static void end_if_failed(struct command *c, int error) {
    command_drop_request(c);
    if (error == 0) return;
    unwatch_close(&c->control);
    command_end_unstarted(c, STAGE_RESOURCES, error);
}

/* Forks the keeper of a command. Returns 0, or an errno. */
static int fork_keeper(struct command *c, const struct spawn_request *r) {
    struct pipes p = NO_PIPES;
    struct keeper_plan plan = {.request = r,
                               .workspace = commands.setup.workspace,
                               .user = command_user(r),
                               .refuse_root = commands.setup.refuse_root};
    int error = 0;
    if (commands.null_fd < 0 || pipes_open(&p, r->flags) != 0 || pipes_adopt(c, &p) != 0) {
        error = commands.null_fd < 0 ? ENODEV : errno;
    } else {
        plan.control = p.control[1];
        pipes_choose_stdio(&p, plan.stdio);
        c->keeper = fork();
        if (c->keeper == 0) keeper_run(&plan);
        if (c->keeper < 0) {
            error = errno;
        } else {
            pipes_hold_if_brief(c, &p);
        }
    }
    pipes_close(&p);
    return error;
}

void command_start_fresh(struct command *c) {
    c->waiting = false;
    end_if_failed(c, fork_keeper(c, &c->parsed));
}

/* ---- handing a command to a waiting process ---- */

bool command_send_start(int control, const struct spawn_request *r, const struct identity *who) {
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

/* Marks the command as running in the process that it was handed to. */
void command_handed_over(struct command *c, struct pipes *p, pid_t keeper) {
    c->keeper = keeper;
    pipes_hold_if_brief(c, p);
    int error = pipes_adopt(c, p) == 0 ? 0 : errno;
    /* The keeper did not get the message. It ends when this end of the socket closes. */
    if (error != 0) (void)kill(keeper, SIGKILL);
    end_if_failed(c, error);
}

/* Returns true if a waiting pair can run the command. */
static bool suits_pair(const struct command *c, const struct identity *who) {
    return c->request_total <= CHILD_REQUEST_MAX && (c->parsed.flags & SPAWN_PTY) == 0 && commands.setup.subreaper &&
           commands.null_fd >= 0 && !commands.root_ran && who != NULL && who->uid != 0;
}

bool command_start_in_pair(struct command *c, const uint8_t *request) {
    const struct spawn_request *r = &c->parsed;
    const struct identity *who = user_known(command_user(r));
    if (!suits_pair(c, who)) {
        prefork_forget();
        return false;
    }
    struct prefork_pair pair = prefork_take();
    if (pair.keeper == 0) return false;
    struct pipes p = {{pair.control, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    bool sent = pipes_open_stdio(&p, r->flags) == 0 && command_send_start(pair.control, r, who);
    if (sent) {
        int stdio[3];
        pipes_choose_stdio(&p, stdio);
        sent = child_send(pair.program, who, c->program.path, request, c->request_total, stdio);
    }
    close_fd(&pair.program);
    if (sent) command_handed_over(c, &p, pair.keeper);
    if (!sent) (void)kill(pair.keeper, SIGKILL);
    pipes_close(&p);
    return sent;
}
