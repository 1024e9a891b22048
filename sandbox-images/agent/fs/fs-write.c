/* Implements `write`. All data is received first. Then it is written into the file, or replaces the file atomically. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/util.h"
#include "fs/fs-path.h"
#include "fs/fs-stage.h"
#include "fs/fs.h"

enum write_flag { WRITE_PARENTS = 1, WRITE_APPEND = 2, WRITE_NEW = 4, WRITE_ATOMIC = 8 };

#define CHUNK (128u * 1024)
#define MODE_DEFAULT 0644
/* Flags for the target. O_NONBLOCK and O_NOCTTY: a fifo must not block the operation, a terminal must not become its
 * own. */
#define TARGET (O_WRONLY | O_NONBLOCK | O_NOCTTY)

struct write {
    struct place at; /* resolved place of the file itself */
    uint64_t size;
    uint64_t flags;
    mode_t mode; /* (mode_t)-1: not requested */
};

static void block_terminate(int how) {
    sigset_t terminate;
    (void)sigemptyset(&terminate);
    (void)sigaddset(&terminate, SIGTERM);
    (void)sigprocmask(how, &terminate, NULL);
}

/* Opens the parent directory. It is created only now, so that an aborted write changes nothing. */
static int open_directory(const struct write *w, const char **name) {
    bool parents = (w->flags & WRITE_PARENTS) != 0;
    int dir = parents ? place_make_parent(&w->at, name) : place_open_parent(&w->at, name);
    if (dir < 0) fs_fail(errno == EBUSY ? EISDIR : errno, w->at.asked, "open the directory");
    return dir;
}

/* Refuses invalid targets before the data arrives, if possible. */
static void check_target(const struct write *w) {
    const char *name;
    struct stat st;
    int dir = place_open_parent(&w->at, &name);
    if (dir < 0 && errno == ENOENT && (w->flags & WRITE_PARENTS) != 0) return;
    if (dir < 0) fs_fail(errno == EBUSY ? EISDIR : errno, w->at.asked, "open the directory");
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if ((w->flags & WRITE_NEW) != 0) fs_fail(EEXIST, w->at.asked, "create");
        if (S_ISDIR(st.st_mode)) fs_fail(EISDIR, w->at.asked, "open");
        if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode) && (w->flags & WRITE_ATOMIC) == 0) {
            fs_fail(EINVAL, w->at.asked, "not a regular file");
        }
    }
    (void)close(dir);
}

/* ---- in place ---- */

/* Opens the target. A new file is created with O_EXCL, so that its owner and mode are those of this write. */
static int open_target(const struct write *w, int dir, const char *name, int more, bool *made) {
    *made = false;
    for (;;) {
        int fd = (w->flags & WRITE_NEW) != 0 ? -1 : openat(dir, name, TARGET | more | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0) return fd;
        if ((w->flags & WRITE_NEW) == 0 && errno != ENOENT) return -1;
        fd = openat(dir, name, TARGET | more | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        *made = fd >= 0;
        if (fd >= 0 || errno != EEXIST || (w->flags & WRITE_NEW) != 0) return fd;
    }
}

/* Returns how many of the first `size` bytes are in holes or beyond the end. */
static uint64_t missing_of(int fd, uint64_t old, uint64_t size) {
    uint64_t have = 0;
    for (off_t at = 0; (uint64_t)at < size;) {
        off_t data = lseek(fd, at, SEEK_DATA);
        off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
        /* ENXIO marks the end of the data. If the file system does not support it, treat everything as data. */
        if (hole < 0 && errno != ENXIO) have = min_u64(old, size);
        if (hole < 0 || (uint64_t)data >= size) break;
        have += min_u64((uint64_t)hole, size) - (uint64_t)data;
        at = hole;
    }
    (void)lseek(fd, 0, SEEK_SET);
    return size - have;
}

static bool has_room(int fd, uint64_t growth) {
    struct statvfs fs;
    struct stat st;
    if (fstatvfs(fd, &fs) != 0 || fstat(fd, &st) != 0) return true;
    uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (st.st_dev == stage_device()) room += stage_size();
    return growth <= room;
}

/* Reserves space, so that ENOSPC occurs before any old content is overwritten. */
static bool make_room(int fd, bool made, uint64_t old, uint64_t size) {
    uint64_t growth = made ? size : missing_of(fd, old, size);
    if (made || growth == 0) return has_room(fd, growth);
    /* Reserved space cannot be used by another process. If the received data is on the same tmpfs, its pages become
     * free one by one during the copy, so a reservation can fail although there is enough space. */
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size) == 0 || has_room(fd, growth);
}

static void give_up(const struct write *w, int dir, const char *name, bool made, const char *message) {
    int error = errno;
    if (made) (void)unlinkat(dir, name, 0);
    fs_fail(error, w->at.asked, message);
}

static void check_regular(const struct write *w, int fd, struct stat *st) {
    if (fstat(fd, st) != 0) fs_fail(errno, w->at.asked, "stat");
    if (!S_ISREG(st->st_mode)) fs_fail(S_ISDIR(st->st_mode) ? EISDIR : EINVAL, w->at.asked, "not a regular file");
}

/* Writes in place. Watchers see create, chmod, write for a new file, and write for an old one. The old content is
 * overwritten and truncated afterwards, so that no reader finds the file empty. */
static void write_in_place(const struct write *w) {
    const char *name;
    struct stat st;
    bool made;
    int dir = open_directory(w, &name);
    int fd = open_target(w, dir, name, 0, &made);
    if (fd < 0) fs_fail(errno == ENXIO ? EINVAL : errno, w->at.asked, "open");
    check_regular(w, fd, &st);
    uint64_t old = (uint64_t)st.st_size;
    mode_t mode = w->mode != (mode_t)-1 ? w->mode : made ? MODE_DEFAULT : st.st_mode & 0777;
    if ((made || mode != (st.st_mode & 0777)) && fchmod(fd, mode) != 0) give_up(w, dir, name, made, "chmod");
    if (!make_room(fd, made, old, stage_size())) {
        errno = ENOSPC;
        give_up(w, dir, name, made, "write");
    }
    if (stage_copy_to(fd) != 0) give_up(w, dir, name, made, "write");
    if (old > stage_size() && ftruncate(fd, (off_t)stage_size()) != 0) give_up(w, dir, name, made, "truncate");
    if (close(fd) != 0) fs_fail(errno, w->at.asked, "close");
}

static void append(const struct write *w) {
    const char *name;
    struct stat st;
    bool made;
    int dir = open_directory(w, &name);
    int fd = open_target(w, dir, name, O_APPEND, &made);
    if (fd < 0) fs_fail(errno == ENXIO ? EINVAL : errno, w->at.asked, "open");
    check_regular(w, fd, &st);
    if (made && fchmod(fd, w->mode != (mode_t)-1 ? w->mode : MODE_DEFAULT) != 0) give_up(w, dir, name, made, "chmod");
    if (stage_copy_to(fd) != 0) {
        int error = errno;
        const char *message = ftruncate(fd, st.st_size) == 0 ? "append" : "append, and could not undo it";
        errno = error;
        give_up(w, dir, name, made, message);
    }
    if (close(fd) != 0) fs_fail(errno, w->at.asked, "close");
}

/* ---- atomic: a hidden file in the same directory is renamed to the target ---- */

/* State of the hidden file, also for the signal handler. */
static struct {
    volatile sig_atomic_t exists;
    int dir;
    char name[HIDDEN_NAME_SIZE];
} temporary;

static void drop_temporary(void) {
    if (temporary.exists) (void)unlinkat(temporary.dir, temporary.name, 0);
    temporary.exists = 0;
}

_Noreturn static void fail(int error, const char *path, const char *message) {
    drop_temporary();
    fs_fail(error, path, message);
}

/* Removes the hidden file when the operation is terminated. */
static void on_terminate(int number) {
    drop_temporary();
    _exit(128 + number);
}

static int open_temporary(int dir, const char *path) {
    struct sigaction action = {.sa_handler = on_terminate};
    temporary.dir = dir;
    hidden_name(temporary.name, sizeof temporary.name);
    (void)sigaction(SIGTERM, &action, NULL);
    /* Block SIGTERM until the new file is recorded. */
    block_terminate(SIG_BLOCK);
    int fd = openat(dir, temporary.name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = errno;
    temporary.exists = fd >= 0;
    block_terminate(SIG_UNBLOCK);
    if (fd < 0) fail(error, path, "create");
    return fd;
}

static void receive(int fd, uint64_t size, const char *path) {
    static uint8_t chunk[CHUNK];
    uint64_t left = size;
    while (left > 0) {
        ssize_t n = read(STDIN_FILENO, chunk, left < CHUNK ? (size_t)left : CHUNK);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail(errno, path, "read from stdin");
        if (n == 0 && size == NO_LIMIT) return;
        if (n == 0) fail(ECANCELED, path, "the data ended early");
        if (write_all(fd, chunk, (size_t)n) != 0) fail(errno, path, "write");
        left -= size == NO_LIMIT ? 0 : (uint64_t)n;
    }
}

static int move_to(int dir, const char *name, bool fresh) {
    if (!fresh) return renameat(dir, temporary.name, dir, name);
    if (renameat2(dir, temporary.name, dir, name, RENAME_NOREPLACE) == 0) return 0;
    if (errno != ENOSYS && errno != EINVAL) return -1;
    if (linkat(dir, temporary.name, dir, name, 0) != 0) return -1;
    return unlinkat(dir, temporary.name, 0);
}

static mode_t mode_of(int dir, const char *name) {
    struct stat st;
    bool there = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
    return there ? st.st_mode & 0777 : MODE_DEFAULT;
}

static void replace(const struct write *w) {
    const char *name;
    int dir = open_directory(w, &name);
    mode_t mode = w->mode != (mode_t)-1 ? w->mode : mode_of(dir, name);
    int fd = open_temporary(dir, w->at.asked);
    receive(fd, w->size, w->at.asked);
    if (fchmod(fd, mode) != 0) fail(errno, w->at.asked, "chmod");
    if (close(fd) != 0) fail(errno, w->at.asked, "close");
    if (move_to(dir, name, (w->flags & WRITE_NEW) != 0) != 0) fail(errno, w->at.asked, "rename");
    temporary.exists = 0;
}

/* Resolves the last link. Outside the workspace the kernel's own rules apply. */
static void follow_last_link(struct write *w) {
    char text[PATH_MAX];
    const char *name;
    for (int links = 0; !w->at.beneath; links++) {
        int dir = place_open_parent(&w->at, &name);
        ssize_t length = dir < 0 ? -1 : readlinkat(dir, name, text, sizeof text - 1);
        close_fd(&dir);
        if (length < 0) return;
        if (links == 40) fs_fail(ELOOP, w->at.asked, "too many symbolic links");
        text[length] = '\0';
        size_t kept = text[0] == '/' ? 0 : (size_t)(name - w->at.path);
        if (kept + (size_t)length >= sizeof w->at.path) fs_fail(ENAMETOOLONG, w->at.asked, "resolve");
        memcpy(w->at.path + kept, text, (size_t)length + 1);
    }
}

void fs_write(const struct fs_arguments *a) {
    struct write w;
    place_find(argument_text(a, 0), &w.at);
    w.mode = argument_mode(a, 1, (mode_t)-1);
    w.size = argument_number(a, 2, NO_LIMIT);
    w.flags = argument_number(a, 3, 0);
    if ((w.flags & WRITE_NEW) == 0) {
        if (place_resolve(&w.at, true) != 0) fs_fail(errno, w.at.asked, "follow the link");
        follow_last_link(&w);
    }
    check_target(&w);
    if ((w.flags & WRITE_ATOMIC) != 0) {
        replace(&w);
        return;
    }
    stage_receive(w.size, a->workspace, w.at.asked);
    /* Block SIGTERM from here on, because the file changes. */
    block_terminate(SIG_BLOCK);
    if ((w.flags & WRITE_APPEND) != 0) append(&w);
    else write_in_place(&w);
}
