/*
 * PID 1 of a sandbox. It implements docs/internals/protocol.md on its stdin and stdout, starts commands through
 * keepers, and kills everything when the host has gone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cgroup.h"
#include "base/turn.h"
#include "base/util.h"
#include "command/command-warm.h"
#include "command/command.h"
#include "command/connection.h"
#include "command/prefork.h"
#include "keeper/child.h"
#include "keeper/keeper.h"
#include "session/call-filter.h"
#include "session/localhost-names.h"
#include "session/session.h"
#include "session/sockets.h"
#include "wire/frame.h"
#include "wire/loop.h"

#define EVENTS 64
/* Limit of one wait: epoll counts in int milliseconds. */
#define WAIT_MAX_US 60000000u

static int signals = -1;

static void watch_or_die(int fd, uint32_t events, enum watch_kind kind, const char *what) {
    if (loop_watch(fd, events, watch_tag(kind, 0, 0)) != 0) die(what, errno);
}

static void open_signals(void) {
    sigset_t wanted, every;
    (void)sigfillset(&every);
    (void)sigemptyset(&wanted);
    (void)sigaddset(&wanted, SIGCHLD);
    (void)sigaddset(&wanted, SIGTERM);
    if (sigprocmask(SIG_SETMASK, &every, NULL) != 0) die("sigprocmask", errno);
    signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0) die("signalfd", errno);
    watch_or_die(signals, EPOLLIN, WATCH_SIGNALS, "signalfd cannot be polled");
}

static void reap_all(void) {
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        prefork_reaped(pid);
        commands_reaped(pid);
    }
}

static void on_signals(void) {
    struct signalfd_siginfo info;
    bool terminate = false;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGTERM) terminate = true;
    }
    reap_all();
    if (terminate) session_end(BYE_SIGTERM);
}

/* Moves a descriptor off 0 and 1, because children get other files there, and puts /dev/null in their place. */
static int move_away(int fd) {
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (moved < 0) die("stdin and stdout must be open", errno);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    } else if (dup2(null, fd) < 0) {
        die("dup2", errno);
    }
    close_fd(&null);
    if (set_nonblocking(moved) != 0) die("fcntl", errno);
    return moved;
}

static void dispatch(const struct epoll_event *event) {
    switch ((enum watch_kind)(event->data.u64 & 0xff)) {
        case WATCH_HOST_IN:
            session_readable();
            break;
        case WATCH_HOST_OUT:
            if ((event->events & EPOLLERR) != 0) session_end(BYE_STDIN_EOF);
            outbox_writable();
            break;
        case WATCH_SIGNALS:
            on_signals();
            break;
        case WATCH_LISTENER:
            connections_event();
            break;
        case WATCH_NAMES:
            names_event();
            break;
        case WATCH_ZYGOTE:
            warm_event();
            break;
        case WATCH_SPARE:
            warm_spare_event(event->data.u64);
            break;
        default:
            commands_event(event->data.u64, event->events);
            break;
    }
}

static int wait_limit(uint64_t deadline, bool busy) {
    if (busy) return 0;
    uint64_t now = now_us();
    if (deadline <= now) return 0;
    return (int)((min_u64(deadline - now, WAIT_MAX_US) + 999) / 1000);
}

_Noreturn static void loop(void) {
    struct epoll_event events[EVENTS];
    bool busy = false;
    uint64_t deadline = 0;
    for (;;) {
        int n = loop_wait(events, EVENTS, wait_limit(deadline, busy));
        if (n < 0 && errno != EINTR) die("epoll_wait", errno);
        for (int i = 0; i < n; i++) dispatch(&events[i]);
        busy = session_read();
        busy = commands_run() || busy;
        session_run();
        if (outbox_flush() != 0) session_end(BYE_STDIN_EOF);
        if (outbox_relieved()) {
            commands_unblock();
            busy = true;
        }
        if (!busy) prefork_make();
        uint64_t now = now_us();
        deadline = min_u64(session_tick(now), prefork_tick(now));
        deadline = min_u64(deadline, min_u64(commands_tick(now), warm_tick(now)));
        deadline = min_u64(deadline, sockets_tick(now));
    }
}

int main(int argc, char **argv) {
    /* This must come first: from here on no process in the sandbox can open the descriptors of this process. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) die("prctl", errno);
    if (argc > 1 && strcmp(argv[1], KEEPER_WORD) == 0) keeper_adopt(argc, argv);
    /* The sandbox ends with kill(-1). Outside a process namespace of its own that would kill every process. */
    if (getpid() != 1) die("must be PID 1 of a process namespace", 0);
    call_filter_install(turn_come_soon());
    if (loop_open() != 0) die("epoll_create1", errno);
    child_defaults_load();
    open_signals();
    int host_in = move_away(STDIN_FILENO);
    int host_out = move_away(STDOUT_FILENO);
    outbox_init(host_out);
    session_init(host_in, host_out);
    watch_or_die(host_in, EPOLLIN, WATCH_HOST_IN, "stdin must be a pipe or socket");
    watch_or_die(host_out, EPOLLOUT, WATCH_HOST_OUT, "stdout must be a pipe or socket");
    cgroup_open();
    sockets_open();
    loop();
}
