/* Stores the data of a write until all of it has arrived: in memory, or above a size in an unnamed file. */
#ifndef RIPCORD_FS_STAGE_H
#define RIPCORD_FS_STAGE_H

#include <stddef.h>
#include <stdint.h>

#include "fs/fs.h"

/* Prepares the directory for unnamed files. PID 1 calls it before the first command. */
void stage_prepare(const char *workspace, uid_t uid, gid_t gid);
/* Returns the descriptor of that directory, which keepers and file operations keep open, or -1. */
int stage_directory(void);

/* Receives `size` bytes of stdin, or all of them (NO_LIMIT). A failure ends the operation without changes. */
void stage_receive(uint64_t size, const char *workspace, const char *asked);
uint64_t stage_size(void);
/* Returns the file system of the data; 0 if it is in memory. */
dev_t stage_device(void);
/* Writes the data to a file and frees it meanwhile. Returns 0, or -1 with errno. */
int stage_copy_to(int fd);

#define HIDDEN_NAME_SIZE 48
/* Returns a unique name for a temporary file. */
void hidden_name(char *out, size_t size);

#endif
