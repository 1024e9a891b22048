/* File operations and port connections. They run in a forked child that has already switched to the requested user. */
#ifndef RIPCORD_FS_H
#define RIPCORD_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

_Noreturn void fs_main(int argc, char **argv, const char *workspace);

/* Arguments of an operation: argv without its name. */
struct fs_arguments {
    const char *operation;
    const char *workspace;
    char **list;
    int count;
};

/* ---- the operations, each in a file named for it or its kind ---- */

void fs_read(const struct fs_arguments *a);
void fs_write(const struct fs_arguments *a);
void fs_list(const struct fs_arguments *a);
void fs_stat(const struct fs_arguments *a);
void fs_mkdir(const struct fs_arguments *a);
void fs_remove(const struct fs_arguments *a);
/* Removes everything below `dir`, with any owner. Only for root that may change its user, in a process of its
 * own, while no command runs. A failure ends the process. */
void fs_remove_contents(int dir, const char *asked);
void fs_rename(const struct fs_arguments *a);
void fs_untar(const struct fs_arguments *a);
void fs_tar(const struct fs_arguments *a);
void fs_manifest(const struct fs_arguments *a);
void net_connect(const struct fs_arguments *a);
void attempts_make(const struct fs_arguments *a);

/* ---- fs-answer.c: arguments and answers of an operation ---- */

/* Writes the failure record to stderr and exits with code 1. `message` names the failed step. */
_Noreturn void fs_fail(int error, const char *path, const char *message);

const char *argument_text(const struct fs_arguments *a, int index);
/* Parses a number. `-` and a missing argument give `fallback`; other text fails with EINVAL. `-1` is UINT64_MAX. */
uint64_t argument_number(const struct fs_arguments *a, int index, uint64_t fallback);
mode_t argument_mode(const struct fs_arguments *a, int index, mode_t fallback);

/* Writes to stdout with a buffer. */
void out_bytes(const void *data, size_t length);
void out_flush(void);
/* Returns buffer space of at least 64 KiB, up to `room` bytes, for use before out_advance. */
uint8_t *out_space(size_t *room);
void out_advance(size_t length);

#define NO_LIMIT UINT64_MAX

#endif
