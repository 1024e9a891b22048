#define _GNU_SOURCE
#include "base/cgroup.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/protocol.h"
#include "base/util.h"

#define ROOT "/sys/fs/cgroup"

/* A counter file and the word before the number; NULL if the file holds only the number. */
struct figure {
    int fd;
    const char *key;
    uint32_t divisor;
};

static struct {
    uint16_t version;
    struct figure oom_kills, pids_events, memory, memory_peak, cpu, pids;
} group = {
    .oom_kills = {-1, NULL, 1}, .pids_events = {-1, NULL, 1}, .memory = {-1, NULL, 1},
    .memory_peak = {-1, NULL, 1}, .cpu = {-1, NULL, 1},       .pids = {-1, NULL, 1},
};

/* Finds the line of one controller in /proc/self/cgroup: `4:memory:/path`, for v2 `0::/path`. */
static bool own_path(const char *table, const char *controller, char *out, size_t size) {
    size_t want = strlen(controller);
    for (const char *line = table; line != NULL && *line != '\0';) {
        const char *name = strchr(line, ':');
        const char *path = name == NULL ? NULL : strchr(name + 1, ':');
        const char *end = strchr(line, '\n');
        if (path == NULL || (end != NULL && path > end)) return false;
        if ((size_t)(path - name - 1) == want && memcmp(name + 1, controller, want) == 0) {
            size_t length = end == NULL ? strlen(path + 1) : (size_t)(end - path - 1);
            if (length >= size) return false;
            memcpy(out, path + 1, length);
            out[length] = '\0';
            return true;
        }
        line = end == NULL ? NULL : end + 1;
    }
    return false;
}

/* Opens a file of the process's own cgroup. In the host's cgroup namespace it is at its full path; in a container's
 * mount it is at the root. */
static int open_in(const char *mount, const char *own, const char *file) {
    char path[1024] = ROOT;
    text_append(path, sizeof path, mount);
    text_append(path, sizeof path, own);
    text_append(path, sizeof path, "/");
    text_append(path, sizeof path, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 || own[0] == '\0') return fd;
    return open_in(mount, "", file);
}

static struct figure figure_open(const char *mount, const char *own, const char *file, const char *key) {
    return (struct figure){open_in(mount, own, file), key, 1};
}

static void open_v1(const char *table) {
    char own[512];
    if (!own_path(table, "memory", own, sizeof own)) own[0] = '\0';
    group.oom_kills = figure_open("/memory", own, "memory.oom_control", "oom_kill");
    group.memory = figure_open("/memory", own, "memory.usage_in_bytes", NULL);
    group.memory_peak = figure_open("/memory", own, "memory.max_usage_in_bytes", NULL);
    if (!own_path(table, "pids", own, sizeof own)) own[0] = '\0';
    group.pids_events = figure_open("/pids", own, "pids.events", "max");
    group.pids = figure_open("/pids", own, "pids.current", NULL);
    if (!own_path(table, "cpu,cpuacct", own, sizeof own) && !own_path(table, "cpuacct", own, sizeof own)) own[0] = '\0';
    group.cpu = figure_open("/cpuacct", own, "cpuacct.usage", NULL);
    group.cpu.divisor = 1000;
    group.version = HAS_CGROUP_V1;
}

static void open_v2(const char *table) {
    char own[512];
    if (!own_path(table, "", own, sizeof own)) own[0] = '\0';
    group.oom_kills = figure_open("", own, "memory.events", "oom_kill");
    group.memory = figure_open("", own, "memory.current", NULL);
    group.memory_peak = figure_open("", own, "memory.peak", NULL);
    group.pids_events = figure_open("", own, "pids.events", "max");
    group.pids = figure_open("", own, "pids.current", NULL);
    group.cpu = figure_open("", own, "cpu.stat", "usage_usec");
    group.version = HAS_CGROUP_V2;
}

void cgroup_open(void) {
    char table[4096];
    int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read_all(fd, table, sizeof table - 1);
    close_fd(&fd);
    table[n > 0 ? n : 0] = '\0';
    if (access(ROOT "/cgroup.controllers", F_OK) == 0) {
        open_v2(table);
    } else if (access(ROOT "/memory", F_OK) == 0) {
        open_v1(table);
    }
}

static uint64_t figure_read(const struct figure *f) {
    char text[1024];
    uint64_t value;
    if (f->fd < 0) return FIGURE_UNKNOWN;
    ssize_t n = pread(f->fd, text, sizeof text - 1, 0);
    if (n <= 0) return FIGURE_UNKNOWN;
    text[n] = '\0';
    const char *at = text;
    if (f->key != NULL) {
        size_t length = strlen(f->key);
        while (strncmp(at, f->key, length) != 0 || at[length] != ' ') {
            at = strchr(at, '\n');
            if (at == NULL) return FIGURE_UNKNOWN;
            at++;
        }
        at += length + 1;
    }
    if (!parse_u64(at, strcspn(at, "\n"), 10, UINT64_MAX, &value)) return FIGURE_UNKNOWN;
    return value / f->divisor;
}

uint16_t cgroup_capabilities(void) {
    struct cgroup_counters c = cgroup_counters();
    uint16_t caps = group.version;
    if (c.oom_kills != FIGURE_UNKNOWN) caps |= HAS_OOM_COUNTER;
    if (c.pids_events != FIGURE_UNKNOWN) caps |= HAS_PIDS_COUNTER;
    return caps;
}

struct cgroup_counters cgroup_counters(void) {
    return (struct cgroup_counters){figure_read(&group.oom_kills), figure_read(&group.pids_events)};
}

struct cgroup_figures cgroup_figures(void) {
    return (struct cgroup_figures){figure_read(&group.memory), figure_read(&group.memory_peak),
                                   figure_read(&group.cpu), figure_read(&group.pids)};
}

uint32_t counter_rise(uint64_t before, uint64_t now) {
    if (before == FIGURE_UNKNOWN || now == FIGURE_UNKNOWN || now <= before) return 0;
    uint64_t rise = now - before;
    return rise > UINT32_MAX ? UINT32_MAX : (uint32_t)rise;
}
