/* Implements `remove` at any depth, with one open directory and a list of names instead of recursion. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/dirent-raw.h"
#include "base/util.h"
#include "fs/fs-path.h"
#include "fs/fs.h"

/* Number of attempts. If a process keeps adding files, the operation fails instead of waiting. */
#define REMOVE_TRIES 100
#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

/* One step of the way back: a directory above the current one, and the current one's name in it. */
struct step {
    dev_t device;
    ino_t inode;
    char *name;
};

static struct {
    const char *asked;
    int dir;
    bool as_owners; /* acts as the owner of each directory */
    struct step *steps;
    size_t count;
    size_t size;
} way;

/* Returns true if the mode can be changed: the owner of a directory without permissions may restore them. */
static bool may_now(int dir) {
    int error = errno;
    bool changed = error == EACCES && fchmod(dir, 0700) == 0;
    errno = error;
    return changed;
}

static int unlink_at(const char *name, int flags) {
    if (unlinkat(way.dir, name, flags) == 0 || errno == ENOENT) return 0;
    if (!may_now(way.dir)) return -1;
    return unlinkat(way.dir, name, flags) == 0 || errno == ENOENT ? 0 : -1;
}

/* Acts as the owner of the directory, who may remove everything in it except the content of other users' directories. */
static void act_as_owner(int dir) {
    struct stat st;
    if (!way.as_owners) return;
    if (fstat(dir, &st) != 0) fs_fail(errno, way.asked, "stat");
    (void)setfsuid(st.st_uid);
}

/* Opens a directory as its owner, who may differ from the owner of the parent and may lack access through it. */
static int open_as_owner(const char *name) {
    struct stat st;
    if (fchmod(way.dir, 0777) != 0 || fstatat(way.dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return -1;
    (void)setfsuid(st.st_uid);
    if (fchmodat(way.dir, name, 0777, 0) != 0) return -1;
    return openat(way.dir, name, OPEN_DIRECTORY);
}

static int open_at(const char *name) {
    if (way.as_owners) return open_as_owner(name);
    int fd = openat(way.dir, name, OPEN_DIRECTORY);
    if (fd >= 0 || errno != EACCES) return fd;
    /* Either the directory itself is closed, or its parent. The parent of the whole tree is not changed. */
    bool opened = fchmodat(way.dir, name, 0700, 0) == 0;
    if (!opened && may_now(way.dir)) opened = fchmodat(way.dir, name, 0700, 0) == 0;
    if (opened) return openat(way.dir, name, OPEN_DIRECTORY);
    errno = EACCES;
    return -1;
}

static void push(const char *name) {
    struct stat st;
    if (way.count == way.size) {
        way.size = way.size * 2 + 64;
        way.steps = realloc(way.steps, way.size * sizeof *way.steps);
    }
    struct step *s = way.steps == NULL ? NULL : &way.steps[way.count];
    if (s == NULL || (s->name = strdup(name)) == NULL) fs_fail(ENOMEM, way.asked, "remove");
    if (fstat(way.dir, &st) != 0) fs_fail(errno, way.asked, "stat");
    s->device = st.st_dev;
    s->inode = st.st_ino;
    way.count++;
}

static bool descend(const char *name) {
    int fd = open_at(name);
    if (fd < 0) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return false;
        fs_fail(errno, way.asked, "open a directory");
    }
    push(name);
    (void)close(way.dir);
    way.dir = fd;
    return true;
}

/* Goes up one level. If the directory was moved meanwhile, `..` leads elsewhere: nothing is removed there. Returns
 * false if entries were added meanwhile. */
static bool ascend(void) {
    struct stat st;
    struct step *s = &way.steps[--way.count];
    int up = openat(way.dir, "..", OPEN_DIRECTORY);
    if (up < 0 && may_now(way.dir)) up = openat(way.dir, "..", OPEN_DIRECTORY);
    if (up < 0 || fstat(up, &st) != 0) fs_fail(errno, way.asked, "go back up");
    if (st.st_dev != s->device || st.st_ino != s->inode) fs_fail(ESTALE, way.asked, "moved while it was removed");
    (void)close(way.dir);
    way.dir = up;
    act_as_owner(up);
    bool removed = unlink_at(s->name, AT_REMOVEDIR) == 0;
    if (!removed && errno != ENOTEMPTY) fs_fail(errno, way.asked, "remove a directory");
    free(s->name);
    return removed;
}

/* Removes one name. Returns true if it is a directory that had to be entered instead. */
static bool remove_name(const char *name, bool directory) {
    if (!directory) {
        if (unlink_at(name, 0) == 0) return false;
        if (errno != EISDIR && errno != EPERM) fs_fail(errno, way.asked, "remove");
    }
    if (unlink_at(name, AT_REMOVEDIR) == 0) return false;
    if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES) fs_fail(errno, way.asked, "remove a directory");
    return descend(name);
}

/* Removes one buffer of entries of the current directory. Returns false if it is empty. */
static bool remove_some(void) {
    char buffer[32768] __attribute__((aligned(8)));
    long n = syscall(SYS_getdents64, way.dir, buffer, sizeof buffer);
    if (n < 0 && errno != ENOENT) fs_fail(errno, way.asked, "read a directory");
    for (long at = 0; at < n;) {
        const struct dirent_raw *entry = (const void *)(buffer + at);
        at += entry->length;
        if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0) continue;
        if (remove_name(entry->name, entry->type == DIRENT_DIRECTORY)) return true;
    }
    return n > 0;
}

void fs_remove_contents(int dir, const char *asked) {
    way.asked = asked;
    way.as_owners = true;
    way.dir = fcntl(dir, F_DUPFD_CLOEXEC, 3);
    if (way.dir < 0) fs_fail(errno, asked, "open");
    for (;;) {
        if (remove_some()) continue;
        if (way.count == 0) break;
        (void)ascend();
    }
    (void)close(way.dir);
}

/* Removes everything below. After going up, a directory is opened again and read from its start, so remaining entries
 * are found. */
static void remove_below(int parent, const char *name) {
    way.dir = parent;
    for (int tries = 0; tries < REMOVE_TRIES; tries++) {
        bool removed = false;
        if (!descend(name)) return;
        while (way.count > 0) {
            if (!remove_some()) removed = ascend();
        }
        if (removed) return;
    }
    fs_fail(ENOTEMPTY, way.asked, "remove a directory");
}

void fs_remove(const struct fs_arguments *a) {
    struct place at;
    const char *name;
    place_find(argument_text(a, 0), &at);
    bool recursive = argument_number(a, 1, 0) != 0;
    bool force = argument_number(a, 2, 0) != 0;
    int parent = place_open_parent(&at, &name);
    way.asked = at.asked;
    if (parent < 0) {
        if (errno == ENOENT && force) return;
        fs_fail(errno, at.asked, "remove");
    }
    if (unlinkat(parent, name, 0) == 0 || (errno == ENOENT && force)) return;
    if (errno != EISDIR && errno != EPERM) fs_fail(errno, at.asked, "remove");
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0) return;
    if (!recursive || (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES)) {
        fs_fail(errno == ENOTDIR ? EPERM : errno, at.asked, "remove");
    }
    remove_below(parent, name);
}
