#define _GNU_SOURCE
#include "keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/protocol.h"
#include "base/pty.h"
#include "base/turn.h"
#include "base/util.h"
#include "fs/fs-stage.h"
#include "keeper/child.h"
#include "keeper/tree.h"
#include "program/program.h"

#define NEVER UINT64_MAX
/* Interval of attempts to kill a tree that does not die at once. It grows with each attempt. */
#define HARD_KILL_INTERVAL_US 5000
#define HARD_KILL_INTERVALS_MAX 40
/* Maximum number of times that a stopped file operation is continued. After it the operation is killed. */
#define STOPS_MAX 100

enum kill_phase { KILL_NOT, KILL_ASKED, KILL_HARD };

static struct {
    const struct keeper_plan *plan;
    struct identity who;
    int control;
    int failure_fd; /* open until execve worked or failed */
    pid_t leader;
    uint64_t started_us;
    uint64_t timeout_at;

    bool leader_gone;
    bool childless;
    bool reported;
    bool leader_killed;
    bool killed_by_host;
    int last_signal; /* last signal from the host */

    enum kill_phase phase;
    enum keeper_cause cause;
    uint64_t phase_ends;
    uint64_t drain_ends; /* time until which descendants of an ended leader may run */
    uint64_t hard_kills;
    bool background; /* the killed processes outlived their leader */
    int stops;       /* stops of a file operation */

    struct child_failure failure;
    struct keeper_report report;
} keeper;

static void send_report(void) {
    /* Retry only EINTR: PID 1 always reads, and if PID 1 ended, this process would be dead too. */
    while (send(keeper.control, &keeper.report, sizeof keeper.report, MSG_NOSIGNAL) < 0 && errno == EINTR) continue;
}

_Noreturn static void report_spawn_failure(int stage, int error) {
    keeper.report.news = NEWS_ENDED;
    keeper.report.outcome = OUTCOME_SPAWN_FAILED;
    keeper.report.stage = (uint8_t)stage;
    keeper.report.error = error;
    keeper.report.exit_code = -1;
    send_report();
    _exit(0);
}

static void send_terminal(int master) {
    struct keeper_report news = {.news = NEWS_TERMINAL};
    struct iovec part = {&news, sizeof news};
    if (!send_packet(keeper.control, &part, 1, &master, 1)) report_spawn_failure(STAGE_PTY, errno);
}

/* Reports a root command before it starts, because it could stop this process from reporting. */
static void report_root(void) {
    struct keeper_report news = {.news = NEWS_ROOT};
    while (send(keeper.control, &news, sizeof news, MSG_NOSIGNAL) < 0 && errno == EINTR) continue;
}

static void on_child(int signal) {
    (void)signal; /* The handler only interrupts ppoll. */
}

static void prepare_signals(void) {
    struct sigaction action = {.sa_handler = on_child};
    sigset_t all;
    (void)sigfillset(&all);
    if (sigprocmask(SIG_SETMASK, &all, NULL) != 0 || sigaction(SIGCHLD, &action, NULL) != 0) {
        report_spawn_failure(STAGE_RESOURCES, errno);
    }
}

static void open_terminal(const struct identity *who, int stdio[3]) {
    int master, slave;
    const struct spawn_request *r = keeper.plan->request;
    int error = pty_open(who, r->cols, r->rows, &master, &slave);
    if (error != 0) report_spawn_failure(STAGE_PTY, error);
    send_terminal(master);
    (void)close(master);
    for (int i = 0; i < 3; i++) stdio[i] = slave;
}

static void set_timeout(void) {
    uint64_t timeout_ms = min_u64(keeper.plan->request->timeout_ms, UINT64_MAX / 4000);
    keeper.timeout_at = timeout_ms == 0 ? NEVER : keeper.started_us + timeout_ms * 1000;
}

static bool is_brief(void) {
    return (keeper.plan->request->flags & SPAWN_BRIEF) != 0;
}

static void start_command(void) {
    struct child_plan child = {.request = keeper.plan->request, .who = &keeper.who, .workspace = keeper.plan->workspace};
    int failure[2];
    memcpy(child.stdio, keeper.plan->stdio, sizeof child.stdio);
    if ((child.request->flags & SPAWN_PTY) != 0) open_terminal(&keeper.who, child.stdio);
    if (pipe2(failure, O_CLOEXEC) != 0) report_spawn_failure(STAGE_RESOURCES, errno);
    child.failure_fd = failure[1];
    keeper.failure_fd = failure[0];
    keeper.started_us = now_us();
    keeper.leader = fork();
    if (keeper.leader < 0) report_spawn_failure(STAGE_RESOURCES, errno);
    if (keeper.leader == 0) child_run(&child);
    (void)close(failure[1]);
    /* Close the keeper's copies: they would keep the command's pipes open. */
    for (int i = 0; i < 3; i++) {
        if (i == 0 || child.stdio[i] != child.stdio[i - 1]) (void)close(child.stdio[i]);
    }
    set_timeout();
}

/* Reads the failure of the child. If execve worked, the pipe closes without data. */
static void hear_from_child(void) {
    ssize_t n = read(keeper.failure_fd, &keeper.failure, sizeof keeper.failure);
    if (n < 0 && errno == EINTR) return;
    close_fd(&keeper.failure_fd);
    if (n == (ssize_t)sizeof keeper.failure) return;
    keeper.failure.stage = STAGE_NONE;
    if (is_brief()) return;
    keeper.report.news = NEWS_STARTED;
    keeper.report.pid = keeper.leader;
    send_report();
}

static void note_leader_end(int status) {
    keeper.leader_gone = true;
    keeper.report.duration_us = now_us() - keeper.started_us;
    keeper.report.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    keeper.report.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    keeper.report.killed_by_agent = keeper.leader_killed;
    /* The time limit applies to the drain as well. */
    keeper.drain_ends = min_u64(now_us() + (uint64_t)keeper.plan->request->drain_ms * 1000, keeper.timeout_at);
    if (keeper.cause == CAUSE_HOST) keeper.killed_by_host = true;
    if (keeper.last_signal != 0 && keeper.report.signal == keeper.last_signal) keeper.killed_by_host = true;
}

static bool is_operation(void) {
    return (keeper.plan->request->flags & SPAWN_FS) != 0;
}

/* Continues a stopped file operation. It runs as the user, whose commands can stop it while the host waits for its
 * answer. */
static void continue_operation(void) {
    keeper.stops++;
    (void)kill(keeper.leader, SIGCONT);
}

static void reap(void) {
    int status;
    pid_t pid;
    int options = WNOHANG | (is_operation() ? WUNTRACED : 0);
    while ((pid = waitpid(-1, &status, options)) > 0) {
        if (WIFSTOPPED(status)) {
            if (pid == keeper.leader && keeper.phase != KILL_HARD) continue_operation();
        } else if (pid == keeper.leader) {
            note_leader_end(status);
        }
    }
    keeper.childless = pid < 0 && errno == ECHILD;
}

/* Signals the leader's process group, which the kernel does atomically: no fork escapes, while a fork bomb is faster
 * than any scan of /proc. Returns the group, or 0 after the leader was reaped, because its pid may be reused. */
static pid_t signal_group(int signal) {
    return !keeper.leader_gone && kill(-keeper.leader, signal) == 0 ? keeper.leader : 0;
}

static void signal_tree(int signal) {
    struct tree tree = {0};
    pid_t group = signal_group(signal);
    if (tree_scan(&tree, getpid(), NULL, 0) == 0) {
        (void)tree_signal(&tree, signal, group);
    } else if (group == 0 && !keeper.leader_gone) {
        (void)kill(keeper.leader, signal);
    }
    tree_free(&tree);
}

static void kill_hard(void) {
    if (!keeper.leader_gone) keeper.leader_killed = true;
    (void)signal_group(SIGKILL);
    size_t killed = tree_kill(getpid(), NULL, 0);
    if (!keeper.leader_gone) (void)kill(keeper.leader, SIGKILL);
    /* Count only in the first pass: later ones see the same processes while they exit. */
    if (keeper.background && keeper.phase != KILL_HARD) keeper.report.background_killed = (uint32_t)killed;
    keeper.phase = KILL_HARD;
    keeper.hard_kills++;
    keeper.phase_ends = now_us() + HARD_KILL_INTERVAL_US * min_u64(keeper.hard_kills, HARD_KILL_INTERVALS_MAX);
}

static bool is_detached(void) {
    return (keeper.plan->request->flags & SPAWN_DETACHED) != 0;
}

/* Returns true while descendants of an ended leader have time to end by themselves. */
static bool is_draining(void) {
    return keeper.leader_gone && !keeper.childless && !keeper.reported && !is_detached() && keeper.phase == KILL_NOT;
}

static void end_background(void) {
    keeper.background = true;
    kill_hard();
}

static void kill_tree(enum keeper_cause cause, uint32_t grace_ms) {
    if (keeper.cause == CAUSE_NONE && !keeper.leader_gone) keeper.cause = cause;
    /* If the leader has ended by itself, its descendants are killed. */
    if (cause == CAUSE_SOCKETS) keeper.report.killed_for_sockets = true;
    if (keeper.phase == KILL_HARD) return;
    if (is_draining()) {
        /* The drain was their grace period. */
        end_background();
        return;
    }
    uint64_t ends = now_us() + (uint64_t)grace_ms * 1000;
    if (grace_ms == 0) {
        kill_hard();
    } else if (keeper.phase == KILL_NOT) {
        keeper.phase = KILL_ASKED;
        keeper.phase_ends = ends;
        signal_tree(SIGTERM);
        /* Continue the processes first: a stopped process cannot handle SIGTERM. */
        signal_tree(SIGCONT);
    } else if (ends < keeper.phase_ends) {
        /* A second request can shorten the grace period, but not lengthen it. */
        keeper.phase_ends = ends;
    }
}

static void obey(void) {
    struct keeper_command command;
    ssize_t n;
    while ((n = recv(keeper.control, &command, sizeof command, MSG_DONTWAIT)) == (ssize_t)sizeof command) {
        if (command.order == ORDER_SIGNAL_TREE) {
            keeper.last_signal = command.signal;
            if (command.signal == SIGKILL && !keeper.leader_gone) keeper.leader_killed = true;
            signal_tree(command.signal);
        } else {
            kill_tree((enum keeper_cause)command.cause, command.grace_ms);
        }
    }
    /* PID 1 never closes its end first. So PID 1 has died, and all processes with it. */
    if (n == 0) _exit(0);
}

static uint8_t judge_outcome(void) {
    if (keeper.cause == CAUSE_TIMEOUT) return OUTCOME_TIMEOUT;
    if (keeper.cause == CAUSE_OUTPUT_LIMIT) return OUTCOME_OUTPUT_LIMIT;
    return keeper.report.signal != 0 ? OUTCOME_SIGNALED : OUTCOME_EXITED;
}

static void report_end(void) {
    struct rusage usage;
    keeper.reported = true;
    if (keeper.failure.stage != STAGE_NONE) report_spawn_failure(keeper.failure.stage, keeper.failure.error);
    if (getrusage(RUSAGE_CHILDREN, &usage) == 0) {
        keeper.report.cpu_us = (uint64_t)usage.ru_utime.tv_sec * 1000000u + (uint64_t)usage.ru_utime.tv_usec +
                               (uint64_t)usage.ru_stime.tv_sec * 1000000u + (uint64_t)usage.ru_stime.tv_usec;
        keeper.report.max_rss_bytes = (uint64_t)usage.ru_maxrss * 1024u;
    }
    keeper.report.news = NEWS_ENDED;
    keeper.report.pid = keeper.leader;
    keeper.report.outcome = judge_outcome();
    keeper.report.killed_by_host = keeper.killed_by_host;
    uint64_t now = now_us();
    bool drains = !is_detached() && keeper.phase == KILL_NOT && keeper.drain_ends > now;
    keeper.report.drain_us = drains ? keeper.drain_ends - now : 0;
    send_report();
}

static void advance(void) {
    uint64_t now = now_us();
    if (keeper.leader_gone && keeper.failure_fd >= 0) hear_from_child();
    if (keeper.stops > STOPS_MAX && keeper.phase != KILL_HARD && !keeper.leader_gone) kill_hard();
    if (is_draining() && now >= keeper.drain_ends) {
        end_background();
        reap();
    }
    if (!keeper.leader_gone && now >= keeper.timeout_at) {
        keeper.timeout_at = NEVER;
        kill_tree(CAUSE_TIMEOUT, keeper.plan->request->grace_ms);
    }
    if (keeper.phase != KILL_NOT && !keeper.childless && now_us() >= keeper.phase_ends) kill_hard();
    bool settled = keeper.childless || (is_detached() && keeper.phase == KILL_NOT);
    if (keeper.leader_gone && settled && !keeper.reported) report_end();
    if (keeper.childless && keeper.leader_gone) _exit(0);
}

static uint64_t next_deadline(void) {
    if (is_draining()) return keeper.drain_ends;
    uint64_t next = keeper.leader_gone ? NEVER : keeper.timeout_at;
    return keeper.phase != KILL_NOT && keeper.phase_ends < next ? keeper.phase_ends : next;
}

static void wait_for_news(void) {
    /* BRIEF commands report only their exit, and SIGCHLD announces it. Saves one wake-up. */
    int failure_fd = is_brief() ? -1 : keeper.failure_fd;
    struct pollfd polls[2] = {{.fd = keeper.control, .events = POLLIN}, {.fd = failure_fd, .events = POLLIN}};
    struct timespec limit, *timeout = NULL;
    sigset_t open_mask;
    uint64_t deadline = next_deadline();
    if (deadline != NEVER) {
        uint64_t now = now_us();
        uint64_t left = deadline > now ? deadline - now : 0;
        limit.tv_sec = (time_t)(left / 1000000u);
        limit.tv_nsec = (long)(left % 1000000u) * 1000;
        timeout = &limit;
    }
    (void)sigfillset(&open_mask);
    (void)sigdelset(&open_mask, SIGCHLD);
    if (ppoll(polls, 2, timeout, &open_mask) <= 0) return;
    if (polls[1].revents != 0) hear_from_child();
    if (polls[0].revents != 0) obey();
}

_Noreturn static void keep(void) {
    for (;;) {
        reap();
        advance();
        wait_for_news();
    }
}

static void become_keeper(const struct keeper_plan *plan) {
    keeper.plan = plan;
    keeper.control = plan->control;
    /* If this fails (gVisor), orphans become children of PID 1, which handles them. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    (void)prctl(PR_SET_NAME, "keeper", 0, 0, 0);
    turn_keep_to_self();
    prepare_signals();
}

/* Returns true if the request places a file where only root can write. Such a request runs the agent's own code, on a
 * path that no command can have prepared. */
static bool places_file(const struct spawn_request *r) {
    static const char place[] = PROGRAMS_DIR "/";
    if ((r->flags & SPAWN_FS) == 0 || r->argc < 2 || strcmp(r->argv[0], "write") != 0) return false;
    return strncmp(r->argv[1], place, sizeof place - 1) == 0 && spawn_is_program_name(r->argv[1] + sizeof place - 1);
}

_Noreturn void keeper_run(const struct keeper_plan *plan) {
    int keep_open[5] = {plan->control, plan->stdio[0], plan->stdio[1], plan->stdio[2], stage_directory()};
    keeper.failure_fd = -1;
    close_all_from(3, keep_open, 5);
    become_keeper(plan);
    int error = user_resolve(plan->user, &keeper.who);
    if (error == 0 && plan->refuse_root && keeper.who.uid == 0) error = EPERM;
    if (error != 0) report_spawn_failure(STAGE_USER, error);
    if (keeper.who.uid == 0 && !places_file(plan->request)) report_root();
    start_command();
    keep();
}

static bool take_identity(int argc, char **argv, struct identity *who) {
    uint64_t number;
    for (int i = 0; i < argc; i++) {
        if (i >= GROUPS_MAX + 2 || !parse_u64(argv[i], strlen(argv[i]), 10, UINT32_MAX, &number)) return false;
        if (i == 0) who->uid = (uid_t)number;
        if (i == 1) who->gid = (gid_t)number;
        if (i >= 2) who->groups[who->group_count++] = (gid_t)number;
    }
    return argc >= 2;
}

/* Waits until PID 1 sends a program. The leader waits for its own part, and ends if there will be none. */
_Noreturn static void keep_from_start(struct spawn_request *request) {
    static struct keeper_start start;
    ssize_t n;
    do {
        n = recv(keeper.control, &start, sizeof start, 0);
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof start || start.order != ORDER_START) _exit(0);
    if (start.names_user) keeper.who = start.who;
    request->flags = start.flags;
    request->timeout_ms = start.timeout_ms;
    request->grace_ms = start.grace_ms;
    request->drain_ms = start.drain_ms;
    keeper.started_us = start.started_us;
    set_timeout();
    keep();
}

_Noreturn void keeper_await(int control, int program, const char *workspace) {
    static struct spawn_request request;
    struct keeper_plan plan = {.request = &request, .control = control};
    struct child_plan child = {.request = &request, .who = &keeper.who, .workspace = workspace};
    int keep_open[3] = {control, program, stage_directory()};
    int failure[2];
    keeper.failure_fd = -1;
    close_all_from(3, keep_open, 3);
    become_keeper(&plan);
    if (pipe2(failure, O_CLOEXEC) != 0) _exit(0);
    child.failure_fd = failure[1];
    keeper.failure_fd = failure[0];
    keeper.leader = fork();
    if (keeper.leader < 0) _exit(0);
    if (keeper.leader == 0) child_await(program, &child, &request, &keeper.who);
    (void)close(failure[1]);
    (void)close(program);
    keep_from_start(&request);
}

_Noreturn void keeper_adopt(int argc, char **argv) {
    static struct spawn_request request;
    static const struct keeper_plan plan = {.request = &request, .control = KEEPER_CONTROL_FD};
    uint64_t leader;
    close_all_from(KEEPER_FAILURE_FD + 1, NULL, 0);
    if (argc < 3 || !parse_u64(argv[2], strlen(argv[2]), 10, INT32_MAX, &leader)) die("keeper: no leader", 0);
    if (!take_identity(argc - 3, argv + 3, &keeper.who)) die("keeper: no identity", 0);
    keeper.leader = (pid_t)leader;
    keeper.failure_fd = KEEPER_FAILURE_FD;
    become_keeper(&plan);
    keeper.report.news = NEWS_READY;
    keeper.report.pid = getpid();
    send_report();
    keep_from_start(&request);
}
