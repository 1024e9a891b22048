/* Resolves symbolic links below the workspace. openat2 with RESOLVE_BENEATH refuses every absolute link, also one back
 * into the workspace, and kernels without openat2 lack such a rule. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "fs/fs-path.h"

/* Maximum number of links: the kernel's own limit (path_resolution(7)). */
#define MAX_LINKS 40

struct resolution {
    char done[PATH_MAX]; /* resolved part, without links, from the root */
    char rest[PATH_MAX];
    int links;
};

static int fail_with(int error) {
    errno = error;
    return -1;
}

static int append_name(char *path, const char *name, size_t length) {
    size_t used = strlen(path);
    if (used + 1 + length + 1 > PATH_MAX) return fail_with(ENAMETOOLONG);
    if (used > 0) path[used++] = '/';
    memcpy(path + used, name, length);
    path[used + length] = '\0';
    return 0;
}

static void drop_last_name(char *path) {
    char *slash = strrchr(path, '/');
    *(slash == NULL ? path : slash) = '\0';
}

/* Reads the text of the link at `path`. Returns 0 if it is missing or not a link. */
static ssize_t link_text(int root, const char *path, char *text) {
    int fd = open_beneath(root, path, O_PATH | O_NOFOLLOW, 0, true);
    if (fd < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
    ssize_t length = readlinkat(fd, "", text, PATH_MAX - 1);
    (void)close(fd);
    if (length < 0) return 0;
    text[length] = '\0';
    return length;
}

/* Replaces a link's name by its text. */
static int follow_link(struct resolution *r, const char *text, const char *after) {
    char rest[PATH_MAX];
    const char *inside = text;
    if (++r->links > MAX_LINKS) return fail_with(ELOOP);
    drop_last_name(r->done);
    if (text[0] == '/') {
        inside = place_below_workspace(text);
        if (inside == NULL) return fail_with(EXDEV);
        r->done[0] = '\0';
    }
    if (strlen(inside) + 1 + strlen(after) + 1 > sizeof rest) return fail_with(ENAMETOOLONG);
    rest[0] = '\0';
    text_append(rest, sizeof rest, inside);
    text_append(rest, sizeof rest, "/");
    text_append(rest, sizeof rest, after);
    memcpy(r->rest, rest, strlen(rest) + 1);
    return 0;
}

static int resolve(int root, struct resolution *r, bool follow_last) {
    char text[PATH_MAX];
    const char *at = r->rest;
    for (;;) {
        at += strspn(at, "/");
        size_t length = strcspn(at, "/");
        if (length == 0) return 0;
        const char *name = at;
        at += length;
        bool last = at[strspn(at, "/")] == '\0';
        if (length == 1 && name[0] == '.') continue;
        if (length == 2 && memcmp(name, "..", 2) == 0) {
            if (r->done[0] == '\0') return fail_with(EXDEV);
            drop_last_name(r->done);
            continue;
        }
        if (append_name(r->done, name, length) != 0) return -1;
        if (last && !follow_last) return 0;
        ssize_t text_length = link_text(root, r->done, text);
        if (text_length < 0) return -1;
        if (text_length == 0) continue;
        if (follow_link(r, text, at) != 0) return -1;
        at = r->rest;
    }
}

int place_resolve(struct place *at, bool follow_last) {
    struct resolution r = {.done = "", .links = 0};
    if (!at->beneath) return 0;
    memcpy(r.rest, at->path, sizeof r.rest);
    if (resolve(at->root, &r, follow_last) != 0) return -1;
    if (r.done[0] == '\0') r.done[0] = '.', r.done[1] = '\0';
    memcpy(at->path, r.done, sizeof at->path);
    return 0;
}
