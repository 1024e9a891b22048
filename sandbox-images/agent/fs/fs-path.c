#define _GNU_SOURCE
#include "fs/fs-path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "fs/fs.h"

#define DIRECTORY (O_PATH | O_DIRECTORY | O_CLOEXEC)

static int workspace_fd = -1;

static void copy_path(struct place *out, const char *path) {
    size_t length = strlen(path);
    if (length >= sizeof out->path) fs_fail(ENAMETOOLONG, out->asked, "resolve");
    while (length > 1 && path[length - 1] == '/') length--;
    memcpy(out->path, path, length);
    out->path[length] = '\0';
}

void place_find(const char *path, struct place *out) {
    const char *below = place_below_workspace(path);
    out->asked = path;
    out->root = AT_FDCWD;
    out->beneath = false;
    if (path[0] != '/') fs_fail(EINVAL, path, "the path must be absolute");
    /* No path leads out of a workspace of "/". */
    if (below == NULL || workspace_path()[1] == '\0') {
        copy_path(out, path);
        return;
    }
    if (workspace_fd < 0) workspace_fd = open(workspace_path(), DIRECTORY);
    if (workspace_fd < 0) fs_fail(errno, path, "open the workspace");
    out->root = workspace_fd;
    out->beneath = true;
    copy_path(out, *below == '\0' ? "." : below);
}

int place_open(const struct place *at, int flags, mode_t mode) {
    if (!at->beneath) return openat(at->root, at->path, flags | O_CLOEXEC, mode);
    int fd = open_beneath(at->root, at->path, flags, mode, false);
    if (fd >= 0 || (errno != EXDEV && errno != ELOOP)) return fd;
    /* The kernel's rule also refuses absolute links into the workspace, so they are resolved here. */
    struct place real = *at;
    bool follows = (flags & O_NOFOLLOW) == 0 && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
    if (place_resolve(&real, follows) != 0) return -1;
    return open_beneath(real.root, real.path, flags, mode, true);
}

/* Splits the path into the directory and the last name. */
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

/* Creates directories from the first component down. Existing ones are not changed. */
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

