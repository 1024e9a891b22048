/*
 * A program that came with its request: a file of root, in a directory of its own outside the workspace, that exists as
 * long as its command. PID 1 writes and removes it, so that it is removed however the keeper or the command ends.
 */
#ifndef RIPCORD_PROGRAM_H
#define RIPCORD_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* Mount point of a small tmpfs to which only root writes. */
#define PROGRAMS_DIR "/run/ripcord"
#define PROGRAM_PATH_MAX 64

struct program {
    char directory[PROGRAM_PATH_MAX];
    char path[PROGRAM_PATH_MAX]; /* empty: no program */
};

/* Writes the program into a directory with the lowest free number. Returns 0, or the errno; then nothing is left. */
int program_write(struct program *p, const char *name, struct slice text);
/* Removes the program, if there is one. */
void program_remove(struct program *p);

#endif
