/*
 * A program that came with its request: a file of root's, in a directory of its own outside the workspace, there as long as
 * its command. PID 1 writes and removes it, so that no end of a keeper or a command leaves it behind.
 */
#ifndef RIPCORD_PROGRAM_H
#define RIPCORD_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* A small tmpfs that only root writes to. */
#define PROGRAMS_DIR "/run/ripcord"
#define PROGRAM_PATH_MAX 64

struct program {
    char directory[PROGRAM_PATH_MAX];
    char path[PROGRAM_PATH_MAX]; /* empty: there is none */
};

/* Into a directory with the lowest free number. 0, or the errno; then nothing is left. */
int program_write(struct program *p, const char *name, struct slice text);
/* Harmless where there is none. */
void program_remove(struct program *p);

#endif
