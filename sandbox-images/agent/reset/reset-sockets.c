#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "base/proc.h"
#include "base/util.h"
#include "reset/reset.h"

#define TEXT_SIZE 16384
#define PROTOCOLS_MAX 64

/*
 * Counters at the start. Reading /proc/net/tcp walks a hash table of hundreds of thousands of buckets, which takes 30
 * ms for both families. So it is only read if TCP was used: the kernel counts every segment. Other sockets are counted
 * by protocol, and TIME_WAIT separately.
 */
static struct {
    uint64_t sockets[PROTOCOLS_MAX];
    size_t protocols;
    uint64_t segments;
} start;

static char text[TEXT_SIZE];

/* Parses `name size sockets memory …`, one line for each protocol. Returns 0 if it cannot be read. */
static size_t count_sockets(uint64_t out[PROTOCOLS_MAX]) {
    size_t count = 0;
    if (proc_read("/proc/net/protocols", text, sizeof text) <= 0) return 0;
    for (const char *line = strchr(text, '\n'); line != NULL && line[1] != '\0'; line = strchr(line, '\n')) {
        line++;
        const char *at = line + strcspn(line, " ");
        at += strspn(at, " ");
        at += strcspn(at, " ");
        if (count == PROTOCOLS_MAX) return 0;
        out[count++] = number_at(at);
    }
    return count;
}

/* Parses the two lines of `Tcp:`. The second has the values of the fields named by the first: In- and OutSegs are the
 * 10th and 11th. */
static bool count_segments(uint64_t *out) {
    if (proc_read("/proc/net/snmp", text, sizeof text) <= 0) return false;
    const char *at = strstr(text, "\nTcp: ");
    if (at == NULL || strstr(at, " InSegs OutSegs ") == NULL) return false;
    at = strstr(at + 1, "\nTcp: ");
    for (int i = 0; at != NULL && i < 10; i++) {
        at = strchr(at, ' ');
        if (at != NULL) at++;
    }
    uint64_t in = at == NULL ? UINT64_MAX : number_at(at);
    const char *next = at == NULL ? NULL : strchr(at, ' ');
    uint64_t sent = next == NULL ? UINT64_MAX : number_at(next);
    *out = in + sent;
    return in != UINT64_MAX && sent != UINT64_MAX;
}

/* Returns true if the file has only a heading, or does not exist. */
static bool is_empty(const char *path) {
    long n = proc_read(path, text, sizeof text);
    if (n < 0) return errno == ENOENT;
    return n > 0 && strchr(text, '\n') == text + n - 1;
}

static bool no_rest(struct reset_result *out) {
    static const char *const lists[] = {"/proc/net/unix", "/proc/net/ip6_flowlabel"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (!is_empty(lists[i])) return reset_fail(out, EADDRINUSE, "entries in ", lists[i]);
    }
    if (proc_read("/proc/net/sockstat", text, sizeof text) <= 0 || sockstat_figure(text, "TCP:", " tw ") == UINT64_MAX) {
        return reset_fail(out, errno, "no view of ", "/proc/net/sockstat");
    }
    if (sockstat_figure(text, "TCP:", " tw ") != 0) return reset_fail(out, EADDRINUSE, "TCP connections in TIME_WAIT", "");
    if (sockstat_figure(text, "FRAG:", " inuse ") != 0) return reset_fail(out, EADDRINUSE, "fragments of packets", "");
    if (proc_read("/proc/net/sockstat6", text, sizeof text) > 0 && sockstat_figure(text, "FRAG6:", " inuse ") != 0) {
        return reset_fail(out, EADDRINUSE, "fragments of packets", "");
    }
    return true;
}

bool sockets_remember(struct reset_result *out) {
    start.protocols = count_sockets(start.sockets);
    if (start.protocols == 0) return reset_fail(out, errno, "no view of ", "/proc/net/protocols");
    if (!count_segments(&start.segments)) return reset_fail(out, errno, "no view of ", "/proc/net/snmp");
    return no_rest(out);
}

bool sockets_prove(struct reset_result *out) {
    uint64_t sockets[PROTOCOLS_MAX], segments;
    size_t protocols = count_sockets(sockets);
    if (protocols != start.protocols || memcmp(sockets, start.sockets, protocols * sizeof *sockets) != 0) {
        return reset_fail(out, EADDRINUSE, "sockets in ", "/proc/net/protocols");
    }
    if (!no_rest(out)) return false;
    if (!count_segments(&segments)) return reset_fail(out, errno, "no view of ", "/proc/net/snmp");
    if (segments == start.segments) return true;
    if (!is_empty("/proc/net/tcp")) return reset_fail(out, EADDRINUSE, "entries in ", "/proc/net/tcp");
    if (!is_empty("/proc/net/tcp6")) return reset_fail(out, EADDRINUSE, "entries in ", "/proc/net/tcp6");
    start.segments = segments;
    return true;
}
