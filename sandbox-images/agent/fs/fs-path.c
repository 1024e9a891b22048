#define _GNU_SOURCE
#include "fs/fs-path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "fs/fs.h"

#define DIRECTORY (O_PATH | O_DIRECTORY | O_CLOEXEC)
/* openat2 says EAGAIN when something was renamed on the way. */
#define RACE_RETRIES 64

static const char *workspace;
static int workspace_fd = -1;
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

/* ---- without openat2: one component at a time, no link anywhere ---- */

static bool is_link(int dir, const char *name) {
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static int open_step(int dir, const char *name, int flags, mode_t mode) {
    if (strcmp(name, "..") == 0) {
        errno = EXDEV;
        return -1;
    }
    /* With O_PATH a link opens as itself, so it is looked for first; a swap in between opens the link, not its target. */
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

int open_beneath(int root, const char *path, int flags, mode_t mode, bool no_links) {
    if (!has_openat2) return open_by_steps(root, path, flags, mode);
    return openat2_beneath(root, path, flags, mode, RESOLVE_NO_MAGICLINKS | (no_links ? RESOLVE_NO_SYMLINKS : 0u));
}

/* ---- places ---- */

static void copy_path(struct place *out, const char *path) {
    size_t length = strlen(path);
    if (length >= sizeof out->path) fs_fail(ENAMETOOLONG, out->asked, "resolve");
    while (length > 1 && path[length - 1] == '/') length--;
    memcpy(out->path, path, length);
    out->path[length] = '\0';
}

const char *place_below_workspace(const char *path) {
    size_t length = strlen(workspace);
    if (strncmp(path, workspace, length) != 0 || (path[length] != '/' && path[length] != '\0')) return NULL;
    path += length;
    return path + strspn(path, "/");
}

void place_find(const char *path, struct place *out) {
    const char *below = place_below_workspace(path);
    out->asked = path;
    out->root = AT_FDCWD;
    out->beneath = false;
    if (path[0] != '/') fs_fail(EINVAL, path, "the path must be absolute");
    /* A workspace of "/" cannot be left anyway. */
    if (below == NULL || workspace[1] == '\0') {
        copy_path(out, path);
        return;
    }
    if (workspace_fd < 0) workspace_fd = open(workspace, DIRECTORY);
    if (workspace_fd < 0) fs_fail(errno, path, "open the workspace");
    out->root = workspace_fd;
    out->beneath = true;
    copy_path(out, *below == '\0' ? "." : below);
}

int place_open(const struct place *at, int flags, mode_t mode) {
    if (!at->beneath) return openat(at->root, at->path, flags | O_CLOEXEC, mode);
    int fd = open_beneath(at->root, at->path, flags, mode, false);
    if (fd >= 0 || (errno != EXDEV && errno != ELOOP)) return fd;
    /* The kernel's rule refuses absolute links into the workspace as well: they are followed by hand. */
    struct place real = *at;
    bool follows = (flags & O_NOFOLLOW) == 0 && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
    if (place_resolve(&real, follows) != 0) return -1;
    return open_beneath(real.root, real.path, flags, mode, true);
}

/* Cuts the path into the directory and the last name. */
static int split_place(const struct place *at, struct place *parent, const char **name) {
    const char *slash = strrchr(at->path, '/');
    const char *last = slash == NULL ? at->path : slash + 1;
    if (*last == '\0' || strcmp(at->path, ".") == 0) {
        errno = EBUSY;
        return -1;
    }
    if (strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
        errno = EINVAL;
        return -1;
    }
    *parent = *at;
    size_t length = slash == NULL ? 0 : (size_t)(slash - at->path);
    if (length == 0) memcpy(parent->path, at->path[0] == '/' ? "/" : ".", 2);
    else parent->path[length] = '\0';
    *name = last;
    return 0;
}

int place_open_parent(const struct place *at, const char **name) {
    struct place parent;
    return split_place(at, &parent, name) != 0 ? -1 : place_open(&parent, DIRECTORY, 0);
}

static int mkdir_in(const struct place *at, mode_t mode) {
    const char *name;
    int dir = place_open_parent(at, &name);
    if (dir < 0) return -1;
    int result = mkdirat(dir, name, mode);
    int error = errno;
    (void)close(dir);
    errno = error;
    return result;
}

/* From the first component down; what is there already stays as it is. */
int place_make(const struct place *at, mode_t mode) {
    struct place step = *at;
    int fd = place_open(at, DIRECTORY, 0);
    if (fd >= 0 || errno != ENOENT) return fd;
    for (size_t end = 1;; end++) {
        end += strcspn(step.path + end, "/");
        char kept = step.path[end];
        step.path[end] = '\0';
        int result = mkdir_in(&step, kept == '\0' ? mode : 0755);
        if (result != 0 && errno != EEXIST && errno != EBUSY) return -1;
        step.path[end] = kept;
        if (kept == '\0') return place_open(at, DIRECTORY, 0);
    }
}

int place_make_parent(const struct place *at, const char **name) {
    struct place parent;
    if (split_place(at, &parent, name) != 0) return -1;
    return place_make(&parent, 0755);
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
