/* Reads the process tree below one process from /proc, and kills all of it. */
#ifndef RIPCORD_TREE_H
#define RIPCORD_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tree_process {
    pid_t pid;
    pid_t parent;
    pid_t group;
    pid_t session;
    bool alive; /* not a zombie waiting to be reaped */
    uint8_t mark;
};

struct tree {
    struct tree_process *list;
    size_t count;
    size_t capacity;
};

/*
 * Stores the descendants of `root` in `tree`, except those in `skip` and their descendants. If memory does not suffice,
 * some are left out: callers scan again until none is left. Returns 0, or -1 if /proc cannot be read.
 */
int tree_scan(struct tree *tree, pid_t root, const pid_t *skip, size_t skip_count);
void tree_free(struct tree *tree);

/* Sends `signal` to every process of the scan, except those in the group `but_group` (0: no exception). Returns how
 * many are alive. */
size_t tree_signal(const struct tree *tree, int signal, pid_t but_group);

/*
 * Tries once to kill everything below `root`: stops processes until a scan finds no new one, so that none can fork
 * away, then sends SIGKILL to all. Returns how many live ones it killed; the caller repeats until none is left.
 */
size_t tree_kill(pid_t root, const pid_t *skip, size_t skip_count);

#endif
