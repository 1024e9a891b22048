#define _GNU_SOURCE
#include "session/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cgroup.h"
#include "base/user.h"
#include "base/util.h"
#include "command/command-warm.h"
#include "command/command.h"
#include "command/connection.h"
#include "command/prefork.h"
#include "command/zygote.h"
#include "fs/fs-stage.h"
#include "reset/reset.h"
#include "session/call-filter.h"
#include "session/environment.h"
#include "session/localhost-names.h"
#include "session/self-test.h"
#include "session/sockets.h"
#include "wire/frame.h"
#include "wire/messages.h"

#ifndef AGENT_BUILD
#define AGENT_BUILD "unknown"
#endif

#define NEVER UINT64_MAX
#define IN_SIZE (2 * (FRAME_HEADER + FRAME_PAYLOAD_MAX))
/* Time limit for HELLO: a live host sends it much earlier. */
#define HELLO_LIMIT_US 60000000u
/* Time limit for sending the last frames, because the host may be stuck, dead or far away. */
#define LAST_WORDS_US 200000u
#define REAP_LIMIT_US 2000000u

static struct {
    int host_in, host_out;
    bool readable;
    bool greeted;
    struct hello hello;
    uint64_t lease_us; /* 0: none */
    uint64_t lease_at;
    uint64_t lifetime_at;
    bool pong_owed, stats_owed;
    uint64_t pong_token;
    uint32_t stats_token;
    bool reset_owed;
    uint64_t reset_token;
    struct reset_result reset;
    struct cgroup_figures figures_before; /* counters at the last reset */
    struct cgroup_counters counters_before;
    size_t used;
    uint8_t bytes[IN_SIZE];
} session;

void session_init(int host_in, int host_out) {
    session.host_in = host_in;
    session.host_out = host_out;
    session.lifetime_at = NEVER;
    session.lease_at = now_us() + HELLO_LIMIT_US;
}

void session_readable(void) {
    session.readable = true;
}

/* ---- the end ---- */

/* Kills every process. kill(-1) reaches every process of the namespace but this one, and no fork escapes it. Returns
 * false if one does not die. */
static bool kill_everything(void) {
    uint64_t end = now_us() + REAP_LIMIT_US;
    struct timespec pause = {0, 1000000};
    sigset_t child;
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    for (;;) {
        pid_t pid;
        (void)kill(-1, SIGKILL);
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) continue;
        if (pid < 0 && errno == ECHILD) return true;
        if (now_us() >= end) return false;
        (void)sigtimedwait(&child, NULL, &pause);
    }
}

static int exit_status(enum bye_reason reason) {
    bool planned = reason == BYE_SHUTDOWN || reason == BYE_STDIN_EOF || reason == BYE_SIGTERM;
    return planned ? 0 : (int)reason;
}

_Noreturn void session_end(enum bye_reason reason) {
    uint8_t payload[1] = {(uint8_t)reason};
    (void)kill_everything();
    outbox_flush_within(LAST_WORDS_US);
    if (outbox_control(0, T_BYE, payload, sizeof payload)) outbox_flush_within(LAST_WORDS_US);
    _exit(exit_status(reason));
}

_Noreturn static void fail(enum error_code code, const char *message) {
    uint8_t payload[512];
    size_t length = strlen(message);
    if (length > sizeof payload - 6) length = sizeof payload - 6;
    uint8_t *end = put_bytes(put_u16(payload, (uint16_t)code), message, (uint32_t)length);
    if (!outbox_control(0, T_ERROR, payload, (uint32_t)(end - payload))) {
        outbox_flush_within(LAST_WORDS_US);
        (void)outbox_control(0, T_ERROR, payload, (uint32_t)(end - payload));
    }
    session_end(BYE_PROTOCOL);
}

_Noreturn static void fail_frame(const struct frame *f) {
    char message[128] = "malformed frame: type ";
    text_append_u64(message, sizeof message, f->type);
    text_append(message, sizeof message, ", stream ");
    text_append_u64(message, sizeof message, f->stream);
    text_append(message, sizeof message, ", length ");
    text_append_u64(message, sizeof message, f->length);
    fail(E_MALFORMED, message);
}

/* ---- lease and lifetime ---- */

static uint64_t later(uint64_t now, uint64_t ms) {
    return ms > (NEVER - now) / 1000 - 1 ? NEVER : now + ms * 1000;
}

static void renew_lease(void) {
    session.lease_at = session.lease_us == 0 ? NEVER : now_us() + session.lease_us;
}

static void set_promises(uint32_t lease_ms, uint64_t lifetime_ms) {
    session.lease_us = (uint64_t)lease_ms * 1000;
    session.lifetime_at = lifetime_ms == 0 ? NEVER : later(now_us(), lifetime_ms);
    renew_lease();
}

/* Returns true if the host sent nothing. Reads pending frames first: an agent that was frozen must not take the host
 * for silent. */
static bool host_is_silent(void) {
    struct pollfd p = {.fd = session.host_in, .events = POLLIN};
    if (!session.readable && poll(&p, 1, 0) > 0) session.readable = true;
    return !session.readable;
}

uint64_t session_tick(uint64_t now) {
    if (now >= session.lifetime_at) session_end(BYE_LIFETIME);
    if (now >= session.lease_at && host_is_silent()) session_end(BYE_LEASE);
    return min_u64(session.lease_at, session.lifetime_at);
}

/* ---- answers ---- */

static void send_ready(uint16_t caps) {
    struct utsname name;
    size_t room;
    /* READY is the first frame, so the outbox has room for the largest one. */
    uint8_t *payload = outbox_reserve(&room);
    const char *kernel = uname(&name) == 0 ? name.release : "";
    if (payload == NULL) return;
    uint8_t *p = put_u16(payload, PROTOCOL_VERSION);
    p = put_u16(p, caps);
    p = put_u32(p, STREAMS_MAX);
    p = put_bytes(p, AGENT_BUILD, (uint32_t)strlen(AGENT_BUILD));
    p = put_bytes(p, kernel, (uint32_t)strnlen(kernel, 64));
    p = environment_put(p, room - (size_t)(p - payload), environ);
    outbox_commit(0, T_READY, (uint32_t)(p - payload));
}

static uint32_t own_rss_kib(void) {
    char text[128];
    uint64_t pages;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read_all(fd, text, sizeof text - 1);
    close_fd(&fd);
    if (n <= 0) return UINT32_MAX;
    text[n] = '\0';
    const char *second = strchr(text, ' ');
    if (second == NULL || !parse_u64(second + 1, strcspn(second + 1, " "), 10, UINT32_MAX, &pages)) return UINT32_MAX;
    return (uint32_t)(pages * ((uint64_t)sysconf(_SC_PAGESIZE) / 1024));
}

static uint32_t narrow(uint64_t figure) {
    return figure > UINT32_MAX ? UINT32_MAX : (uint32_t)figure;
}

/* Returns the increase of a kernel counter since the last reset. */
static uint64_t since(uint64_t before, uint64_t now) {
    return now == FIGURE_UNKNOWN || before == FIGURE_UNKNOWN || now < before ? now : now - before;
}

static bool send_stats(void) {
    uint8_t payload[64];
    struct cgroup_figures f = cgroup_figures();
    struct cgroup_counters c = cgroup_counters();
    f.cpu_us = since(session.figures_before.cpu_us, f.cpu_us);
    c.oom_kills = since(session.counters_before.oom_kills, c.oom_kills);
    c.pids_events = since(session.counters_before.pids_events, c.pids_events);
    /* A peak that is not above the old one may be the old one. */
    if (session.figures_before.memory_peak != 0 && f.memory_peak <= session.figures_before.memory_peak) {
        f.memory_peak = FIGURE_UNKNOWN;
    }
    uint8_t *p = put_u32(payload, session.stats_token);
    p = put_u64(p, f.memory);
    p = put_u64(p, f.memory_peak);
    p = put_u64(p, f.cpu_us);
    p = put_u32(p, narrow(f.pids));
    p = put_u32(p, narrow(c.oom_kills));
    p = put_u32(p, narrow(c.pids_events));
    p = put_u32(p, commands_count());
    p = put_u32(p, own_rss_kib());
    return outbox_control(0, T_STATS, payload, (uint32_t)(p - payload));
}

static bool send_reset_done(void) {
    uint8_t payload[512];
    uint8_t *p = put_u64(payload, session.reset_token);
    p = put_u32(p, session.reset.error);
    p = put_bytes(p, session.reset.what, (uint32_t)strlen(session.reset.what));
    return outbox_control(0, T_RESET_DONE, payload, (uint32_t)(p - payload));
}

/* Sends owed answers. At most one of a kind is owed: if the host requests without reading, the newest request counts. */
void session_run(void) {
    uint8_t payload[8];
    (void)put_u64(payload, session.pong_token);
    if (session.pong_owed && outbox_control(0, T_PONG, payload, sizeof payload)) session.pong_owed = false;
    if (session.stats_owed && send_stats()) session.stats_owed = false;
    if (session.reset_owed && send_reset_done()) session.reset_owed = false;
    (void)connections_answer();
    (void)zygote_answer();
}

/* ---- reset between tasks ---- */

/* Restores the state after HELLO, or reports the reason why that cannot be proven. */
static void reset(void) {
    struct reset_result *r = &session.reset;
    bool dead = kill_everything();
    connections_stop();
    commands_forget();
    zygote_forget();
    prefork_forget();
    names_close();
    *r = (struct reset_result){0};
    if ((session.hello.flags & HELLO_RESETTABLE) == 0) {
        (void)reset_fail(r, ENOTSUP, "it was not asked for in HELLO", "");
    } else if (!dead) {
        (void)reset_fail(r, EBUSY, "a process that does not die", "");
    } else if (commands_ran_as_root()) {
        (void)reset_fail(r, EPERM, "a command ran as root", "");
    } else {
        reset_run(r);
    }
    names_open();
    session.figures_before = cgroup_figures();
    session.counters_before = cgroup_counters();
    session.reset_owed = true;
}

/* ---- frames ---- */

static void prepare_stage(void) {
    struct identity who;
    if (user_resolve(session.hello.default_user, &who) != 0) return;
    stage_prepare(session.hello.workspace, who.uid, who.gid);
}

/* Sets the modes as the owner of each directory: runc gives a tmpfs the mode that the directory has in the image. */
static void set_modes(struct cursor *modes) {
    char path[PATH_MAX];
    uint32_t mode;
    struct stat st;
    while (hello_next_mode(modes, path, sizeof path, &mode)) {
        if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || (st.st_mode & 07777) == mode) continue;
        user_set_file_rights(st.st_uid, st.st_gid);
        (void)chmod(path, mode);
        user_set_file_rights(0, 0);
    }
}

static void greet(const struct frame *f) {
    struct self_test test;
    char message[128] = "the agent speaks version ";
    if (f->type != T_HELLO || f->stream != 0) fail(E_NO_HELLO, "the first frame must be HELLO");
    switch (hello_parse(f, &session.hello)) {
        case HELLO_MALFORMED:
            fail_frame(f);
        case HELLO_OTHER_VERSION:
            text_append_u64(message, sizeof message, PROTOCOL_VERSION);
            text_append(message, sizeof message, ", the host version ");
            text_append_u64(message, sizeof message, session.hello.version);
            fail(E_VERSION, message);
        case HELLO_OK:
            break;
    }
    /* The self-test, the stage and the first command need it, too. */
    user_remember(session.hello.default_user);
    switch (self_test_run(session.hello.default_user, session.host_in, session.host_out, &test)) {
        case 0:
            break;
        case EINVAL:
            fail(E_UNKNOWN_USER, "the image has no such user or group");
        default:
            fail(E_INTERNAL, "the self-test could not run");
    }
    if (test.breach != NULL) fail(E_UNSAFE_KERNEL, test.breach);
    set_modes(&session.hello.modes);
    struct commands_setup setup = {session.hello.workspace, session.hello.default_user,
                                   (test.capabilities & CAN_SUBREAP) != 0,
                                   (test.capabilities & CAN_HIDE_FROM_ROOT) == 0};
    commands_init(&setup);
    prepare_stage();
    /* Remember the state now, including the directory created here, which uses an inode of the workspace. */
    if ((session.hello.flags & HELLO_RESETTABLE) != 0) reset_prepare();
    names_open();
    set_promises(session.hello.lease_ms, session.hello.lifetime_ms);
    session.greeted = true;
    send_ready(test.capabilities | cgroup_capabilities() | sockets_capabilities() | call_filter_capabilities());
}

static bool on_lease(struct cursor *p) {
    uint32_t lease_ms = take_u32(p);
    uint64_t lifetime_ms = take_u64(p);
    if (!p->bad) set_promises(lease_ms, lifetime_ms);
    return !p->bad;
}

static bool on_control_frame(const struct frame *f) {
    struct cursor p = {f->payload, f->length, false};
    switch (f->type) {
        case T_PING:
            session.pong_token = take_u64(&p);
            session.pong_owed = !p.bad;
            break;
        case T_STATS_REQUEST:
            session.stats_token = take_u32(&p);
            session.stats_owed = !p.bad;
            break;
        case T_KILL_ALL: {
            uint32_t grace_ms = take_u32(&p);
            if (!p.bad) commands_kill_all(grace_ms);
            break;
        }
        case T_LEASE:
            return on_lease(&p);
        case T_LISTEN: {
            uint16_t port = take_u16(&p);
            uint16_t limit = take_u16(&p);
            if (!p.bad) connections_listen(port, limit);
            break;
        }
        case T_RESET:
            session.reset_token = take_u64(&p);
            if (!p.bad) reset();
            break;
        case T_LIMITS: {
            uint32_t most_sockets = take_u32(&p);
            if (!p.bad) sockets_allow(most_sockets);
            break;
        }
        case T_WARM:
            if (!warm_configure(f->payload, f->length)) return false;
            break;
        case T_SHUTDOWN:
            session_end(BYE_SHUTDOWN);
        default:
            return false;
    }
    session_run();
    return !p.bad;
}

static void obey(const struct frame *f) {
    if (!session.greeted) {
        greet(f);
        return;
    }
    bool ok = f->stream == 0 ? on_control_frame(f) : commands_frame(f);
    if (!ok) fail_frame(f);
}

static void obey_all(void) {
    size_t at = 0, used;
    struct frame f;
    enum frame_result result;
    while ((result = frame_take(session.bytes + at, session.used - at, &f, &used)) == FRAME_COMPLETE) {
        obey(&f);
        at += used;
    }
    if (result == FRAME_TOO_LONG) fail(E_TOO_LONG, "frame too long: at most 65536 bytes of payload");
    if (at == 0) return;
    memmove(session.bytes, session.bytes + at, session.used - at);
    session.used -= at;
    if (session.greeted) renew_lease();
}

bool session_read(void) {
    if (!session.readable) return false;
    ssize_t n = read(session.host_in, session.bytes + session.used, IN_SIZE - session.used);
    if (n > 0) {
        session.used += (size_t)n;
        obey_all();
    } else if (n == 0) {
        session_end(BYE_STDIN_EOF);
    } else if (errno == EAGAIN) {
        session.readable = false;
    } else if (errno != EINTR) {
        session_end(BYE_STDIN_EOF);
    }
    return session.readable;
}
