/* Resolves paths. Below the workspace, links must not lead out of it; elsewhere the user's permissions are the limit. */
#ifndef RIPCORD_FS_PATH_H
#define RIPCORD_FS_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct place {
    const char *asked; /* the path as the host sent it */
    int root;          /* the workspace, or AT_FDCWD */
    bool beneath;
    char path[PATH_MAX]; /* from the root; "." is the root itself */
};

/* ---- fs-beneath.c: opening below a directory, with or without links ---- */

void paths_init(const char *workspace);
const char *workspace_path(void);
/* Returns the part of an absolute path below the workspace ("" is the workspace itself), or NULL for a path elsewhere. */
const char *place_below_workspace(const char *path);

/* Opens `path` beneath `root`. With `no_links` no component may be a link. Returns -1 with errno, EXDEV for a path that
 * leads out. */
int open_beneath(int root, const char *path, int flags, mode_t mode, bool no_links);
/* Creates the missing directories of `path` beneath `root` and opens the last one. */
int make_beneath(int root, const char *path, mode_t mode, bool no_links);

/* ---- fs-resolve.c ---- */

/* Replaces every link in a path below the workspace by its target; the link of the last name only with `follow_last`.
 * Missing names are kept. Returns -1 with errno: EXDEV for a link that leads out, ELOOP for too many links. */
int place_resolve(struct place *at, bool follow_last);

/* ---- fs-path.c ---- */

/* Initialises a place. Ends the operation if the path is not absolute or too long. */
void place_find(const char *path, struct place *out);
/* Opens a place and follows links that stay in the workspace, relative or absolute. Returns -1 with errno. */
int place_open(const struct place *at, int flags, mode_t mode);
/* Opens the directory of a place and sets its name there. Returns -1 with errno (EBUSY: it is the workspace itself). */
int place_open_parent(const struct place *at, const char **name);
/* Opens the directory of a place like place_open_parent, and creates missing directories. */
int place_make_parent(const struct place *at, const char **name);
/* Creates the directory and missing directories above it. */
int place_make(const struct place *at, mode_t mode);

#endif
