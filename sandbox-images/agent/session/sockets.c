#define _GNU_SOURCE
#include "session/sockets.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/proc.h"
#include "base/protocol.h"
#include "base/util.h"
#include "command/command.h"
#include "session/localhost-names.h"

#define NEVER UINT64_MAX
#define INTERVAL_US 100000u
/* Interval of the checks from a quarter of the limit on, and while a kill is in progress. */
#define CLOSE_INTERVAL_US 10000u
/* Maximum number at the start: a network has few sockets before the first command. Kernels before 4.16 count the whole
 * machine, which has dozens. */
#define AT_START_MAX 16u
/* Time after a kill in which sockets of killed processes, which the kernel may still collect, do not count. */
#define REST_US 1000000u

static struct {
    int fd; /* -1: sockets cannot be counted */
    uint64_t at_start; /* sockets at the start: an engine may have some */
    uint32_t most;
    uint64_t next; /* time of the next check; NEVER: nothing runs */
    bool killing;
    uint64_t rest;
    uint64_t rest_until;
} sockets = {.fd = -1, .next = NEVER};

/* Counts sockets of every protocol, including closed ones with unsent data and those waiting to be accepted. */
static uint64_t count_all(void) {
    char text[1024];
    ssize_t n = pread(sockets.fd, text, sizeof text - 1, 0);
    if (n <= 0) return PROC_UNKNOWN;
    text[n] = '\0';
    return sockstat_figure(text, "sockets:", " used ");
}

void sockets_open(void) {
    sockets.fd = open("/proc/net/sockstat", O_RDONLY | O_CLOEXEC);
    sockets.at_start = sockets.fd < 0 ? 0 : count_all();
    if (sockets.at_start > AT_START_MAX) close_fd(&sockets.fd);
}

uint16_t sockets_capabilities(void) {
    return sockets.fd < 0 ? 0 : CAN_COUNT_SOCKETS;
}

void sockets_allow(uint32_t most) {
    sockets.most = most;
}

/* Counts the sockets of commands, without the agent's own. */
static uint64_t count_of_commands(void) {
    uint64_t all = count_all(), own = commands_sockets() + names_sockets() + sockets.at_start;
    if (all == PROC_UNKNOWN) return 0;
    return all > own ? all - own : 0;
}

/* Called when the kill is over. */
static void note_rest(uint64_t now) {
    sockets.killing = false;
    sockets.rest = count_of_commands();
    sockets.rest_until = now + REST_US;
}

/* Checks the number. Returns the time until the next check. */
static uint64_t look(uint64_t now) {
    uint64_t count = count_of_commands();
    sockets.rest = now < sockets.rest_until ? min_u64(sockets.rest, count) : 0;
    if (count - sockets.rest > sockets.most) {
        commands_kill_for_sockets();
        sockets.killing = true;
    }
    return sockets.killing || count > sockets.most / 4 ? CLOSE_INTERVAL_US : INTERVAL_US;
}

uint64_t sockets_tick(uint64_t now) {
    if (sockets.killing && !commands_die_for_sockets()) note_rest(now);
    if (sockets.fd < 0 || sockets.most == 0 || !commands_have_keepers()) {
        sockets.next = NEVER;
        return NEVER;
    }
    if (sockets.next == NEVER) sockets.next = now + INTERVAL_US;
    if (now >= sockets.next) sockets.next = now + (sockets.killing ? CLOSE_INTERVAL_US : look(now));
    return sockets.next;
}
