#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "fs/fs-path.h"

#define DIRECTORY (O_PATH | O_DIRECTORY | O_CLOEXEC)
/* Number of retries: openat2 returns EAGAIN if a component was renamed meanwhile. */
#define RACE_RETRIES 64

static const char *workspace;
static bool has_openat2;

static int openat2_beneath(int root, const char *path, int flags, mode_t mode, uint64_t resolve) {
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_BENEATH | resolve};
    int fd = -1;
    if ((flags & O_CREAT) != 0) how.mode = mode;
    for (int i = 0; i < RACE_RETRIES; i++) {
        fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
        if (fd >= 0 || errno != EAGAIN) break;
    }
    return fd;
}

void paths_init(const char *path) {
    int probe = openat2_beneath(AT_FDCWD, ".", O_PATH, 0, RESOLVE_NO_MAGICLINKS);
    has_openat2 = probe >= 0;
    close_fd(&probe);
    workspace = path;
}

const char *workspace_path(void) {
    return workspace;
}

const char *place_below_workspace(const char *path) {
    size_t length = strlen(workspace);
    if (strncmp(path, workspace, length) != 0 || (path[length] != '/' && path[length] != '\0')) return NULL;
    path += length;
    return path + strspn(path, "/");
}

/* ---- without openat2: one component at a time, no links ---- */

static bool is_link(int dir, const char *name) {
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static int open_step(int dir, const char *name, int flags, mode_t mode) {
    if (strcmp(name, "..") == 0) {
        errno = EXDEV;
        return -1;
    }
    /* Check for a link first, because O_PATH opens a link as itself. A swap in between opens the link, not its target. */
    bool wants_link = (flags & O_PATH) != 0 && (flags & O_NOFOLLOW) != 0 && (flags & O_DIRECTORY) == 0;
    if (!wants_link && is_link(dir, name)) {
        errno = EXDEV;
        return -1;
    }
    return openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
}

static int open_by_steps(int root, const char *path, int flags, mode_t mode) {
    char name[NAME_MAX + 1];
    int dir = openat(root, ".", DIRECTORY);
    while (dir >= 0) {
        path += strspn(path, "/");
        size_t length = strcspn(path, "/");
        bool last = path[length + strspn(path + length, "/")] == '\0';
        if (length > NAME_MAX) {
            errno = ENAMETOOLONG;
            break;
        }
        memcpy(name, length == 0 ? "." : path, length == 0 ? 1 : length);
        name[length == 0 ? 1 : length] = '\0';
        int next = open_step(dir, name, last ? flags : DIRECTORY, mode);
        int error = errno;
        (void)close(dir);
        errno = error;
        if (last) return next;
        dir = next;
        path += length;
    }
    if (dir >= 0) {
        int error = errno;
        (void)close(dir);
        errno = error;
    }
    return -1;
}

/* ---- both ways ---- */

int open_beneath(int root, const char *path, int flags, mode_t mode, bool no_links) {
    if (!has_openat2) return open_by_steps(root, path, flags, mode);
    return openat2_beneath(root, path, flags, mode, RESOLVE_NO_MAGICLINKS | (no_links ? RESOLVE_NO_SYMLINKS : 0u));
}

int make_beneath(int root, const char *path, mode_t mode, bool no_links) {
    char step[PATH_MAX];
    int fd = open_beneath(root, path, DIRECTORY, 0, no_links);
    if (fd >= 0 || errno != ENOENT) return fd;
    size_t length = strlen(path);
    if (length >= sizeof step) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int dir = open_beneath(root, ".", DIRECTORY, 0, no_links);
    for (size_t from = 0; dir >= 0 && from < length;) {
        size_t part = strcspn(path + from, "/");
        memcpy(step, path + from, part);
        step[part] = '\0';
        int result = mkdirat(dir, step, mode);
        int next = result == 0 || errno == EEXIST ? open_beneath(dir, step, DIRECTORY, 0, no_links) : -1;
        int error = errno;
        (void)close(dir);
        errno = error;
        dir = next;
        from += part + 1;
    }
    return dir;
}
