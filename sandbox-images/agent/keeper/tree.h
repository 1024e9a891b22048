/* The process tree below one process, read from /proc, and how to kill all of it. */
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
 * Leaves in `tree` the descendants of `root`, without those in `skip` and what is below them. When there is no memory
 * for all of them, some are left out: callers scan again until nothing is left. 0, or -1 when /proc cannot be read.
 */
int tree_scan(struct tree *tree, pid_t root, const pid_t *skip, size_t skip_count);
void tree_free(struct tree *tree);

/* Sends `signal` to every process of the scan that is not of `but_group` (0: no exception); returns how many are alive. */
size_t tree_signal(const struct tree *tree, int signal, pid_t but_group);

/*
 * One attempt at killing everything below `root`: stops processes until a scan finds no new one, so that none can fork
 * away, then SIGKILL for all. Returns how many living ones it killed; the caller repeats until nothing is left.
 */
size_t tree_kill(pid_t root, const pid_t *skip, size_t skip_count);

#endif
