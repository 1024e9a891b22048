#define _GNU_SOURCE
#include "keeper/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/protocol.h"
#include "base/util.h"
#include "fs/fs-stage.h"
#include "fs/fs.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define OOM_SCORE_MAX 1000
/* Score that makes the kernel kill the command before the agent, whatever the container's own score is. */
#define OOM_SCORE_STEP 200

struct child_defaults child_defaults;

void child_defaults_load(void) {
    char text[32];
    struct rlimit limit;
    struct sigaction action = {.sa_handler = SIG_DFL};
    /* Reset the signals once here instead of in every child, because a runtime may have left some ignored. */
    for (int signal = 1; signal < NSIG; signal++) (void)sigaction(signal, &action, NULL);

    int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read_all(fd, text, sizeof text - 1);
    close_fd(&fd);
    uint64_t score = 0;
    bool negative = n > 0 && text[0] == '-';
    size_t digits = n > 1 ? (size_t)n - 1 - (negative ? 1 : 0) : 0;
    if (!parse_u64(text + (negative ? 1 : 0), digits, 10, OOM_SCORE_MAX, &score)) score = 0;
    child_defaults.oom_score_adj = negative ? -(int)score : (int)score;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) die("getrlimit", errno);
    child_defaults.nofile_soft = limit.rlim_cur;
    child_defaults.nofile_hard = limit.rlim_max;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

_Noreturn static void fail(const struct child_plan *plan, int stage, int error) {
    struct child_failure failure = {stage, error};
    (void)write_all(plan->failure_fd, &failure, sizeof failure);
    _exit(127);
}

/* Resets the handler that a keeper sets. All other dispositions are already the default. */
void child_reset_signals(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    (void)sigaction(SIGCHLD, &action, NULL);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void child_append_oom_score(char *text, size_t size) {
    int score = child_defaults.oom_score_adj + OOM_SCORE_STEP;
    if (score > OOM_SCORE_MAX) score = OOM_SCORE_MAX;
    if (score < 0) text_append(text, size, "-");
    text_append_u64(text, size, (uint64_t)(score < 0 ? -score : score));
}

/* This is best effort: without /proc the kernel still chooses the biggest process, which is not the agent. */
void child_raise_oom_score(void) {
    char text[24] = "";
    child_append_oom_score(text, sizeof text);
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    (void)write_all(fd, text, strlen(text));
    (void)close(fd);
}

static int set_limits(void) {
    struct rlimit no_core = {0, 0};
    struct rlimit files = {child_defaults.nofile_soft, child_defaults.nofile_hard};
    if (setrlimit(RLIMIT_CORE, &no_core) != 0) return -1;
    return setrlimit(RLIMIT_NOFILE, &files);
}

static int take_terminal(const struct child_plan *plan) {
    if ((plan->request->flags & SPAWN_PTY) == 0) return 0;
    return ioctl(plan->stdio[0], TIOCSCTTY, 0);
}

/* Places the descriptors. The sources are above 2, so dup2 does not overwrite one that is still needed. */
static int place_stdio(const struct child_plan *plan) {
    for (int i = 0; i < 3; i++) {
        if (dup2(plan->stdio[i], i) != i) return -1;
    }
    return 0;
}

static const char *path_of(char *const *env) {
    for (; *env != NULL; env++) {
        if (strncmp(*env, "PATH=", 5) == 0) return *env + 5;
    }
    return DEFAULT_PATH;
}

/* Searches PATH as the user by executing each candidate: a check in advance could be outdated. Returns the errno. */
static int exec_in_path(const char *path, char *const *argv, char *const *env) {
    char file[PATH_MAX];
    int error = ENOENT;
    for (;;) {
        size_t length = strcspn(path, ":");
        if (length + strlen(argv[0]) + 2 <= sizeof file) {
            memcpy(file, path, length);
            file[length] = '\0';
            if (length > 0) text_append(file, sizeof file, "/");
            text_append(file, sizeof file, argv[0]);
            (void)execve(file, argv, env);
            if (errno == EACCES) {
                error = EACCES;
            } else if (errno != ENOENT && errno != ENOTDIR) {
                return errno;
            }
        }
        if (path[length] == '\0') return error;
        path += length + 1;
    }
}

static int run_program(const struct spawn_request *r) {
    if (strchr(r->argv[0], '/') == NULL) return exec_in_path(path_of(r->env), r->argv, r->env);
    (void)execve(r->argv[0], r->argv, r->env);
    return errno;
}

_Noreturn static void run_fs(const struct child_plan *plan) {
    int keep[1] = {stage_directory()};
    close_all_from(3, keep, 1);
    fs_main((int)plan->request->argc, plan->request->argv, plan->workspace);
}

static void prepare(const struct child_plan *plan) {
    if (setsid() < 0) fail(plan, STAGE_PTY, errno);
    child_raise_oom_score();
    if (set_limits() != 0) fail(plan, STAGE_RESOURCES, errno);
    (void)umask(022);
}

_Noreturn static void start(const struct child_plan *plan) {
    const struct spawn_request *r = plan->request;
    const char *cwd = r->cwd[0] == '\0' ? plan->workspace : r->cwd;
    if (place_stdio(plan) != 0) fail(plan, STAGE_RESOURCES, errno);
    if (user_become(plan->who) != 0) fail(plan, STAGE_USER, errno);
    child_reset_signals();
    if ((r->flags & SPAWN_FS) != 0) run_fs(plan);
    if (chdir(cwd) != 0) fail(plan, STAGE_CWD, errno);
    fail(plan, STAGE_EXEC, run_program(r));
}

_Noreturn void child_run(const struct child_plan *plan) {
    prepare(plan);
    if (take_terminal(plan) != 0) fail(plan, STAGE_PTY, errno);
    start(plan);
}

/* ---- a child that waits for its command ---- */

bool child_send(int socket, const struct identity *who, const char program[PROGRAM_PATH_MAX], const uint8_t *request,
                size_t length, const int stdio[3]) {
    struct iovec parts[3] = {{(void *)(uintptr_t)who, sizeof *who},
                             {(void *)(uintptr_t)program, PROGRAM_PATH_MAX},
                             {(void *)(uintptr_t)request, length}};
    return send_packet(socket, parts, 3, stdio, 3);
}

_Noreturn void child_await(int socket, struct child_plan *plan, struct spawn_request *request, struct identity *who) {
    static struct {
        struct identity who;
        char program[PROGRAM_PATH_MAX];
        uint8_t request[CHILD_REQUEST_MAX];
    } received;
    prepare(plan);
    ssize_t n = receive_packet(socket, &received, sizeof received, plan->stdio, 3);
    const size_t before = offsetof(__typeof__(received), request);
    if (n < (ssize_t)before) _exit(127);
    *who = received.who;
    int error = spawn_request_parse(received.request, (size_t)n - before, request);
    if (error != 0) fail(plan, STAGE_RESOURCES, error);
    if (request->program != NULL) request->argv[request->program_at] = received.program;
    start(plan);
}
