/* The file operations and the connection to a port, run in a forked child that has already become the asked user. */
#ifndef RIPCORD_FS_H
#define RIPCORD_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

_Noreturn void fs_main(int argc, char **argv, const char *workspace);

/* What an operation is given: argv without its name. */
struct fs_arguments {
    const char *operation;
    const char *workspace;
    char **list;
    int count;
};

/* ---- the operations, each in a file named for it or for its kind ---- */

void fs_read(const struct fs_arguments *a);
void fs_write(const struct fs_arguments *a);
void fs_list(const struct fs_arguments *a);
void fs_stat(const struct fs_arguments *a);
void fs_mkdir(const struct fs_arguments *a);
void fs_remove(const struct fs_arguments *a);
/* Everything below `dir`, whoever owns it: for root that may change its user, in a process of its own, while nobody else
 * lives. A failure ends the process as any other. */
void fs_remove_contents(int dir, const char *asked);
void fs_rename(const struct fs_arguments *a);
void fs_untar(const struct fs_arguments *a);
void fs_tar(const struct fs_arguments *a);
void fs_manifest(const struct fs_arguments *a);
void net_connect(const struct fs_arguments *a);
void attempts_make(const struct fs_arguments *a);

/* ---- fs-answer.c: what an operation was asked for, and how it answers ---- */

/* The failure record on stderr and exit code 1. `message` says what was being done. */
_Noreturn void fs_fail(int error, const char *path, const char *message);

const char *argument_text(const struct fs_arguments *a, int index);
/* `-` and a missing argument are the fallback; anything that is not a number fails with EINVAL. `-1` is UINT64_MAX. */
uint64_t argument_number(const struct fs_arguments *a, int index, uint64_t fallback);
mode_t argument_mode(const struct fs_arguments *a, int index, mode_t fallback);

/* Buffered stdout. */
void out_bytes(const void *data, size_t length);
void out_flush(void);
/* Where up to `room` bytes may be put before out_advance; never less than 64 KiB. */
uint8_t *out_space(size_t *room);
void out_advance(size_t length);

#define NO_LIMIT UINT64_MAX

#endif
