#define _GNU_SOURCE
#include "fs/fs-walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/dirent-raw.h"
#include "base/util.h"
#include "fs/fs-path.h"
#include "fs/fs.h"

/* Number of open levels. Higher levels are closed on the way down and reopened on the way up. */
#define OPEN_LEVELS 64
/* Maximum depth: a path of PATH_MAX bytes cannot have more components. */
#define LEVELS_MAX (PATH_MAX / 2)

struct level {
    int fd; /* -1 while closed */
    dev_t device;
    ino_t inode;
    size_t path_length;
    char *names; /* all names, each with its NUL */
    char **sorted;
    size_t count;
    size_t next;
};

static struct {
    int top;
    uint64_t entries;
    size_t depth; /* current level */
    struct level levels[LEVELS_MAX + 1];
    char path[PATH_MAX];
} state;

int walk_open_top(const char *path) {
    struct place at;
    place_find(path, &at);
    int fd = place_open(&at, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) fs_fail(errno, path, "open");
    return fd;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_itself(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

struct names {
    char *bytes;
    size_t used;
    size_t size;
    size_t count;
};

static void add_name(const struct walk *walk, struct names *names, const char *name) {
    size_t length = strlen(name) + 1;
    if (state.entries >= walk->max_entries) fs_fail(E2BIG, walk->asked, "too many entries");
    state.entries++;
    if (names->size - names->used < length) {
        names->size = names->size * 2 + 4096;
        names->bytes = realloc(names->bytes, names->size);
        if (names->bytes == NULL) fs_fail(ENOMEM, walk->asked, "read a directory");
    }
    memcpy(names->bytes + names->used, name, length);
    names->used += length;
    names->count++;
}

static void read_names(const struct walk *walk, int fd, struct names *names) {
    char buffer[32768] __attribute__((aligned(8)));
    long n;
    while ((n = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0) {
        for (long at = 0; at < n;) {
            const struct dirent_raw *entry = (const void *)(buffer + at);
            at += entry->length;
            if (!is_itself(entry->name)) add_name(walk, names, entry->name);
        }
    }
    /* ENOENT: the directory was removed while it was open, so it is empty. */
    if (n < 0 && errno != ENOENT) fs_fail(errno, walk->asked, "read a directory");
}

static void sort_names(const struct walk *walk, struct level *l, struct names *names) {
    l->names = names->bytes;
    l->count = names->count;
    l->next = 0;
    l->sorted = calloc(names->count + 1, sizeof *l->sorted);
    if (l->sorted == NULL) fs_fail(ENOMEM, walk->asked, "sort a directory");
    char *at = names->bytes;
    for (size_t i = 0; i < names->count; i++) {
        l->sorted[i] = at;
        at += strlen(at) + 1;
    }
    if (l->count > 1) qsort(l->sorted, l->count, sizeof *l->sorted, compare_names);
}

static void enter(const struct walk *walk, int fd, size_t path_length) {
    struct names names = {0};
    struct stat st;
    struct level *l = &state.levels[state.depth];
    if (fstat(fd, &st) != 0) fs_fail(errno, walk->asked, "stat a directory");
    l->fd = fd;
    l->device = st.st_dev;
    l->inode = st.st_ino;
    l->path_length = path_length;
    read_names(walk, fd, &names);
    sort_names(walk, l, &names);
    if (state.depth <= OPEN_LEVELS) return;
    struct level *far = &state.levels[state.depth - OPEN_LEVELS];
    close_fd(&far->fd);
}

static void leave(struct level *l) {
    free(l->names);
    free(l->sorted);
    close_fd(&l->fd);
    state.depth--;
}

/* Reopens a directory by its path, without links, and only if it is still the same one. */
static void reopen(const struct walk *walk, struct level *l) {
    struct stat st;
    if (l->fd >= 0) return;
    state.path[l->path_length] = '\0';
    l->fd = open_beneath(state.top, state.path, O_RDONLY | O_DIRECTORY, 0, true);
    if (l->fd < 0 || fstat(l->fd, &st) != 0) fs_fail(errno, state.path, "open again");
    if (st.st_dev != l->device || st.st_ino != l->inode) fs_fail(ESTALE, walk->asked, "moved while it was read");
}

static size_t append_name(const struct walk *walk, size_t length, const char *name) {
    size_t name_length = strlen(name);
    size_t slash = length == 0 ? 0 : 1;
    if (length + slash + name_length >= sizeof state.path) fs_fail(ENAMETOOLONG, walk->asked, "the path is too long");
    if (slash == 1) state.path[length] = '/';
    memcpy(state.path + length + slash, name, name_length + 1);
    return length + slash + name_length;
}

static void descend(const struct walk *walk, struct level *l, const char *name, size_t path_length) {
    int fd = openat(l->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        /* The directory was removed or replaced meanwhile. */
        if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return;
        if (walk->tolerant && (errno == EACCES || errno == EPERM)) return;
        fs_fail(errno, state.path, "open");
    }
    state.depth++;
    enter(walk, fd, path_length);
}

static void visit_next(const struct walk *walk, struct level *l) {
    struct stat st;
    const char *name = l->sorted[l->next++];
    reopen(walk, l);
    size_t path_length = append_name(walk, l->path_length, name);
    if (fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT && !walk->tolerant) fs_fail(errno, state.path, "stat");
        return;
    }
    walk->visit(walk, l->fd, name, state.path, &st);
    if (S_ISDIR(st.st_mode) && state.depth + 1 < walk->depth) descend(walk, l, name, path_length);
}

void walk_tree(const struct walk *walk, int top) {
    if (walk->depth == 0) return;
    /* Duplicate the descriptor: the walk closes its own, and `top` stays open. */
    int fd = fcntl(top, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) fs_fail(errno, walk->asked, "dup");
    state.top = top;
    state.depth = 0;
    enter(walk, fd, 0);
    for (;;) {
        struct level *l = &state.levels[state.depth];
        if (l->next < l->count) {
            visit_next(walk, l);
        } else if (state.depth > 0) {
            leave(l);
        } else {
            break;
        }
    }
}
