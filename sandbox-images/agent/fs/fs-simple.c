/* Implements `read`, `stat`, `mkdir` and `rename`. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/util.h"
#include "fs/fs-path.h"
#include "fs/fs-record.h"
#include "fs/fs.h"

/* Opens with O_NONBLOCK, so that a fifo or a device cannot block the operation. */
static int open_regular(const struct place *at, struct stat *st) {
    int fd = place_open(at, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0) fs_fail(errno == ENXIO ? EINVAL : errno, at->asked, "open");
    if (fstat(fd, st) != 0) fs_fail(errno, at->asked, "stat");
    if (S_ISDIR(st->st_mode)) fs_fail(EISDIR, at->asked, "read");
    if (!S_ISREG(st->st_mode)) fs_fail(EINVAL, at->asked, "not a regular file");
    return fd;
}

void fs_read(const struct fs_arguments *a) {
    struct place at;
    struct stat st;
    place_find(argument_text(a, 0), &at);
    uint64_t offset = argument_number(a, 1, 0);
    uint64_t left = argument_number(a, 2, NO_LIMIT);
    int fd = open_regular(&at, &st);
    uint64_t size = (uint64_t)st.st_size;
    if (size > offset && size - offset > left) fs_fail(EFBIG, at.asked, "read");
    if (offset > 0 && (offset > INT64_MAX || lseek(fd, (off_t)offset, SEEK_SET) < 0)) {
        fs_fail(EINVAL, at.asked, "seek");
    }
    for (;;) {
        size_t room;
        uint8_t *to = out_space(&room);
        ssize_t n = read(fd, to, room);
        if (n == 0) break;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fs_fail(errno, at.asked, "read");
        /* The file has grown meanwhile, or does not report its size, as in /proc. */
        if ((uint64_t)n > left) fs_fail(EFBIG, at.asked, "read");
        left -= left == NO_LIMIT ? 0 : (uint64_t)n;
        out_advance((size_t)n);
    }
}

void fs_stat(const struct fs_arguments *a) {
    struct place at;
    struct record record = {0};
    place_find(argument_text(a, 0), &at);
    bool follow = argument_number(a, 1, 0) != 0;
    int fd = place_open(&at, O_PATH | (follow ? 0 : O_NOFOLLOW), 0);
    if (fd < 0 || fstat(fd, &record.st) != 0) fs_fail(errno, at.asked, "stat");
    record.path = at.asked;
    record_read_link(&record, fd, "");
    record_write(&record);
}

static void make_one(const char *path, mode_t mode, bool parents) {
    struct place at;
    const char *name;
    place_find(path, &at);
    if (parents) {
        if (place_make(&at, mode) < 0) fs_fail(errno, at.asked, "mkdir");
        return;
    }
    int dir = place_open_parent(&at, &name);
    if (dir < 0) fs_fail(errno == EBUSY ? EEXIST : errno, at.asked, "mkdir");
    int result = mkdirat(dir, name, mode);
    if (result != 0) fs_fail(errno, at.asked, "mkdir");
    close_fd(&dir);
}

void fs_mkdir(const struct fs_arguments *a) {
    mode_t mode = argument_mode(a, 1, 0755);
    bool parents = argument_number(a, 2, 0) != 0;
    make_one(argument_text(a, 0), mode, parents);
    for (int i = 3; i < a->count; i++) make_one(a->list[i], mode, parents);
}

static int rename_new(int from_dir, const char *from, int to_dir, const char *to) {
    if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != ENOSYS && errno != EINVAL) return -1;
    int error = errno;
    /* Fallback for file systems without the flag: linkat also fails for an existing name. */
    if (linkat(from_dir, from, to_dir, to, 0) != 0) {
        /* Directories cannot be hard-linked. EINVAL also means that a directory would move into itself. */
        if (errno == EPERM) errno = error;
        return -1;
    }
    return unlinkat(from_dir, from, 0);
}

void fs_rename(const struct fs_arguments *a) {
    struct place from, to;
    struct stat st;
    const char *from_name, *to_name;
    place_find(argument_text(a, 0), &from);
    place_find(argument_text(a, 1), &to);
    bool overwrite = argument_number(a, 2, 0) != 0;
    bool parents = argument_number(a, 3, 0) != 0;
    int from_dir = place_open_parent(&from, &from_name);
    if (from_dir < 0) fs_fail(errno, from.asked, "rename");
    /* Check the source before creating a directory for it. */
    if (fstatat(from_dir, from_name, &st, AT_SYMLINK_NOFOLLOW) != 0) fs_fail(errno, from.asked, "rename");
    int to_dir = parents ? place_make_parent(&to, &to_name) : place_open_parent(&to, &to_name);
    if (to_dir < 0) fs_fail(errno, to.asked, "rename");
    int result = overwrite ? renameat(from_dir, from_name, to_dir, to_name)
                           : rename_new(from_dir, from_name, to_dir, to_name);
    if (result == 0) return;
    /* EXDEV also means that a path leads out of the workspace. The message distinguishes the two. */
    bool at_target = errno == EEXIST || errno == ENOTEMPTY || errno == EISDIR || errno == ENOTDIR;
    fs_fail(errno, at_target ? to.asked : from.asked, errno == EXDEV ? "between two file systems" : "rename");
}
