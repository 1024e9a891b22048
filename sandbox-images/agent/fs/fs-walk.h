/* A walk over a directory tree: directories before what is in them, siblings sorted by bytes, no recursion. */
#ifndef RIPCORD_FS_WALK_H
#define RIPCORD_FS_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct walk {
    const char *asked; /* for messages */
    uint64_t depth;
    uint64_t max_entries;
    bool tolerant; /* a directory that cannot be read is left empty instead of ending the operation */
    void *context;
    /* `path` is relative to the top; `name` is the entry's in `dir`. */
    void (*visit)(const struct walk *walk, int dir, const char *name, const char *path, const struct stat *st);
};

/* Every failure ends the operation: a path over PATH_MAX with ENAMETOOLONG, too many entries with E2BIG. */
void walk_tree(const struct walk *walk, int top);
/* Opens the directory an operation is about. */
int walk_open_top(const char *path);

#endif
