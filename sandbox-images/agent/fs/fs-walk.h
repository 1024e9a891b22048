/* Walks a directory tree without recursion: a directory before its content, siblings sorted by bytes. */
#ifndef RIPCORD_FS_WALK_H
#define RIPCORD_FS_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct walk {
    const char *asked; /* path for error messages */
    uint64_t depth;
    uint64_t max_entries;
    bool tolerant; /* treats an unreadable directory as empty instead of failing */
    void *context;
    /* `path` is relative to the top; `name` is the entry's in `dir`. */
    void (*visit)(const struct walk *walk, int dir, const char *name, const char *path, const struct stat *st);
};

/* Walks the tree. Every failure ends the operation: a path over PATH_MAX with ENAMETOOLONG, too many entries with
 * E2BIG. */
void walk_tree(const struct walk *walk, int top);
/* Opens the directory of an operation. */
int walk_open_top(const char *path);

#endif
