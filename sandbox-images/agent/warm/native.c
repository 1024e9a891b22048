/*
 * The native half of a warm interpreter, loaded by usercustomize.py. It holds the code that must touch as little of the
 * interpreter's memory as possible, because every page a fork writes to is copied, and the code that runs after the
 * last Python code. It is linked with only three of the agent's files. Its other symbols come from the process that
 * loads it, with any C library. So it uses only functions that every C library has under the same name. All of it runs
 * in the only thread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/rseq.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/protocol.h"
#include "base/turn.h"
#include "base/user.h"
#include "base/util.h"
#include "keeper/child.h"
#include "keeper/keeper.h"

/* Declarations of Python's own names: its headers would tie this file to one version of Python. */
typedef struct _object PyObject;
extern char _Py_NoneStruct;
extern wchar_t *Py_DecodeLocale(const char *, size_t *);
extern PyObject *PyImport_GetModuleDict(void);
extern PyObject *PyModule_GetDict(PyObject *);
extern PyObject *PyDict_GetItem(PyObject *, PyObject *);
extern int PyDict_SetItem(PyObject *, PyObject *, PyObject *);
extern ssize_t PyTuple_Size(PyObject *);
extern PyObject *PyTuple_GetItem(PyObject *, ssize_t);
#define NONE ((PyObject *)&_Py_NoneStruct)

#define EXPORT __attribute__((visibility("default")))

/* Descriptors that zygote.c has placed. */
#define SOCKET_FD 3
#define AGENT_FD 4
/* Descriptors of a run until Python has taken over: for a failed start, and for the request. */
#define FAILURE_FD 3
#define REQUEST_FD 4

/* Offset of PyDictObject.ma_version_tag, which every change of a dictionary renews (PEP 509). */
#define VERSION_TAG_AT 24
#define WATCHED_MAX 512

/* A name in a program's working directory. A file with this name is not expected to exist. */
#define NO_FILE "/.ripcord-no-file"

#define NUMBER_SIZE 21
#define NUMBERS_MAX (4 + GROUPS_MAX)
#define ARGUMENTS_BEFORE_IDENTITY 3

static struct {
    struct identity who;
    struct rlimit files;
    char oom_score[NUMBER_SIZE];
    char identity[2 + GROUPS_MAX][NUMBER_SIZE];
    char leader[NUMBER_SIZE];
    const char *keeper_argv[ARGUMENTS_BEFORE_IDENTITY + 2 + GROUPS_MAX + 1];
} own = {.keeper_argv = {KEEPER_WORD, KEEPER_WORD, own.leader}};

/* Parses `OOM_SCORE UID GID FILES_SOFT FILES_HARD GROUP… `, as zygote.c writes it. Only the score may be negative. */
EXPORT void warm_setup(const char *text) {
    uint64_t numbers[NUMBERS_MAX] = {0};
    size_t count = 0, score_length = strcspn(text, " ");
    if (score_length >= sizeof own.oom_score) _exit(70);
    memcpy(own.oom_score, text, score_length);
    for (const char *at = text + score_length + 1; *at != '\0' && count < NUMBERS_MAX; at += strcspn(at, " ") + 1) {
        if (!parse_u64(at, strcspn(at, " "), 10, UINT64_MAX, &numbers[count++])) _exit(70);
    }
    own.who.uid = (uid_t)numbers[0];
    own.who.gid = (gid_t)numbers[1];
    own.files = (struct rlimit){(rlim_t)numbers[2], (rlim_t)numbers[3]};
    for (size_t i = 4; i < count; i++) own.who.groups[own.who.group_count++] = (gid_t)numbers[i];
    for (size_t i = 0; i < 2 + own.who.group_count; i++) {
        (void)format_u64(own.identity[i], i < 2 ? numbers[i] : own.who.groups[i - 2]);
        own.keeper_argv[ARGUMENTS_BEFORE_IDENTITY + i] = own.identity[i];
    }
}

/* State for the early end: see warm_measure_end. */
static struct {
    const char *depth; /* NULL: unknown */
    int measure_fd;    /* -1: not a measuring fork */
    bool ran;
    bool allowed;   /* set by usercustomize.py */
    bool forbidden; /* set by audit events */
} end = {.measure_fd = -1};

/* ---- a fork with a keeper ---- */

/* Receives a packet with descriptors. Ends the process if the peer has gone. */
static void receive(int socket, int *fds, size_t count) {
    char byte;
    if (receive_packet(socket, &byte, 1, fds, count) != 1) _exit(0);
}

_Noreturn static void become_keeper(int control, int hear, pid_t leader) {
    static char *const no_env[] = {NULL};
    /* Move it away from the numbers that the descriptors are to have. */
    int agent = fcntl(AGENT_FD, F_DUPFD_CLOEXEC, 16);
    int high[2] = {fcntl(control, F_DUPFD_CLOEXEC, 16), fcntl(hear, F_DUPFD_CLOEXEC, 16)};
    if (dup2(high[0], KEEPER_CONTROL_FD) >= 0 && dup2(high[1], KEEPER_FAILURE_FD) >= 0) {
        (void)format_u64(own.leader, (uint64_t)leader);
        (void)syscall(SYS_execveat, agent, "", own.keeper_argv, no_env, AT_EMPTY_PATH);
    }
    _exit(70);
}

/* Registers rseq again. A process that shares the memory of its parent has no such area, nor do its children, while the
 * C library assumes that its own is still registered (sched_getcpu). */
static void register_rseq(void) {
    extern const ptrdiff_t __rseq_offset __attribute__((weak));
    extern const unsigned int __rseq_size __attribute__((weak));
    const uint32_t signature = 0x53053053;
    if (&__rseq_offset == NULL || &__rseq_size == NULL || __rseq_size == 0) return;
    char *area = (char *)__builtin_thread_pointer() + __rseq_offset;
    (void)syscall(SYS_rseq, area, sizeof(struct rseq), 0, signature);
}

/*
 * Forks. Returns true in the fork. The first child shares this memory instead of copying it, until it becomes the
 * agent's keeper; the caller waits meanwhile. Only the child of that child, which has a copy, may return from here.
 */
static bool split(const int pair[2], int *tell) {
    pid_t keeper = vfork();
    if (keeper != 0) return false;
    int failure[2];
    (void)signal(SIGCHLD, SIG_DFL);
    if (pipe2(failure, O_CLOEXEC) != 0) _exit(70);
    turn_keep_to_self();
    pid_t leader = fork();
    if (leader > 0) become_keeper(pair[0], failure[0], leader);
    if (leader < 0) _exit(70);
    register_rseq();
    (void)close(pair[0]);
    (void)close(failure[0]);
    *tell = failure[1];
    return true;
}

/* ---- steps between fork and program, as child.c does them for a new process ---- */

_Noreturn static void fail(int stage, int error) {
    struct child_failure failure = {stage, error};
    (void)write_all(FAILURE_FD, &failure, sizeof failure);
    _exit(127);
}

static void place_descriptors(const int fds[4], int tell) {
    (void)dup3(tell, FAILURE_FD, O_CLOEXEC);
    (void)dup3(fds[3], REQUEST_FD, O_CLOEXEC);
    for (int i = 0; i < 3; i++) (void)dup2(fds[i], i);
    if (setsid() < 0) fail(STAGE_PTY, errno);
    close_all_from(REQUEST_FD + 1, NULL, 0);
}

static void set_limits(void) {
    struct rlimit no_core = {0, 0};
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)write_all(fd, own.oom_score, strlen(own.oom_score));
        (void)close(fd);
    }
    if (setrlimit(RLIMIT_CORE, &no_core) != 0 || setrlimit(RLIMIT_NOFILE, &own.files) != 0) fail(STAGE_RESOURCES, errno);
    (void)umask(022);
}

static void drop_privileges(void) {
    if (user_become(&own.who) != 0) fail(STAGE_USER, errno);
    /* Make the process traceable and readable like other programs of the user: an execve would do that. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) fail(STAGE_USER, errno);
}

/* Places where the interpreter stores the file it is to run. It reads them only later. */
static wchar_t **main_places[2];

EXPORT void warm_set_places(wchar_t **file, wchar_t **argument) {
    main_places[0] = file;
    main_places[1] = argument;
}

/* Sets the file to run. The second place is the argument from which Python computes sys.path[0]: its directory, as the
 * file does not exist. */
static void set_main(const char *file, const char *neighbour) {
    *main_places[0] = Py_DecodeLocale(file, NULL);
    *main_places[1] = Py_DecodeLocale(neighbour, NULL);
}

static void set_program(const char *file) {
    static char neighbour[PATH_MAX + sizeof NO_FILE];
    if (getcwd(neighbour, PATH_MAX) == NULL) fail(STAGE_CWD, errno);
    memcpy(neighbour + strlen(neighbour), NO_FILE, sizeof NO_FILE);
    set_main(file, neighbour);
}

static const char *after(const char *text) {
    return text + strlen(text) + 1;
}

/*
 * Parses the request as the user: KIND CWD ARGC ARGV… ENV…. Returns the offset of ARGC, from which Python reads on;
 * negative for a program that may be an archive, which a fresh interpreter would open.
 */
static long begin_request(void) {
    off_t size = lseek(REQUEST_FD, 0, SEEK_END);
    const char *request = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, REQUEST_FD, 0);
    uint64_t left;
    if (request == MAP_FAILED) fail(STAGE_RESOURCES, errno);
    const char *cwd = after(request), *argc = after(cwd), *at = after(argc);
    if (chdir(cwd) != 0) fail(STAGE_CWD, errno);
    set_program(after(at));
    if (!parse_u64(argc, strlen(argc), 10, UINT32_MAX, &left)) fail(STAGE_RESOURCES, EINVAL);
    for (; left > 0; left--) at = after(at);
    for (; at < request + size; at = after(at)) {
        if (strncmp(at, WARM_FOR_FRESH_ONES, sizeof WARM_FOR_FRESH_ONES - 1) != 0) (void)putenv(strdup(at));
    }
    /* Forget audit events that the interpreter caused before this program. */
    end.ran = end.forbidden = false;
    long rest = strcmp(request, "archive") == 0 ? request - argc : argc - request;
    (void)munmap((void *)request, (size_t)size);
    return rest;
}

/*
 * Forks each time PID 1 requests it. Returns only in a fork that has a program, as the user, with the program's
 * standard streams. The result is the offset in REQUEST_FD at which the rest begins.
 */
EXPORT long warm_serve(void) {
    /* Keepers are not waited for. */
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int pair[2], fds[4], tell;
        receive(SOCKET_FD, pair, 2);
        if (split(pair, &tell)) {
            receive(pair[1], fds, 4);
            place_descriptors(fds, tell);
            set_limits();
            drop_privileges();
            return begin_request();
        }
        (void)close(pair[0]);
        (void)close(pair[1]);
    }
}

/* Returns true if stdin is a pipe; otherwise it is /dev/null. */
EXPORT bool warm_input_is_pipe(void) {
    return lseek(STDIN_FILENO, 0, SEEK_CUR) < 0;
}

/* Reports an error in Python before the program could start. */
EXPORT _Noreturn void warm_fail(int stage, int error) {
    fail(stage, error);
}

/* ---- the end ---- */

/*
 * Measures the stack depth for the early end. When only the teardown of the interpreter is left, it raises an audit
 * event (PEP 578; the event is the first step of interpreter_clear in pystate.c). Half of the pages that a short run
 * copies are copied after it, without effect: Python code cannot observe the rest. A run whose exit status is known to
 * be 0 ends there. It is known if the program was run and no exception reached the top, both of which audit events
 * show, and if it did not end by SystemExit: then the event comes from a deeper stack, from Py_Exit instead of
 * Py_RunMain. A fork without a program measures the normal depth.
 */
EXPORT void warm_measure_end(int fd) {
    end.measure_fd = fd;
    set_main("/dev/null", "/dev/null");
}

EXPORT void warm_set_end(const char *depth) {
    end.depth = depth;
}

/* ---- unchanged modules ---- */

/* Modules removed from sys.modules at the end, so that the interpreter does not clear them. */
static struct watched {
    PyObject *name;
    PyObject *module;
    const uint64_t *tag;
    uint64_t value;
} watched[WATCHED_MAX];
static size_t watched_count;

static const uint64_t *tag_of(PyObject *dict) {
    return (const uint64_t *)((const char *)dict + VERSION_TAG_AT);
}

/* Returns true if this Python has the version tag at that offset. `names` may be changed. */
EXPORT bool warm_sees_changes(PyObject *names, PyObject *key) {
    uint64_t first = *tag_of(names);
    bool quiet = *tag_of(names) == first;
    bool changed = PyDict_SetItem(names, key, key) == 0 && *tag_of(names) != first;
    uint64_t second = *tag_of(names);
    return quiet && changed && PyDict_SetItem(names, key, NONE) == 0 && *tag_of(names) != second;
}

/* Watches a module. The caller keeps both objects alive for good. */
EXPORT void warm_watch(PyObject *name, PyObject *module) {
    if (watched_count == WATCHED_MAX) return;
    const uint64_t *tag = tag_of(PyModule_GetDict(module));
    watched[watched_count++] = (struct watched){name, module, tag, *tag};
}

/* Called as the last step before the interpreter clears itself. */
EXPORT void warm_leave(bool shows_nothing_more) {
    PyObject *modules = PyImport_GetModuleDict();
    end.allowed = shows_nothing_more;
    for (size_t i = 0; i < watched_count; i++) {
        struct watched *w = &watched[i];
        if (*w->tag == w->value && PyDict_GetItem(modules, w->name) == w->module) {
            (void)PyDict_SetItem(modules, w->name, NONE);
        }
    }
}

static void leave_early(const char *depth) {
    if (end.measure_fd >= 0) {
        (void)write_all(end.measure_fd, &depth, sizeof depth);
        _exit(0);
    }
    if (end.ran && end.allowed && !end.forbidden && end.depth == depth) exit(0);
}

/* Returns true for the import of an extension module. It may have registered an exit function (Py_AtExit). */
static bool names_library(PyObject *arguments) {
    return PyTuple_Size(arguments) < 2 || PyTuple_GetItem(arguments, 1) != NONE;
}

EXPORT int warm_audit(const char *event, PyObject *arguments, void *data) {
    static const char *const grave[] = {"sys.excepthook", "sys.addaudithook", "ctypes.dlopen"};
    (void)data;
    if (strcmp(event, "exec") == 0) end.ran = true;
    if (strcmp(event, "import") == 0 && names_library(arguments)) end.forbidden = true;
    for (size_t i = 0; i < sizeof grave / sizeof *grave; i++) {
        if (strcmp(event, grave[i]) == 0) end.forbidden = true;
    }
    if (strcmp(event, "cpython.PyInterpreterState_Clear") == 0) leave_early(__builtin_frame_address(0));
    return 0;
}
