#define _GNU_SOURCE
#include "keeper/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/dirent-raw.h"
#include "base/util.h"

/* Maximum number of freezing passes: a stopped process of a fork bomb can be continued by another that is not stopped
 * yet. */
#define FREEZE_PASSES 50
#define FIRST_CAPACITY 256

enum mark { MARK_UNKNOWN, MARK_INSIDE, MARK_OUTSIDE };

static bool tree_reserve(struct tree *tree) {
    if (tree->count < tree->capacity) return true;
    size_t capacity = tree->capacity == 0 ? FIRST_CAPACITY : tree->capacity * 2;
    struct tree_process *list = realloc(tree->list, capacity * sizeof *list);
    if (list == NULL) return false;
    tree->list = list;
    tree->capacity = capacity;
    return true;
}

void tree_free(struct tree *tree) {
    free(tree->list);
    *tree = (struct tree){0};
}

/* Skips `count` fields divided by single spaces. */
static const char *skip_fields(const char *at, int count) {
    while (count-- > 0) {
        at = strchr(at, ' ');
        if (at == NULL) return NULL;
        at++;
    }
    return at;
}

static bool field_u64(const char *at, uint64_t *out) {
    return at != NULL && parse_u64(at, strcspn(at, " \n"), 10, UINT64_MAX, out);
}

/* Parses `pid (name) state ppid pgrp …`. The name may contain anything, so the last parenthesis counts. */
static bool parse_stat(const char *text, struct tree_process *out) {
    uint64_t parent, group, session, threads;
    const char *at = strrchr(text, ')');
    if (at == NULL || at[1] != ' ' || at[2] == '\0') return false;
    char state = at[2];
    const char *parent_at = skip_fields(at, 2);
    if (!field_u64(parent_at, &parent) || !field_u64(skip_fields(at, 3), &group)) return false;
    if (!field_u64(skip_fields(at, 4), &session)) return false;
    /* Read the number of threads: a process whose first thread has ended appears as a zombie while other threads run. */
    if (!field_u64(skip_fields(at, 18), &threads)) threads = 1;
    out->parent = (pid_t)parent;
    out->group = (pid_t)group;
    out->session = (pid_t)session;
    out->alive = (state != 'Z' && state != 'X') || threads > 1;
    return true;
}

static bool read_process(int proc, const char *name, struct tree_process *out) {
    char path[32] = "";
    char text[1024];
    uint64_t pid;
    if (!parse_u64(name, strlen(name), 10, INT32_MAX, &pid)) return false;
    text_append(path, sizeof path, name);
    text_append(path, sizeof path, "/stat");
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    if (n <= 0) return false;
    text[n] = '\0';
    *out = (struct tree_process){.pid = (pid_t)pid};
    return parse_stat(text, out);
}

static int read_processes(struct tree *tree) {
    char buffer[8192] __attribute__((aligned(8)));
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0) return -1;
    tree->count = 0;
    long n;
    while ((n = syscall(SYS_getdents64, proc, buffer, sizeof buffer)) > 0) {
        for (long at = 0; at < n;) {
            const struct dirent_raw *entry = (const void *)(buffer + at);
            at += entry->length;
            struct tree_process process;
            if (!read_process(proc, entry->name, &process)) continue;
            if (!tree_reserve(tree)) break;
            tree->list[tree->count++] = process;
        }
    }
    (void)close(proc);
    return n < 0 ? -1 : 0;
}

static int compare_pids(const void *a, const void *b) {
    pid_t x = ((const struct tree_process *)a)->pid;
    pid_t y = ((const struct tree_process *)b)->pid;
    return (x > y) - (x < y);
}

static struct tree_process *find_process(const struct tree *tree, pid_t pid) {
    struct tree_process key = {.pid = pid};
    if (tree->count == 0) return NULL;
    return bsearch(&key, tree->list, tree->count, sizeof key, compare_pids);
}

static bool is_in(pid_t pid, const pid_t *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (list[i] == pid) return true;
    }
    return false;
}

/* Returns the mark of the nearest ancestor that has one. The walk is bounded, because two reads of a changing /proc can
 * show a cycle. */
static enum mark judge(const struct tree *tree, const struct tree_process *p, pid_t root) {
    for (size_t steps = 0; p != NULL && steps <= tree->count; steps++) {
        if (p->mark != MARK_UNKNOWN) return (enum mark)p->mark;
        if (p->parent == root) return MARK_INSIDE;
        p = find_process(tree, p->parent);
    }
    return MARK_OUTSIDE;
}

/* Stores the mark on the whole path, so that a deep chain is walked once. */
static void mark_path(const struct tree *tree, struct tree_process *p, enum mark mark) {
    while (p != NULL && p->mark == MARK_UNKNOWN) {
        p->mark = (uint8_t)mark;
        p = find_process(tree, p->parent);
    }
}

int tree_scan(struct tree *tree, pid_t root, const pid_t *skip, size_t skip_count) {
    if (read_processes(tree) != 0) return -1;
    if (tree->count > 1) qsort(tree->list, tree->count, sizeof *tree->list, compare_pids);
    for (size_t i = 0; i < tree->count; i++) {
        struct tree_process *p = &tree->list[i];
        if (p->pid == root || is_in(p->pid, skip, skip_count)) p->mark = MARK_OUTSIDE;
    }
    for (size_t i = 0; i < tree->count; i++) {
        struct tree_process *p = &tree->list[i];
        if (p->mark == MARK_UNKNOWN) mark_path(tree, p, judge(tree, p, root));
    }
    size_t kept = 0;
    for (size_t i = 0; i < tree->count; i++) {
        if (tree->list[i].mark == MARK_INSIDE) tree->list[kept++] = tree->list[i];
    }
    tree->count = kept;
    return 0;
}

size_t tree_signal(const struct tree *tree, int signal, pid_t but_group) {
    size_t alive = 0;
    for (size_t i = 0; i < tree->count; i++) {
        if (but_group == 0 || tree->list[i].group != but_group) (void)kill(tree->list[i].pid, signal);
        if (tree->list[i].alive) alive++;
    }
    return alive;
}

/* Stops processes that are not in `seen`. Returns their number. */
static size_t stop_new(const struct tree *tree, const struct tree *seen) {
    size_t fresh = 0;
    for (size_t i = 0; i < tree->count; i++) {
        if (!tree->list[i].alive || find_process(seen, tree->list[i].pid) != NULL) continue;
        (void)kill(tree->list[i].pid, SIGSTOP);
        fresh++;
    }
    return fresh;
}

size_t tree_kill(pid_t root, const pid_t *skip, size_t skip_count) {
    struct tree seen = {0};
    struct tree now = {0};
    size_t alive = 0;
    for (int pass = 0; pass < FREEZE_PASSES; pass++) {
        if (tree_scan(&now, root, skip, skip_count) != 0) break;
        size_t fresh = stop_new(&now, &seen);
        struct tree swap = seen;
        seen = now;
        now = swap;
        /* All processes were stopped before this scan began, so no fork can have been missed. */
        if (fresh == 0) break;
    }
    alive = tree_signal(&seen, SIGKILL, 0);
    tree_free(&seen);
    tree_free(&now);
    return alive;
}
