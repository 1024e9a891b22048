#define _GNU_SOURCE
#include "command/prefork.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "command/command-state.h"

/* Time without a command after which the pair ends: an idle sandbox should not keep two more processes. */
#define IDLE_US 10000000u
/* Number of consecutive commands from which a pair is worth its cost. A task with a single command after its
 * preparation does not need it. */
#define WORTH_IT 3u

static struct {
    struct prefork_pair pair;
    uint32_t asked; /* consecutive commands */
    uint64_t ends;
} prefork = {.pair = {-1, -1, 0}, .ends = NEVER};

struct prefork_pair prefork_take(void) {
    struct prefork_pair pair = prefork.pair;
    prefork.pair = (struct prefork_pair){-1, -1, 0};
    prefork.ends = NEVER;
    if (prefork.asked < WORTH_IT) prefork.asked++;
    return pair;
}

void prefork_forget(void) {
    struct prefork_pair pair = prefork_take();
    close_fd(&pair.control);
    close_fd(&pair.program);
    prefork.asked = 0;
}

static bool connect_pair(int control[2], int program[2]) {
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) == 0 &&
           socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, program) == 0;
}

void prefork_make(void) {
    int control[2] = {-1, -1}, program[2] = {-1, -1};
    if (prefork.asked < WORTH_IT || prefork.pair.keeper != 0 || commands.count > 0) return;
    pid_t pid = connect_pair(control, program) ? fork() : -1;
    if (pid == 0) keeper_await(control[1], program[1], commands.setup.workspace);
    close_fd(&control[1]);
    close_fd(&program[1]);
    prefork.pair = (struct prefork_pair){control[0], program[0], pid};
    prefork.ends = now_us() + IDLE_US;
    if (pid < 0) prefork_forget();
}

uint64_t prefork_tick(uint64_t now) {
    if (now >= prefork.ends) prefork_forget();
    return prefork.ends;
}

void prefork_reaped(pid_t pid) {
    if (pid == prefork.pair.keeper) prefork_forget();
}

size_t prefork_processes(pid_t *out) {
    if (prefork.pair.keeper == 0) return 0;
    *out = prefork.pair.keeper;
    return 1;
}

uint32_t prefork_sockets(void) {
    return prefork.pair.keeper == 0 ? 0 : 4;
}
