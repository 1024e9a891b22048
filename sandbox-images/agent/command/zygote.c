#define _GNU_SOURCE
#include "command/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/protocol.h"
#include "base/user.h"
#include "base/util.h"
#include "command/command-state.h"
#include "keeper/child.h"
#include "wire/frame.h"
#include "wire/loop.h"

/* Pauses after a failure, doubled each time: seconds if it never started; short if it could not fork once because
 * processes of the sandbox used up the limit. */
#define REST_UNPROVEN_US 1000000u
#define REST_US 20000u
#define REST_DOUBLINGS_MAX 5
/* Descriptor numbers that warm/native.c expects. */
#define SOCKET_FD 3
#define AGENT_FD 4

struct spare {
    int control; /* -1: no spare */
    int program;
    pid_t keeper; /* keeper; 0: not ready */
    uint32_t turn; /* distinguishes it from earlier spares in the same slot */
};

static struct {
    uint8_t *bytes; /* parsed WARM request; NULL: none */
    uint8_t *asked; /* the request as received */
    uint32_t asked_length;
    struct spawn_request request;
    pid_t pid;
    int socket;  /* -1: not running */
    bool proven; /* one of its spares has been ready */
    bool answer_owed;
    uint32_t failures; /* consecutive failures */
    uint64_t rests_until;
    struct spare spares[ZYGOTE_SPARES_MAX];
} zygote = {.socket = -1};

/* ---- the process ---- */

static void place_descriptors(int socket) {
    /* O_PATH: the file is only executed. */
    int agent = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    /* Move the descriptors away from the numbers that they are to have. */
    int high[3] = {fcntl(socket, F_DUPFD_CLOEXEC, 16), fcntl(agent, F_DUPFD_CLOEXEC, 16),
                   fcntl(null, F_DUPFD_CLOEXEC, 16)};
    if (high[0] < 0 || high[1] < 0 || high[2] < 0) _exit(127);
    for (int fd = 0; fd < 3; fd++) (void)dup2(high[2], fd);
    if (dup2(high[0], SOCKET_FD) < 0 || dup2(high[1], AGENT_FD) < 0) _exit(127);
    close_all_from(AGENT_FD + 1, NULL, 0);
}

/* Describes the forks' user and limits, in an environment variable that no other process has set. */
static void describe(char *out, size_t size, const char *user) {
    struct identity who;
    /* A keeper reports to PID 1 that a command runs as root before the command starts. A fork could report it only too
     * late. */
    if (user_resolve(user, &who) != 0 || who.uid == 0) _exit(127);
    uint64_t numbers[4] = {who.uid, who.gid, child_defaults.nofile_soft, child_defaults.nofile_hard};
    text_append(out, size, "RIPCORD_WARM=");
    child_append_oom_score(out, size);
    text_append(out, size, " ");
    for (size_t i = 0; i < 4 + who.group_count; i++) {
        text_append_u64(out, size, i < 4 ? numbers[i] : who.groups[i - 4]);
        text_append(out, size, " ");
    }
}

/* Executes a file as root, so the file must be one that no command can have changed. */
static void exec_read_only(const char *path, char *const *argv, char *const *env) {
    char file[PATH_MAX];
    for (;; path++) {
        size_t length = strcspn(path, ":");
        if (length > 0 && path[0] == '/' && length + strlen(argv[0]) + 2 <= sizeof file) {
            memcpy(file, path, length);
            file[length] = '\0';
            text_append(file, sizeof file, "/");
            text_append(file, sizeof file, argv[0]);
            char *real = realpath(file, NULL);
            if (real != NULL && is_read_only(file) && is_read_only(real)) (void)execve(file, argv, env);
        }
        path += length;
        if (*path == '\0') return;
    }
}

_Noreturn static void run(int socket) {
    static char own[64 + 16 * GROUPS_MAX];
    const struct spawn_request *r = &zygote.request;
    char **env = calloc((size_t)r->envc + 2, sizeof *env);
    const char *path = "";
    if (env == NULL) _exit(127);
    place_descriptors(socket);
    describe(own, sizeof own, command_user(r));
    for (uint32_t i = 0; i < r->envc; i++) {
        env[i] = r->env[i];
        if (strncmp(env[i], "PATH=", 5) == 0) path = env[i] + 5;
    }
    env[r->envc] = own;
    (void)setsid();
    child_reset_signals();
    if (chdir("/") == 0) exec_read_only(path, r->argv, env);
    _exit(127);
}

static void note_failure(void) {
    if (zygote.failures < REST_DOUBLINGS_MAX) zygote.failures++;
    zygote.rests_until = now_us() + ((uint64_t)(zygote.proven ? REST_US : REST_UNPROVEN_US) << zygote.failures);
}

static bool start(void) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        note_failure();
        return false;
    }
    pid_t pid = loop_watch(pair[0], EPOLLIN, watch_tag(WATCH_ZYGOTE, 0, 0)) == 0 ? fork() : -1;
    if (pid == 0) run(pair[1]);
    (void)close(pair[1]);
    if (pid < 0) {
        unwatch_close(&pair[0]);
        note_failure();
        return false;
    }
    zygote.pid = pid;
    zygote.socket = pair[0];
    zygote.proven = false;
    return true;
}

/* ---- spares ---- */

static void drop(struct spare *s) {
    unwatch_close(&s->control);
    close_fd(&s->program);
    s->keeper = 0;
}

static struct spare *find_ready(void) {
    for (int i = 0; i < ZYGOTE_SPARES_MAX; i++) {
        if (zygote.spares[i].keeper != 0) return &zygote.spares[i];
    }
    return NULL;
}

static bool is_used(const struct spare *s) {
    /* A spare is all zeros before its first use. */
    return s->turn != 0 && s->control >= 0;
}

static uint32_t count_spares(void) {
    uint32_t count = 0;
    for (int i = 0; i < ZYGOTE_SPARES_MAX; i++) count += is_used(&zygote.spares[i]);
    return count;
}

/* The pairs wait in the socket until they are taken. */
static bool ask_for_spare(void) {
    int control[2], program[2];
    uint32_t place = 0;
    while (is_used(&zygote.spares[place])) place++;
    struct spare *s = &zygote.spares[place];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0) return false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, program) != 0) {
        close_fd(&control[0]);
        close_fd(&control[1]);
        return false;
    }
    int theirs[2] = {control[1], program[1]};
    s->control = control[0];
    s->program = program[0];
    s->turn++;
    bool sent = loop_watch(s->control, EPOLLIN, watch_tag(WATCH_SPARE, place, s->turn)) == 0 &&
                send_descriptors(zygote.socket, theirs, 2);
    close_fd(&theirs[0]);
    close_fd(&theirs[1]);
    if (!sent) drop(s);
    return sent;
}

static bool is_resting(void) {
    return zygote.failures > 0 && now_us() < zygote.rests_until;
}

/* An interpreter that has not been ready yet takes longer to start than a new one for the program. */
bool zygote_is_worth_waiting_for(void) {
    return zygote.socket >= 0 && zygote.proven && !is_resting();
}

pid_t zygote_take_spare(int *control, int *program) {
    struct spare *s = find_ready();
    if (s == NULL) return 0;
    pid_t keeper = s->keeper;
    *control = s->control;
    *program = s->program;
    loop_unwatch(*control);
    s->control = s->program = -1;
    s->keeper = 0;
    return keeper;
}

bool zygote_run(void) {
    return zygote.bytes != NULL && !is_resting() && (zygote.socket >= 0 || start());
}

void zygote_ask_for_spares(uint32_t wanted) {
    bool able = true;
    while (able && count_spares() < wanted && count_spares() < ZYGOTE_SPARES_MAX) able = ask_for_spare();
}

bool zygote_event(void) {
    char byte;
    ssize_t n = recv(zygote.socket, &byte, 1, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    /* This socket carries no data to PID 1, so an event means its end. Ready spares live on by themselves. */
    unwatch_close(&zygote.socket);
    if (!zygote.proven) note_failure();
    return true;
}

bool zygote_spare_event(uint64_t tag) {
    struct keeper_report news;
    struct spare *s = &zygote.spares[(uint32_t)(tag >> 8) % ZYGOTE_SPARES_MAX];
    if (!is_used(s) || s->turn != (uint32_t)(tag >> 32)) return false;
    ssize_t n = recv(s->control, &news, sizeof news, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (n == (ssize_t)sizeof news && news.news == NEWS_READY && s->keeper == 0) {
        s->keeper = news.pid;
        zygote.proven = true;
        zygote.failures = 0;
    } else {
        if (s->keeper == 0) note_failure();
        drop(s);
    }
    return true;
}

/* It is stopped or starved. Its end is an event of its own, and a failure. */
void zygote_note_late(void) {
    zygote.proven = false;
    if (zygote.socket < 0 || kill(zygote.pid, SIGKILL) != 0) note_failure();
}

uint64_t zygote_next_try(void) {
    return zygote.answer_owed && zygote.failures > 0 ? zygote.rests_until : NEVER;
}

size_t zygote_processes(pid_t *out) {
    size_t count = 0;
    if (zygote.socket >= 0) out[count++] = zygote.pid;
    for (int i = 0; i < ZYGOTE_SPARES_MAX; i++) {
        if (zygote.spares[i].keeper != 0) out[count++] = zygote.spares[i].keeper;
    }
    return count;
}

uint32_t zygote_sockets(void) {
    return (zygote.socket < 0 ? 0 : 2) + 4 * count_spares();
}

void zygote_forget(void) {
    if (zygote.socket >= 0) {
        (void)kill(zygote.pid, SIGKILL);
        unwatch_close(&zygote.socket);
    }
    for (int i = 0; i < ZYGOTE_SPARES_MAX; i++) {
        if (is_used(&zygote.spares[i])) drop(&zygote.spares[i]);
    }
    spawn_request_free(&zygote.request);
    free(zygote.bytes);
    free(zygote.asked);
    zygote.bytes = zygote.asked = NULL;
    zygote.failures = 0;
}

/* ---- requests of the host ---- */

static uint8_t *copy_of(const uint8_t *bytes, uint32_t length) {
    uint8_t *copy = malloc(length > 0 ? length : 1);
    if (copy != NULL && length > 0) memcpy(copy, bytes, length);
    return copy;
}

bool zygote_configure(const uint8_t *request, uint32_t length) {
    struct spawn_request parsed;
    bool same = zygote.bytes != NULL && length == zygote.asked_length && memcmp(request, zygote.asked, length) == 0;
    if (!same) {
        uint8_t *bytes = copy_of(request, length), *asked = copy_of(request, length);
        bool valid = bytes != NULL && asked != NULL && spawn_request_parse(bytes, length, &parsed) == 0;
        if (valid) {
            zygote_forget();
            zygote.bytes = bytes;
            zygote.asked = asked;
            zygote.asked_length = length;
            zygote.request = parsed;
        } else {
            bool refused = bytes != NULL && asked != NULL;
            free(bytes);
            free(asked);
            if (refused) return false;
        }
    }
    zygote.answer_owed = true;
    return true;
}

bool zygote_answer(void) {
    if (!zygote.answer_owed) return true;
    bool ready = find_ready() != NULL;
    bool stuck = zygote.socket < 0 || is_resting();
    bool hopeless = !commands.setup.subreaper || (stuck && (!zygote.proven || zygote.failures == REST_DOUBLINGS_MAX));
    if (!ready && !hopeless && zygote.bytes != NULL) return true;
    uint8_t payload[1] = {ready};
    zygote.answer_owed = !outbox_control(0, T_WARMED, payload, sizeof payload);
    return !zygote.answer_owed;
}

/* Returns the index of `text` among `strings`, compared up to `length`, or `count`. The search begins at `expected`,
 * where it mostly is. */
static uint32_t find_string(char *const *strings, uint32_t count, const char *text, size_t length, uint32_t expected) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (expected + i) % count;
        if (strncmp(strings[at], text, length) == 0) return at;
    }
    return count;
}

bool zygote_sets(const char *assignment, uint32_t expected) {
    const struct spawn_request *own = &zygote.request;
    return find_string(own->env, own->envc, assignment, strlen(assignment) + 1, expected) < own->envc;
}

/* A fork inherits the interpreter's variables. It can replace their values, but not remove variables. */
static bool sets_all_names(const struct spawn_request *r) {
    for (uint32_t i = 0; i < zygote.request.envc; i++) {
        const char *assignment = zygote.request.env[i];
        /* The interpreter removes that one itself. */
        if (strncmp(assignment, WARM_FOR_FRESH_ONES, sizeof WARM_FOR_FRESH_ONES - 1) == 0) continue;
        if (find_string(r->env, r->envc, assignment, strcspn(assignment, "=") + 1, i) == r->envc) return false;
    }
    return true;
}

bool zygote_takes(const struct spawn_request *r) {
    const uint16_t unfit = SPAWN_PTY | SPAWN_MERGE | SPAWN_DETACHED;
    if (!r->warm || (r->flags & unfit) != 0 || zygote.bytes == NULL || !commands.setup.subreaper) return false;
    return strcmp(command_user(r), command_user(&zygote.request)) == 0 && strcmp(r->argv[0], zygote.request.argv[0]) == 0 &&
           r->program_at == 1 && sets_all_names(r);
}
