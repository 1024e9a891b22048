#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/dirent-raw.h"
#include "base/proc.h"
#include "base/sha256.h"
#include "base/user.h"
#include "base/util.h"
#include "fs/fs.h"
#include "reset/reset.h"

#define TABLE_SIZE 65536
#define ROOTS_MAX 16
#define NODES_MAX 64
#define PATH_SIZE 256
#define XATTRS_SIZE 512
#define OPEN_ROOT (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define NO_FLAGS (-1L)

/* A writable tmpfs or mqueue mount. */
struct root {
    char path[PATH_SIZE];
    bool empty; /* empty at the start; if false, only root writes to it */
    struct stat st;
    long flags;
    char xattrs[XATTRS_SIZE];
    ssize_t xattrs_length;
    uint64_t blocks_free, inodes_free;
};

/* A world-writable device. The only state that stays in it is the time of the last write. */
struct node {
    char path[PATH_SIZE];
    struct stat st;
};

static struct {
    uint8_t table[32];
    struct root roots[ROOTS_MAX];
    size_t root_count;
    struct node nodes[NODES_MAX];
    size_t node_count;
} start;

/* ---- reading the mount table ---- */

static bool take_space(struct root *r) {
    struct statfs fs;
    if (statfs(r->path, &fs) != 0) return false;
    r->blocks_free = fs.f_bfree;
    r->inodes_free = fs.f_ffree;
    return true;
}

static bool take_marks(struct root *r) {
    r->xattrs_length = listxattr(r->path, r->xattrs, sizeof r->xattrs);
    if (r->xattrs_length < 0 && errno == ENOTSUP) r->xattrs_length = 0;
    return r->xattrs_length >= 0 && lstat(r->path, &r->st) == 0 && take_space(r);
}

static long read_flags(int dir) {
    int flags;
    return ioctl(dir, FS_IOC_GETFLAGS, &flags) == 0 ? flags : NO_FLAGS;
}

static bool is_dot(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Calls `visit` for each name until it returns false. */
static bool each_name(int dir, bool (*visit)(const char *name, void *context), void *context) {
    char buffer[8192] __attribute__((aligned(8)));
    long n;
    while ((n = syscall(SYS_getdents64, dir, buffer, sizeof buffer)) > 0) {
        for (long at = 0; at < n;) {
            const struct dirent_raw *entry = (const void *)(buffer + at);
            at += entry->length;
            if (!is_dot(entry->name) && !visit(entry->name, context)) return false;
        }
    }
    return n == 0;
}

static bool refuse(const char *name, void *context) {
    (void)name;
    (void)context;
    return false;
}

static bool only_root_writes(const struct stat *st) {
    return st->st_uid == 0 && (st->st_mode & 022) == 0;
}

/* Remembers the devices in a directory of root that is not empty, such as /dev. Links and closed files cannot be
 * changed. */
static bool remember_node(const char *name, void *context) {
    const struct stat *top = ((void **)context)[0];
    struct node n = {0};
    text_append(n.path, sizeof n.path, ((void **)context)[1]);
    text_append(n.path, sizeof n.path, "/");
    text_append(n.path, sizeof n.path, name);
    if (lstat(n.path, &n.st) != 0) return false;
    if (S_ISLNK(n.st.st_mode) || n.st.st_dev != top->st_dev) return true;
    if (!S_ISCHR(n.st.st_mode) && !S_ISBLK(n.st.st_mode)) return only_root_writes(&n.st) && !S_ISDIR(n.st.st_mode);
    if (start.node_count == NODES_MAX) return false;
    start.nodes[start.node_count++] = n;
    return true;
}

/* Opens a root as its owner, because the agent's root user may not read another user's private directory. */
static int open_root(const char *path) {
    struct stat st;
    if (lstat(path, &st) != 0) return -1;
    user_set_file_rights(st.st_uid, st.st_gid);
    int dir = open(path, OPEN_ROOT);
    int error = errno;
    user_set_file_rights(0, 0);
    errno = error;
    return dir;
}

static bool remember_root(struct reset_result *out, const char *path) {
    struct root r = {.flags = NO_FLAGS};
    text_append(r.path, sizeof r.path, path);
    int dir = open_root(path);
    /* A single mounted file is a device of /dev, which hides another file. */
    if (dir < 0 && errno == ENOTDIR) {
        bool device = lstat(path, &r.st) == 0 && S_ISCHR(r.st.st_mode);
        return device || reset_fail(out, ENOTSUP, "a writable file is mounted at ", path);
    }
    bool empty = dir >= 0 && each_name(dir, refuse, NULL);
    r.flags = dir < 0 ? NO_FLAGS : read_flags(dir);
    bool known = dir >= 0 && take_marks(&r);
    void *context[] = {&r.st, r.path};
    r.empty = empty;
    if (known && !empty) {
        known = only_root_writes(&r.st) && lseek(dir, 0, SEEK_SET) == 0 && each_name(dir, remember_node, context);
    }
    close_fd(&dir);
    if (!known || start.root_count == ROOTS_MAX) return reset_fail(out, ENOTSUP, "no full view of ", path);
    /* A mount that only root writes to is compared by its free space. */
    start.roots[start.root_count++] = r;
    return true;
}

static bool is_one_of(const char *name, const char *const *list) {
    for (; *list != NULL; list++) {
        if (strcmp(name, *list) == 0) return true;
    }
    return false;
}

/* Decodes blanks in paths, which are written as \040 and the like. */
static bool decode_path(const char *from, char *to, size_t size) {
    size_t used = 0;
    while (*from != '\0' && used + 1 < size) {
        if (*from == '\\' && from[1] != '\0' && from[2] != '\0' && from[3] != '\0') {
            to[used++] = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            to[used++] = *from++;
        }
    }
    to[used] = '\0';
    return *from == '\0';
}

static bool is_writable(const char *options) {
    return strncmp(options, "rw", 2) == 0 && (options[2] == ',' || options[2] == '\0');
}

/* Parses `id parent device root path options … - type source options`. */
static bool remember_mount(struct reset_result *out, char *line) {
    static const char *const emptied[] = {"tmpfs", "mqueue", NULL};
    /* Skip file systems of the kernel, in which commands own only their processes and terminals. */
    static const char *const views[] = {"proc", "sysfs", "cgroup", "cgroup2", "devpts", NULL};
    char *fields[6], *rest[3], path[PATH_SIZE], *save = NULL;
    char *tail = strstr(line, " - ");
    if (tail == NULL) return reset_fail(out, EINVAL, "no view of the mounts", "");
    *tail = '\0';
    for (int i = 0; i < 6; i++) {
        if ((fields[i] = strtok_r(i == 0 ? line : NULL, " ", &save)) == NULL) return reset_fail(out, EINVAL, "mounts", "");
    }
    for (int i = 0; i < 3; i++) {
        if ((rest[i] = strtok_r(i == 0 ? tail + 3 : NULL, " ", &save)) == NULL) return reset_fail(out, EINVAL, "mounts", "");
    }
    if (!is_writable(fields[5]) || !is_writable(rest[2]) || is_one_of(rest[0], views)) return true;
    if (!decode_path(fields[4], path, sizeof path)) return reset_fail(out, ENAMETOOLONG, "a mount's path", "");
    if (!is_one_of(rest[0], emptied)) return reset_fail(out, ENOTSUP, "a writable mount at ", path);
    return remember_root(out, path);
}

static bool hash_table(char *text, uint8_t hash[32]) {
    struct sha256 sum;
    long n = proc_read("/proc/self/mountinfo", text, TABLE_SIZE);
    if (n <= 0) return false;
    sha256_init(&sum);
    sha256_add(&sum, text, (size_t)n);
    sha256_end(&sum, hash);
    return true;
}

static bool remember_all(struct reset_result *out, char *text) {
    char *save = NULL;
    bool queues = false;
    if (!hash_table(text, start.table)) return reset_fail(out, errno, "no view of the mounts", "");
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        if (strstr(line, " - mqueue ") != NULL) queues = true;
        if (!remember_mount(out, line)) return false;
    }
    return queues || reset_fail(out, ENOTSUP, "POSIX message queues cannot be seen", "");
}

bool mounts_remember(struct reset_result *out) {
    char *text = pages_alloc(TABLE_SIZE);
    if (text == NULL) return reset_fail(out, ENOMEM, "no view of the mounts", "");
    bool done = remember_all(out, text);
    pages_free(text, TABLE_SIZE);
    return done;
}

/* ---- restoring it ---- */

static bool remove_xattrs(const struct root *r) {
    char names[4096];
    ssize_t length = listxattr(r->path, names, sizeof names);
    if (length < 0) return errno == ENOTSUP;
    for (const char *name = names; name < names + length; name += strlen(name) + 1) {
        if (memmem(r->xattrs, (size_t)r->xattrs_length, name, strlen(name) + 1) != NULL) continue;
        if (removexattr(r->path, name) != 0) return false;
    }
    return true;
}

/* Removes the content as the owner of the root, because the agent's root user cannot remove files of other users. */
static bool empty_root(const struct root *r) {
    struct timespec times[2] = {r->st.st_atim, r->st.st_mtim};
    int flags = (int)r->flags;
    (void)setfsuid(r->st.st_uid);
    /* Open it to all users for a moment, because entries below may belong to others. */
    if (chmod(r->path, 0777) != 0) return false;
    int dir = open(r->path, OPEN_ROOT);
    if (dir < 0) return false;
    fs_remove_contents(dir, r->path);
    (void)setfsuid(r->st.st_uid);
    bool done = remove_xattrs(r) && (r->flags == NO_FLAGS || ioctl(dir, FS_IOC_SETFLAGS, &flags) == 0) &&
                fchmod(dir, r->st.st_mode & 07777) == 0 && futimens(dir, times) == 0;
    close_fd(&dir);
    return done;
}

bool mounts_empty(void) {
    bool done = true;
    for (size_t i = 0; i < start.root_count; i++) {
        if (start.roots[i].empty) done = empty_root(&start.roots[i]) && done;
    }
    (void)setfsuid(0);
    for (size_t i = 0; i < start.node_count; i++) {
        struct timespec times[2] = {start.nodes[i].st.st_atim, start.nodes[i].st.st_mtim};
        done = utimensat(AT_FDCWD, start.nodes[i].path, times, AT_SYMLINK_NOFOLLOW) == 0 && done;
    }
    return done;
}

/* ---- proving it ---- */

static bool same_entry(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
           a->st_gid == b->st_gid && a->st_rdev == b->st_rdev && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Compares two states of a root. The size of a tmpfs directory grows with every name in it. */
static bool same_root(const struct root *now, const struct root *then) {
    return same_entry(&now->st, &then->st) && now->st.st_size == then->st.st_size && now->st.st_nlink == then->st.st_nlink &&
           now->blocks_free == then->blocks_free && now->inodes_free == then->inodes_free && now->flags == then->flags &&
           now->xattrs_length == then->xattrs_length && memcmp(now->xattrs, then->xattrs, (size_t)now->xattrs_length) == 0;
}

static bool prove_root(struct reset_result *out, const struct root *then) {
    struct root now = {0};
    text_append(now.path, sizeof now.path, then->path);
    int dir = open_root(then->path);
    if (dir < 0) return reset_fail(out, errno, "no view of ", then->path);
    now.flags = read_flags(dir);
    close_fd(&dir);
    if (take_marks(&now) && same_root(&now, then)) return true;
    return reset_fail(out, ENOTEMPTY, "something is left in or of ", then->path);
}

bool mounts_prove(struct reset_result *out) {
    uint8_t table[32];
    struct stat st;
    char *text = pages_alloc(TABLE_SIZE);
    bool read = text != NULL && hash_table(text, table);
    if (text != NULL) pages_free(text, TABLE_SIZE);
    if (!read) return reset_fail(out, errno, "no view of the mounts", "");
    if (memcmp(table, start.table, sizeof table) != 0) return reset_fail(out, EPERM, "changed mounts", "");
    for (size_t i = 0; i < start.root_count; i++) {
        if (!prove_root(out, &start.roots[i])) return false;
    }
    for (size_t i = 0; i < start.node_count; i++) {
        const struct node *n = &start.nodes[i];
        if (lstat(n->path, &st) != 0 || !same_entry(&st, &n->st)) return reset_fail(out, EPERM, "a change of ", n->path);
    }
    return true;
}
