/* Where a path leads. Below the workspace no link leads out of it; elsewhere the user's rights are the limit. */
#ifndef RIPCORD_FS_PATH_H
#define RIPCORD_FS_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct place {
    const char *asked; /* as the host gave it */
    int root;          /* the workspace, or AT_FDCWD */
    bool beneath;
    char path[PATH_MAX]; /* from the root; "." is the root itself */
};

/* ---- fs-beneath.c: opening below a directory, links or not ---- */

void paths_init(const char *workspace);
const char *workspace_path(void);
/* The part of an absolute path below the workspace ("" is the workspace itself), or NULL for a path elsewhere. */
const char *place_below_workspace(const char *path);

/* Opens `path` beneath `root`; with `no_links` no component may be one. -1 with errno, EXDEV for the way out. */
int open_beneath(int root, const char *path, int flags, mode_t mode, bool no_links);
/* Makes the missing directories of `path` beneath `root` and opens the last. */
int make_beneath(int root, const char *path, mode_t mode, bool no_links);

/* ---- fs-resolve.c ---- */

/* Replaces every link of a path below the workspace by its target; the last name's only with `follow_last`. What is
 * missing stays as it is. -1 with errno: EXDEV for a link that leads out, ELOOP for too many. */
int place_resolve(struct place *at, bool follow_last);

/* ---- fs-path.c ---- */

/* Fails for good when the path is not absolute or too long. */
void place_find(const char *path, struct place *out);
/* Follows links that stay in the workspace, relative or absolute. -1 with errno. */
int place_open(const struct place *at, int flags, mode_t mode);
/* The directory a place lies in, and its name there; -1 with errno (EBUSY: it is the workspace itself). */
int place_open_parent(const struct place *at, const char **name);
/* The same, making what is missing on the way. */
int place_make_parent(const struct place *at, const char **name);
/* Makes the directory and what is missing above it. */
int place_make(const struct place *at, mode_t mode);

#endif
